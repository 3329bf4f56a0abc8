package dev.parley.worker.request;

import dev.parley.pipeline.message.AnswerRef;
import dev.parley.worker.quota.QuotaScheduler;
import dev.parley.worker.quota.ReservationId;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

/**
 * Frees at once the places of requests that were cancelled or replaced while they waited in a wait queue, in nobody's
 * hands. Every worker hears of it and may do it, as it is done once; what is not done here, because there is too much of it
 * or Redis is away, is done when the request comes back and is found obsolete. Thread-safe.
 */
final class ParkedPlaces implements AutoCloseable {
    private static final int MOST_WAITING = 1_000;

    private final QuotaScheduler quota;
    private final int attempts;
    private final ThreadPoolExecutor executor = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MOST_WAITING),
            Thread.ofVirtual().name("parked-places").factory(),
            new ThreadPoolExecutor.DiscardPolicy());

    /** @param maxRetries steps of the ladder */
    ParkedPlaces(QuotaScheduler quota, int maxRetries) {
        this.quota = quota;
        this.attempts = maxRetries + 1;
    }

    /** Does not block. @param order from which on tries of the answer are good */
    void free(UUID answer, long order) {
        executor.execute(() -> quota.revoke(
                tries(order).mapToObj(each -> ReservationId.of(answer, each)).toList()));
    }

    /** Those that may have been replaced: the attempt before, or where a round began, all of the round before. */
    private LongStream tries(long order) {
        int round = AnswerRef.roundOf(order);
        long attempt = order - AnswerRef.orderOfRound(round);
        long before = AnswerRef.orderOfRound(round - 1);
        return attempt > 1 ? LongStream.of(order - 1) : LongStream.rangeClosed(before + 1, before + attempts);
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }
}
