package dev.parley.worker.quota;

import dev.parley.dev.net.Relay;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A way to Redis on which every answer takes so much longer; what is sent one after the other travels at once. */
final class SlowLink implements AutoCloseable {
    private final Relay relay;
    private final URI target;
    private final AtomicInteger unanswered = new AtomicInteger();
    private final AtomicInteger mostUnanswered = new AtomicInteger();
    private volatile Duration delay;
    private volatile long heldUntilNanos = System.nanoTime();

    private record Piece(byte[] bytes, long dueNanos) {}

    private static final Piece END = new Piece(new byte[0], 0);

    SlowLink(URI target, Duration delay) throws IOException {
        this.target = target;
        this.delay = delay;
        this.relay = Relay.start(0, this::serve);
    }

    URI uri() {
        return URI.create(
                "redis://%s@127.0.0.1:%d%s".formatted(target.getRawUserInfo(), relay.port(), target.getPath()));
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

    private void serve(Relay from, Socket client) throws IOException, InterruptedException {
        Socket there = from.connect(target.getHost(), target.getPort());
        BlockingQueue<Piece> back = new LinkedBlockingQueue<>();
        Thread reader = Thread.ofVirtual().start(() -> read(there, back));
        Thread writer = Thread.ofVirtual().start(() -> write(back, client));
        Relay.copy(client, there, this::sent);
        reader.join();
        writer.join();
    }

    private void sent(byte[] piece, int length) {
        int calls = new String(piece, 0, length, StandardCharsets.ISO_8859_1).split("EVALSHA", -1).length - 1;
        mostUnanswered.accumulateAndGet(unanswered.addAndGet(calls), Math::max);
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
        relay.close();
    }
}
