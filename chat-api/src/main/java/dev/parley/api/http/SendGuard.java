package dev.parley.api.http;

import dev.parley.pipeline.runtime.Meters;
import io.helidon.metrics.api.Counter;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Lets go of readers who take nothing, as sockets know no timeout for writing: such a reader would keep its thread, its queue and its
 * place among the open streams until TCP gives up, which may be never.
 *
 * <p>A virtual thread that waits in a socket's write and is interrupted closes that socket ({@link java.net.Socket#getOutputStream}).
 * Thread-safe.
 */
public final class SendGuard implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(SendGuard.class.getName());
    private static final int LOOKS = 4;
    /** Bytes or characters that are written at a time: with a patience of 30 s, 4 kbit/s are enough to stay. */
    public static final int PIECE = 16_384;

    private final Duration patience;
    private final Set<Send> underWay = ConcurrentHashMap.newKeySet();
    private final Counter stalled;
    private final Thread watch;

    private SendGuard(Duration patience, Meters meters) {
        this.patience = patience;
        this.stalled = meters.counter("readers_stalled", "Streams ended as their reader took nothing");
        this.watch = Thread.ofVirtual().name("send-guard").unstarted(this::watch);
    }

    /** @param patience for one write that does not end; it is cut up to a quarter of that later */
    public static SendGuard start(Duration patience, Meters meters) {
        SendGuard guard = new SendGuard(patience, meters);
        guard.watch.start();
        return guard;
    }

    /** Some writing to a socket. */
    @FunctionalInterface
    public interface Write {
        void run() throws IOException;
    }

    /**
     * Writes, on a virtual thread, so little that even a slow reader takes it in time ({@link #PIECE}).
     *
     * @throws SocketTimeoutException when the write waited for too long; its connection is closed then
     */
    public void send(Write write) throws IOException {
        Send send = new Send(Thread.currentThread(), System.nanoTime());
        underWay.add(send);
        boolean cut;
        try {
            write.run();
        } finally {
            underWay.remove(send);
            cut = send.end();
        }
        if (cut) {
            throw new SocketTimeoutException("the reader took nothing for " + patience.toMillis() + " ms");
        }
    }

    /** The same stream, for a virtual thread, with every write guarded and cut into pieces. */
    public OutputStream over(OutputStream out) {
        return new FilterOutputStream(out) {
            @Override
            public void write(int value) throws IOException {
                send(() -> out.write(value));
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                int end = offset + length;
                for (int from = offset; from < end; from += PIECE) {
                    int begin = from;
                    send(() -> out.write(bytes, begin, Math.min(PIECE, end - begin)));
                }
            }

            @Override
            public void flush() throws IOException {
                send(out::flush);
            }

            @Override
            public void close() throws IOException {
                send(out::close);
            }
        };
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(patience.dividedBy(LOOKS));
                long now = System.nanoTime();
                for (Send send : underWay) {
                    if (now - send.begun > patience.toNanos() && send.cut()) {
                        stalled.increment();
                        LOG.log(Level.DEBUG, "a reader took nothing for {0} ms and is let go", patience.toMillis());
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        watch.interrupt();
    }

    /** A write that is under way. The interrupt is for it alone and never reaches what its thread does next. */
    private static final class Send {
        private final Thread thread;
        private final long begun;
        private boolean ended;
        private boolean cut;

        private Send(Thread thread, long begun) {
            this.thread = thread;
            this.begun = begun;
        }

        synchronized boolean cut() {
            if (ended || cut) {
                return false;
            }
            cut = true;
            thread.interrupt();
            return true;
        }

        synchronized boolean end() {
            ended = true;
            if (cut) {
                Thread.interrupted();
            }
            return cut;
        }
    }
}
