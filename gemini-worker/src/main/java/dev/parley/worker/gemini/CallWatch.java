package dev.parley.worker.gemini;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Ends a call that takes too long or is cancelled, by closing what its thread is blocked on.
 *
 * <p>A timer of our own rather than the socket's read timeout, for three reasons: the socket's one is per read, so a
 * trickle of bytes would never end; it cannot say which of the bounds was broken; and WebClient's monitor of idle
 * connections overwrites it in a race with the next request.
 */
final class CallWatch implements AutoCloseable {
    enum Abort {
        CANCELLED,
        CONNECT_TIMEOUT,
        FIRST_BYTE_TIMEOUT,
        IDLE_TIMEOUT,
        TOTAL_TIMEOUT,
        /** The answer is complete and only the end of the response is missing. */
        DRAIN_TIMEOUT
    }

    private final ScheduledExecutorService timer;
    private final Duration idle;
    private final long totalDeadline;
    private final List<Cancellation.Registration> registrations;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile Abort aborted;
    private volatile long lastActivity = System.nanoTime();
    private Abort phase = Abort.CONNECT_TIMEOUT;
    private long phaseNanos = Long.MAX_VALUE;
    private Runnable closer = () -> {};
    private ScheduledFuture<?> next;
    private boolean done;

    CallWatch(ScheduledExecutorService timer, Duration total, Duration idle, List<Cancellation> cancellations) {
        this.timer = timer;
        this.idle = idle;
        this.totalDeadline = System.nanoTime() + total.toNanos();
        this.registrations = cancellations.stream()
                .map(each -> each.onCancel(() -> abort(Abort.CANCELLED)))
                .toList();
    }

    /**
     * From now on the call may be without activity for at most this long.
     *
     * @param breach what it is called when it is longer
     * @param close wakes the call's thread; run at once when the call is already aborted
     */
    void enter(Abort breach, Duration longest, Runnable close) {
        lock.lock();
        try {
            phase = breach;
            phaseNanos = longest.toNanos();
            closer = close;
            lastActivity = System.nanoTime();
            if (aborted != null) {
                close.run();
            } else {
                schedule();
            }
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #enter(Abort, Duration, Runnable)} with the same thing to close. */
    void enter(Abort breach, Duration longest) {
        enter(breach, longest, closer);
    }

    /** Bytes came. Cheap: the timer looks at it when it fires. */
    void activity() {
        lastActivity = System.nanoTime();
    }

    /** The first bytes of the response came: from now on pauses are measured. */
    void answering() {
        enter(Abort.IDLE_TIMEOUT, idle);
    }

    Optional<Abort> aborted() {
        return Optional.ofNullable(aborted);
    }

    /** After this the watch closes nothing any more, so that the connection can serve another call. */
    @Override
    public void close() {
        registrations.forEach(Cancellation.Registration::close);
        lock.lock();
        try {
            done = true;
            closer = () -> {};
            if (next != null) {
                next.cancel(false);
            }
        } finally {
            lock.unlock();
        }
    }

    private void abort(Abort why) {
        lock.lock();
        try {
            if (done || aborted != null) {
                return;
            }
            aborted = why;
            if (next != null) {
                next.cancel(false);
            }
            closer.run();
        } finally {
            lock.unlock();
        }
    }

    private void fire() {
        lock.lock();
        try {
            if (done || aborted != null) {
                return;
            }
            long now = System.nanoTime();
            if (now - totalDeadline >= 0) {
                abort(Abort.TOTAL_TIMEOUT);
            } else if (now - lastActivity >= phaseNanos) {
                abort(phase);
            } else {
                schedule();
            }
        } finally {
            lock.unlock();
        }
    }

    private void schedule() {
        if (next != null) {
            next.cancel(false);
        }
        long now = System.nanoTime();
        long wait = Math.max(0, Math.min(phaseNanos - (now - lastActivity), totalDeadline - now));
        try {
            next = timer.schedule(this::fire, wait, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            // The client is being closed, and nobody would guard this call.
            abort(Abort.CANCELLED);
        }
    }
}
