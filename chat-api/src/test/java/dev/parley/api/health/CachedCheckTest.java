package dev.parley.api.health;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.runtime.Check;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

class CachedCheckTest {
    private final AtomicLong nanos = new AtomicLong();
    private final AtomicInteger asked = new AtomicInteger();

    @Test
    void anAnswerHoldsForItsTime() {
        CachedCheck check = check(
                () -> {
                    asked.incrementAndGet();
                    return CheckResult.of(Check.up(Duration.ZERO));
                },
                Duration.ofSeconds(20));
        assertThat(check.result().up()).isTrue();
        assertThat(check.result().up()).isTrue();
        assertThat(asked).hasValue(1);
        nanos.addAndGet(Duration.ofSeconds(1).toNanos());
        check.result();
        assertThat(asked).hasValue(2);
    }

    @Test
    void aCheckThatHangsIsDownAndNotAskedTwiceAtOnce() {
        CountDownLatch end = new CountDownLatch(1);
        CachedCheck check = check(
                () -> {
                    asked.incrementAndGet();
                    try {
                        end.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    return CheckResult.of(Check.up(Duration.ZERO));
                },
                Duration.ofMillis(20));
        assertThat(check.result().up()).isFalse();
        assertThat(check.result().detail()).contains("no answer within 20 ms");
        assertThat(asked).hasValue(1);
        end.countDown();
        Awaitility.await().until(() -> check.result().up());
    }

    @Test
    void aCheckThatThrowsIsDownWithoutItsReason() {
        CachedCheck check = check(
                () -> {
                    throw new IllegalStateException("redis://:secret@host");
                },
                Duration.ofSeconds(20));
        assertThat(check.result().up()).isFalse();
        assertThat(check.result().detail()).contains("the check failed");
    }

    private CachedCheck check(Supplier<CheckResult> question, Duration patience) {
        return new CachedCheck(question, Duration.ofSeconds(1), patience, nanos::get);
    }
}
