package dev.parley.worker.request;

import dev.parley.worker.gemini.Cancellation;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A wait that a cancellation ends early. */
final class Pause {
    private Pause() {}

    /** @return false when it was cancelled or interrupted */
    static boolean of(Duration duration, Cancellation cancellation) {
        if (!duration.isPositive()) {
            return !cancellation.isCancelled();
        }
        CountDownLatch cancelled = new CountDownLatch(1);
        try (Cancellation.Registration _ = cancellation.onCancel(cancelled::countDown)) {
            return !cancelled.await(duration.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
