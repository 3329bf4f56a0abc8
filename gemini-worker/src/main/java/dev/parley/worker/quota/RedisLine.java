package dev.parley.worker.quota;

import dev.parley.pipeline.redis.RedisUnavailable;
import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * What stands between a sick Redis and those who ask it: Helidon's circuit breaker, so that only those who ask when it
 * falls ill wait, and nothing is sent while it is open; then one question at a time may find out. Thread-safe.
 *
 * <p>A question that is not answered in time is asked again, as one slow moment of Redis, the network or this process is
 * no absence. It counts as one when nothing has been answered, to anybody here, for {@link #SILENCE}; a refused or broken
 * connection counts at once.
 */
final class RedisLine {
    /** Three command timeouts of a worker. */
    static final Duration SILENCE = Duration.ofMillis(1_400);
    /** Whoever is unlucky this often, while others are answered, gives up too. */
    private static final int ROUNDS = 6;

    private final CircuitBreaker breaker;
    private volatile long answeredNanos = System.nanoTime();

    /** @param rest after a failure, before the next question is let through */
    RedisLine(Duration rest) {
        breaker = CircuitBreaker.create(config -> config.name("quota")
                .volume(1)
                .errorRatio(100)
                .successThreshold(1)
                .delay(rest)
                .addSkipOn(NoFault.class));
    }

    /** What says nothing of Redis: an interrupt of the asker, or a slow moment. */
    private static final class NoFault extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient RedisUnavailable told;

        private NoFault(RedisUnavailable told) {
            super(told);
            this.told = told;
        }
    }

    /**
     * @param question may be asked several times, also when it was heard and only its answer was lost
     * @throws RedisUnavailable when Redis is away, and at once while the breaker is open; or when the thread was interrupted
     */
    <T> T ask(Supplier<T> question) {
        return ask(question, ROUNDS);
    }

    /** As {@link #ask}, for those who can come back later. */
    <T> T askOnce(Supplier<T> question) {
        return ask(question, 1);
    }

    private <T> T ask(Supplier<T> question, int rounds) {
        long began = System.nanoTime();
        for (int round = 1; ; round++) {
            boolean last = round == rounds;
            try {
                return breaker.invoke(() -> heard(question, began, last));
            } catch (NoFault e) {
                if (Thread.currentThread().isInterrupted()) {
                    throw e.told;
                }
            } catch (CircuitBreakerOpenException e) {
                throw new RedisUnavailable("Redis is left alone for a moment", e);
            }
        }
    }

    private <T> T heard(Supplier<T> question, long began, boolean last) {
        try {
            T answer = question.get();
            answeredNanos = System.nanoTime();
            return answer;
        } catch (RedisUnavailable e) {
            long heard = answeredNanos;
            long silence = System.nanoTime() - (heard - began > 0 ? heard : began);
            boolean passing = e.timedOut() && !last && silence < SILENCE.toNanos();
            if (passing || Thread.currentThread().isInterrupted()) {
                throw new NoFault(e);
            }
            throw e;
        }
    }
}
