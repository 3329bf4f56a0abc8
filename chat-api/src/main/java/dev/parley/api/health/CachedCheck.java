package dev.parley.api.health;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * A check that costs little however often it is asked for: one question at a time, and its answer holds for a while.
 * Thread-safe.
 */
final class CachedCheck {
    private final Supplier<CheckResult> question;
    private final Duration holds;
    private final Duration patience;
    private final LongSupplier nanos;
    private final ReentrantLock lock = new ReentrantLock();
    private CompletableFuture<CheckResult> running;
    private CheckResult last;
    private long answeredAt;

    /**
     * @param holds how long an answer is good for
     * @param patience how long a caller waits for the next
     * @param nanos {@link System#nanoTime}
     */
    CachedCheck(Supplier<CheckResult> question, Duration holds, Duration patience, LongSupplier nanos) {
        this.question = question;
        this.holds = holds;
        this.patience = patience;
        this.nanos = nanos;
    }

    /** The answer, now or soon; callers wait on the same question. */
    CompletableFuture<CheckResult> begin() {
        lock.lock();
        try {
            if (running != null) {
                return running;
            }
            if (last != null && nanos.getAsLong() - answeredAt < holds.toNanos()) {
                return CompletableFuture.completedFuture(last);
            }
            CompletableFuture<CheckResult> next = new CompletableFuture<>();
            running = next;
            Thread.ofVirtual().name("health-check").start(() -> ask(next));
            return next;
        } finally {
            lock.unlock();
        }
    }

    private void ask(CompletableFuture<CheckResult> next) {
        CheckResult result;
        try {
            result = question.get();
        } catch (RuntimeException e) {
            result = CheckResult.down("the check failed");
        }
        lock.lock();
        try {
            last = result;
            answeredAt = nanos.getAsLong();
            running = null;
        } finally {
            lock.unlock();
        }
        next.complete(result);
    }

    /** Waits for a begun question, but not longer than the patience. */
    CheckResult await(CompletableFuture<CheckResult> begun) {
        try {
            return begun.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return CheckResult.down("no answer within %d ms".formatted(patience.toMillis()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return CheckResult.down("interrupted");
        } catch (ExecutionException e) {
            throw new IllegalStateException("a check never completes with an exception", e);
        }
    }

    CheckResult result() {
        return await(begin());
    }
}
