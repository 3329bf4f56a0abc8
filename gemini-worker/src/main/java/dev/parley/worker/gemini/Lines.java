package dev.parley.worker.gemini;

import io.helidon.common.tls.Tls;
import io.helidon.webclient.api.ConnectionKey;
import io.helidon.webclient.api.DnsAddressLookup;
import io.helidon.webclient.api.Proxy;
import io.helidon.webclient.api.TcpClientConnection;
import io.helidon.webclient.api.WebClient;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The connections to the model: opened when needed, kept a while for the next call, never more than allowed.
 *
 * <p>WebClient has a cache of its own, but gives no hold on a connection before the response's headers are there, so a
 * call waiting for them could neither be cancelled nor say whether its request was sent.
 */
final class Lines implements AutoCloseable {
    private static final List<String> ALPN = List.of("http/1.1");

    private final WebClient webClient;
    private final ConnectionKey target;
    private final GeminiOptions options;
    private final Semaphore permits;
    private final Duration socketTimeout;
    private final ReentrantLock lock = new ReentrantLock();
    /** Last returned is taken first, so that those in excess grow old and go. */
    private final Deque<Line> idle = new ArrayDeque<>();

    private boolean closed;

    Lines(WebClient webClient, GeminiOptions options, Proxy proxy, Tls tls, Duration socketTimeout) {
        this.webClient = webClient;
        this.options = options;
        this.socketTimeout = socketTimeout;
        this.permits = new Semaphore(options.maxConnections());
        URI base = options.baseUri();
        this.target = new ConnectionKey(
                base.getScheme().toLowerCase(Locale.ROOT),
                base.getHost(),
                GeminiOptions.port(base),
                socketTimeout,
                tls,
                webClient.prototype().dnsResolver(),
                DnsAddressLookup.defaultLookup(),
                proxy);
    }

    /**
     * A line for one call, to be given back whatever happens. Bounded by the connect timeout; ended by the watch.
     *
     * @throws NoLine when there is none: nothing was sent
     */
    Line take(CallWatch watch) throws NoLine, InterruptedException {
        if (!permits.tryAcquire(options.connectTimeout().toNanos(), TimeUnit.NANOSECONDS)) {
            throw new NoLine(Optional.empty());
        }
        Line line = null;
        try {
            line = pollIdle().orElse(null);
            if (line == null) {
                line = new Line(connect(watch));
            }
            line.begin(watch, options.maxResponseBytes());
            return line;
        } finally {
            if (line == null) {
                permits.release();
            }
        }
    }

    /** @param sound whether the call ended in order; only then is the line looked at for reuse */
    void giveBack(Line line, boolean sound) {
        boolean kept = false;
        try {
            if (sound && line.reusable()) {
                lock.lock();
                try {
                    if (!closed) {
                        line.idle(System.nanoTime());
                        idle.addLast(line);
                        kept = true;
                    }
                } finally {
                    lock.unlock();
                }
            }
        } finally {
            if (!kept) {
                line.shut();
            }
            permits.release();
        }
    }

    /** Closes what is old or was closed by the other side. */
    void sweep() {
        long oldest = System.nanoTime() - options.keepAlive().toNanos();
        List<Line> gone = new ArrayList<>();
        lock.lock();
        try {
            for (Iterator<Line> each = idle.iterator(); each.hasNext(); ) {
                Line line = each.next();
                if (!line.aliveSince(oldest)) {
                    each.remove();
                    gone.add(line);
                }
            }
        } finally {
            lock.unlock();
        }
        gone.forEach(Line::shut);
    }

    int idleCount() {
        lock.lock();
        try {
            return idle.size();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        List<Line> all;
        lock.lock();
        try {
            closed = true;
            all = List.copyOf(idle);
            idle.clear();
        } finally {
            lock.unlock();
        }
        all.forEach(Line::shut);
    }

    private Optional<Line> pollIdle() {
        long oldest = System.nanoTime() - options.keepAlive().toNanos();
        while (true) {
            Line line;
            lock.lock();
            try {
                line = idle.pollLast();
            } finally {
                lock.unlock();
            }
            if (line == null || line.aliveSince(oldest)) {
                return Optional.ofNullable(line);
            }
            line.shut();
        }
    }

    /**
     * Connects on a virtual thread of its own: interrupting that closes whatever socket it is blocked on (name lookup,
     * TCP, CONNECT or TLS), which WebClient keeps to itself until all of them are done.
     */
    private TcpClientConnection connect(CallWatch watch) throws NoLine, InterruptedException {
        CompletableFuture<TcpClientConnection> result = new CompletableFuture<>();
        Thread connecting = Thread.ofVirtual().name("gemini-connect").unstarted(() -> {
            TcpClientConnection connection = null;
            try {
                connection = TcpClientConnection.create(webClient, target, ALPN, it -> false, it -> {})
                        .connect();
                connection.readTimeout(socketTimeout);
                if (!result.complete(connection)) {
                    connection.closeResource();
                }
            } catch (Throwable e) {
                result.completeExceptionally(e);
                // When connect() itself failed, its socket is already closed or, unreachable, closed by its cleaner.
                if (connection != null) {
                    connection.closeResource();
                }
            }
        });
        watch.enter(CallWatch.Abort.CONNECT_TIMEOUT, options.connectTimeout(), () -> {
            result.cancel(false);
            connecting.interrupt();
        });
        connecting.start();
        try {
            return result.get();
        } catch (InterruptedException e) {
            connecting.interrupt();
            if (!result.cancel(false) && !result.isCompletedExceptionally()) {
                result.join().closeResource();
            }
            throw e;
        } catch (ExecutionException e) {
            throw new NoLine(Optional.of(e.getCause()));
        } catch (CancellationException e) {
            throw new NoLine(Optional.of(e));
        }
    }

    /** No connection could be had; without a cause, because all are in use. */
    static final class NoLine extends Exception {
        private static final long serialVersionUID = 1L;

        private final transient Optional<Throwable> why;

        NoLine(Optional<Throwable> why) {
            super("no connection", null, false, false);
            this.why = why;
        }

        Optional<Throwable> why() {
            return why;
        }
    }
}
