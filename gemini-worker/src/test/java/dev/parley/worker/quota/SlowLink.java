package dev.parley.worker.quota;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A way to Redis on which every answer takes so much longer; what is sent one after the other travels at once. */
final class SlowLink implements AutoCloseable {
    private final ServerSocket server;
    private final URI target;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger unanswered = new AtomicInteger();
    private final AtomicInteger mostUnanswered = new AtomicInteger();
    private volatile Duration delay;
    private volatile long heldUntilNanos = System.nanoTime();

    private record Piece(byte[] bytes, long dueNanos) {}

    private static final Piece END = new Piece(new byte[0], 0);

    SlowLink(URI target, Duration delay) throws IOException {
        this.target = target;
        this.delay = delay;
        this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::accept);
    }

    URI uri() {
        return URI.create("redis://%s@127.0.0.1:%d%s"
                .formatted(target.getRawUserInfo(), server.getLocalPort(), target.getPath()));
    }

    void delay(Duration each) {
        delay = each;
    }

    /** From now on no answer comes through for so long. */
    void hold(Duration time) {
        heldUntilNanos = System.nanoTime() + time.toNanos();
    }

    /** How many calls of a script were under way at once at most. */
    int mostUnanswered() {
        return mostUnanswered.get();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket client = server.accept();
                open.add(client);
                Thread.ofVirtual().start(() -> serve(client));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket client) {
        try (client;
                Socket there = new Socket(target.getHost(), target.getPort())) {
            open.add(there);
            there.setTcpNoDelay(true);
            client.setTcpNoDelay(true);
            BlockingQueue<Piece> back = new LinkedBlockingQueue<>();
            Thread reader = Thread.ofVirtual().start(() -> read(there, back));
            Thread writer = Thread.ofVirtual().start(() -> write(back, client));
            InputStream in = client.getInputStream();
            OutputStream out = there.getOutputStream();
            byte[] buffer = new byte[65_536];
            for (int n; (n = in.read(buffer)) >= 0; ) {
                int calls = new String(buffer, 0, n, StandardCharsets.ISO_8859_1).split("EVALSHA", -1).length - 1;
                mostUnanswered.accumulateAndGet(unanswered.addAndGet(calls), Math::max);
                out.write(buffer, 0, n);
            }
            there.shutdownOutput();
            reader.join();
            writer.join();
        } catch (IOException | InterruptedException e) {
            // The connection's end, whoever ended it.
        }
    }

    private void read(Socket from, BlockingQueue<Piece> back) {
        try {
            InputStream in = from.getInputStream();
            byte[] buffer = new byte[65_536];
            for (int n; (n = in.read(buffer)) >= 0; ) {
                long now = System.nanoTime();
                back.add(new Piece(Arrays.copyOf(buffer, n), now + Math.max(delay.toNanos(), heldUntilNanos - now)));
            }
        } catch (IOException e) {
            // The connection's end, whoever ended it.
        }
        back.add(END);
    }

    private void write(BlockingQueue<Piece> back, Socket to) {
        try (to) {
            for (Piece piece; (piece = back.take()) != END; ) {
                TimeUnit.NANOSECONDS.sleep(piece.dueNanos() - System.nanoTime());
                // How many answers are in a piece is not known; what was asked before any answer came, is.
                unanswered.set(0);
                to.getOutputStream().write(piece.bytes());
            }
        } catch (IOException | InterruptedException e) {
            // The connection's end, whoever ended it.
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket socket : open) {
            socket.close();
        }
    }
}
