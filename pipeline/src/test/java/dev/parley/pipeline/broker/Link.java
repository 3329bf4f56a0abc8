package dev.parley.pipeline.broker;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** A way to a server that can be cut, and on which the answers can be held back, as by a stalled network. */
final class Link implements AutoCloseable {
    private final URI target;
    private final ServerSocket server;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final AtomicInteger connections = new AtomicInteger();
    private boolean held;

    Link(URI target) throws IOException {
        this.target = target;
        this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::accept);
    }

    URI uri() {
        return URI.create("%s://%s@127.0.0.1:%d%s"
                .formatted(target.getScheme(), target.getRawUserInfo(), server.getLocalPort(), target.getRawPath()));
    }

    void hold() {
        set(true);
    }

    void letGo() {
        set(false);
    }

    /** Connections made so far. */
    int connections() {
        return connections.get();
    }

    /** Ends every connection; new ones go through. */
    void cut() throws IOException {
        for (Socket socket : sockets) {
            sockets.remove(socket);
            socket.close();
        }
    }

    private void set(boolean value) {
        lock.lock();
        try {
            held = value;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket client = server.accept();
                Socket there = new Socket(target.getHost(), target.getPort());
                sockets.add(client);
                sockets.add(there);
                connections.incrementAndGet();
                Thread.ofVirtual().start(() -> copy(client, there, false));
                Thread.ofVirtual().start(() -> copy(there, client, true));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void copy(Socket from, Socket to, boolean answers) {
        byte[] buffer = new byte[8192];
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                if (answers) {
                    await();
                }
                out.write(buffer, 0, n);
            }
        } catch (IOException | InterruptedException e) {
            // The link's end, whoever ended it.
        }
    }

    private void await() throws InterruptedException {
        lock.lock();
        try {
            while (held) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() throws IOException {
        letGo();
        server.close();
        cut();
    }
}
