package dev.parley.dev.net;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A port of the loopback interface behind which a test decides what becomes of each connection: led on, slowed, cut.
 * Thread-safe.
 */
public final class Relay implements AutoCloseable {
    private static final int BACKLOG = 500;
    private static final int PIECE = 65_536;

    private final ServerSocket server;
    private final Service service;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger connections = new AtomicInteger();

    /** What is done with a connection, on a thread of its own; it is closed afterwards. */
    @FunctionalInterface
    public interface Service {
        /** @param relay to {@link Relay#connect} onwards with */
        void serve(Relay relay, Socket client) throws IOException, InterruptedException;
    }

    /** Sees a piece before it goes on, and may hold it back. */
    @FunctionalInterface
    public interface Watch {
        /** Lets everything pass at once. */
        Watch NONE = (bytes, length) -> {};

        void before(byte[] bytes, int length) throws InterruptedException;
    }

    private Relay(int port, Service service) throws IOException {
        this.service = service;
        this.server = new ServerSocket(port, BACKLOG, InetAddress.getLoopbackAddress());
    }

    /** @param port 0 for any free one */
    public static Relay start(int port, Service service) throws IOException {
        Relay relay = new Relay(port, service);
        Thread.ofVirtual().name("relay-" + relay.port()).start(relay::accept);
        return relay;
    }

    public int port() {
        return server.getLocalPort();
    }

    /** Connections taken so far. */
    public int connections() {
        return connections.get();
    }

    /** Opens a connection that is cut with all the others. */
    public Socket connect(String host, int port) throws IOException {
        return kept(new Socket(host, port));
    }

    /** Leads two connections into each other until one of them ends; then both have ended. */
    public static void join(Socket client, Watch out, Socket target, Watch back) throws InterruptedException {
        Thread returning = Thread.ofVirtual().start(() -> copy(target, client, back));
        copy(client, target, out);
        returning.join();
    }

    /** Copies until one of the two ends; then both have ended. */
    public static void copy(Socket from, Socket to, Watch watch) {
        byte[] piece = new byte[PIECE];
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int length; (length = in.read(piece)) >= 0; ) {
                watch.before(piece, length);
                out.write(piece, 0, length);
            }
        } catch (IOException | InterruptedException e) {
            // The connection's end, whoever ended it.
        }
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket client = kept(server.accept());
                connections.incrementAndGet();
                Thread.ofVirtual().start(() -> serve(client));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            service.serve(this, client);
        } catch (IOException | InterruptedException e) {
            // The connection's end, whoever ended it.
        } finally {
            open.removeIf(Socket::isClosed);
        }
    }

    private Socket kept(Socket socket) throws IOException {
        open.add(socket);
        // A piece is sent when it has come, as without a relay.
        socket.setTcpNoDelay(true);
        return socket;
    }

    /** Ends every connection; new ones are taken. */
    public void cut() throws IOException {
        for (Socket socket : open) {
            socket.close();
        }
    }

    /** Ends every connection and takes no more. */
    @Override
    public void close() throws IOException {
        server.close();
        cut();
    }
}
