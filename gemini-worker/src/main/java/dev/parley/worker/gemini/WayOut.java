package dev.parley.worker.gemini;

import dev.parley.pipeline.message.Failure;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Whether the proxy leads to the model now. While it does not, one look at a time asks it for a tunnel, and the calls
 * wait for that one's verdict: a Hysteria2 client answers only one failing CONNECT after the other, each after seconds,
 * so a crowd of calls would still be queued there when the server is long back. Without a proxy it is always open.
 * Thread-safe.
 */
public final class WayOut implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(WayOut.class.getName());

    /** Between looks while nobody calls; each opens one tunnel to the model's host and closes it, and sends nothing. */
    static final Duration QUIET_LOOK = Duration.ofSeconds(15);
    /** Between looks at a proxy that is away. */
    static final Duration LOOK_AGAIN = Duration.ofSeconds(1);

    private static final int LONGEST_REPLY = 8 * 1024;

    private enum State {
        OPEN,
        /** A connection broke, which may be the proxy's fault or not: the next look will tell. */
        UNSURE,
        AWAY
    }

    private final Optional<URI> proxy;
    private final String target;
    private final Duration timeout;
    private final ReentrantLock lock = new ReentrantLock();
    /** Signalled whenever the state changes. */
    private final Condition changed = lock.newCondition();

    private State state = State.OPEN;
    private long provenAt;
    private long failures;
    private boolean closed;
    private final Optional<Thread> looker;

    /** @param timeout to connect to the proxy in a look, and as much again for its reply */
    WayOut(Optional<URI> proxy, URI base, Duration timeout) {
        this.proxy = proxy;
        this.target = base.getHost() + ":" + GeminiOptions.port(base);
        this.timeout = timeout;
        this.provenAt = System.nanoTime() - QUIET_LOOK.toNanos();
        this.looker = proxy.map(
                uri -> Thread.ofVirtual().name("proxy-look").start(() -> lookAround(uri, authorization(uri))));
    }

    /** Whether a call may be made now. */
    public boolean open() {
        return inLock(() -> state == State.OPEN);
    }

    /** Whether the proxy is known to be away. */
    public boolean away() {
        return inLock(() -> state == State.AWAY);
    }

    /** Calls and looks that got no tunnel from the proxy. */
    public long failures() {
        return inLock(() -> failures);
    }

    /** What the user is told when it stays away. */
    public Failure failure() {
        return Sentences.PROXY_AWAY;
    }

    /**
     * Waits until a call may be made.
     *
     * @return false when that did not come within the time, or the wait was cancelled or interrupted (the interrupt stays set)
     */
    public boolean await(Duration atMost, Cancellation cancellation) {
        try (Cancellation.Registration _ = cancellation.onCancel(this::wake)) {
            lock.lock();
            try {
                long left = atMost.toNanos();
                while (state != State.OPEN && !closed && !cancellation.isCancelled()) {
                    if (left <= 0) {
                        return false;
                    }
                    left = changed.awaitNanos(left);
                }
                return state == State.OPEN && !cancellation.isCancelled();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            } finally {
                lock.unlock();
            }
        }
    }

    /** A call got through. */
    void proven() {
        if (proxy.isPresent()) {
            inLock(() -> provenAt = System.nanoTime());
        }
    }

    /** A call got no tunnel. */
    void refused(String why) {
        if (proxy.isPresent()) {
            becomes(State.AWAY, why);
        }
    }

    /** A connection broke under a call. */
    void broke() {
        inLock(() -> {
            if (proxy.isPresent() && state == State.OPEN) {
                state = State.UNSURE;
                changed.signalAll();
            }
            return null;
        });
    }

    private void wake() {
        inLock(() -> {
            changed.signalAll();
            return null;
        });
    }

    private void becomes(State next, String why) {
        State before = inLock(() -> {
            State was = state;
            state = next;
            if (next == State.AWAY) {
                failures++;
            } else {
                provenAt = System.nanoTime();
            }
            changed.signalAll();
            return was;
        });
        if (next == State.AWAY && before != State.AWAY) {
            LOG.log(Level.WARNING, "the proxy is away: {0}", why);
        } else if (next == State.OPEN && before == State.AWAY) {
            LOG.log(Level.INFO, "the proxy is back");
        }
    }

    private void lookAround(URI uri, Optional<String> authorization) {
        try {
            while (awaitReason()) {
                Optional<String> trouble = look(uri, authorization);
                if (trouble.isEmpty()) {
                    becomes(State.OPEN, "");
                } else if (!isClosed()) {
                    becomes(State.AWAY, trouble.get());
                    awaitClose(LOOK_AGAIN);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Until there is a reason to look; false when there will be none any more. */
    private boolean awaitReason() throws InterruptedException {
        lock.lock();
        try {
            while (!closed && state == State.OPEN) {
                long left = provenAt + QUIET_LOOK.toNanos() - System.nanoTime();
                if (left <= 0) {
                    return true;
                }
                changed.awaitNanos(left);
            }
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    private void awaitClose(Duration atMost) throws InterruptedException {
        lock.lock();
        try {
            long left = atMost.toNanos();
            while (!closed && left > 0) {
                left = changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean isClosed() {
        return inLock(() -> closed);
    }

    /** Asks for one tunnel. @return why there is none, in a few words without addresses */
    private Optional<String> look(URI uri, Optional<String> authorization) {
        int millis = Math.clamp(timeout.toMillis(), 1, Integer.MAX_VALUE);
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(uri.getHost(), GeminiOptions.port(uri)), millis);
            String head = "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Parley looks\r\n%s\r\n"
                    .formatted(
                            target,
                            target,
                            authorization
                                    .map(value -> "Proxy-Authorization: " + value + "\r\n")
                                    .orElse(""));
            socket.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
            String[] status = statusLine(socket).split(" ");
            if (status.length >= 2 && status[1].matches("2\\d\\d")) {
                return Optional.empty();
            }
            return Optional.of(
                    status.length >= 2 && status[1].matches("\\d{3}")
                            ? "it answered " + status[1]
                            : "it does not speak HTTP");
        } catch (IOException | RuntimeException e) {
            return Optional.of(e.getClass().getSimpleName());
        }
    }

    private String statusLine(Socket socket) throws IOException {
        InputStream in = socket.getInputStream();
        long deadline = System.nanoTime() + timeout.toNanos();
        StringBuilder line = new StringBuilder();
        while (line.length() < LONGEST_REPLY) {
            // For each byte anew, or a proxy that sends one now and then would hold the look, and all calls, for hours.
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (left <= 0) {
                throw new SocketTimeoutException();
            }
            socket.setSoTimeout(Math.clamp(left, 1, Integer.MAX_VALUE));
            int c = in.read();
            if (c < 0) {
                throw new EOFException();
            }
            if (c == '\n') {
                return line.toString().strip();
            }
            line.append((char) c);
        }
        throw new IOException("no end of the line");
    }

    private static Optional<String> authorization(URI uri) {
        // getUserInfo has decoded what the URI had to escape.
        return Optional.ofNullable(uri.getUserInfo())
                .map(user -> user.indexOf(':') < 0 ? user + ":" : user)
                .map(user -> "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)));
    }

    private <T> T inLock(Supplier<T> action) {
        lock.lock();
        try {
            return action.get();
        } finally {
            lock.unlock();
        }
    }

    /** Ends the looks; whoever waits is told no. */
    @Override
    public void close() {
        inLock(() -> {
            closed = true;
            changed.signalAll();
            return null;
        });
        looker.ifPresent(Thread::interrupt);
    }
}
