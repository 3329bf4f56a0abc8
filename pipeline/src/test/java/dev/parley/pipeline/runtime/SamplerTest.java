package dev.parley.pipeline.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    private final Sampler sampler = new Sampler(Duration.ofMillis(5));

    @AfterEach
    void close() {
        sampler.close();
    }

    @Test
    void theLatestAnswerIsShownAndReadingAsksNobody() {
        AtomicInteger asked = new AtomicInteger();
        AtomicInteger truth = new AtomicInteger(7);
        Supplier<Integer> value = sampler.sample("figure", -1, () -> {
            asked.incrementAndGet();
            return truth.get();
        });
        assertThat(value.get()).isEqualTo(-1);
        assertThat(asked).hasValue(0);
        sampler.start();
        await().atMost(SOON).until(() -> value.get() == 7);
        truth.set(8);
        await().atMost(SOON).until(() -> value.get() == 8);
    }

    @Test
    void aQuestionThatFailsIsUnknownUntilItIsAnsweredAgainAndDisturbsNoOther() {
        AtomicReference<RuntimeException> trouble = new AtomicReference<>();
        Supplier<Integer> shaky = sampler.sample("shaky", -1, () -> {
            if (trouble.get() != null) {
                throw trouble.get();
            }
            return 1;
        });
        AtomicInteger count = new AtomicInteger();
        Supplier<Integer> steady = sampler.sample("steady", -1, count::incrementAndGet);
        sampler.start();
        await().atMost(SOON).until(() -> shaky.get() == 1);
        trouble.set(new IllegalStateException("away"));
        await().atMost(SOON).until(() -> shaky.get() == -1);
        int before = steady.get();
        await().atMost(SOON).until(() -> steady.get() > before + 2);
        trouble.set(null);
        await().atMost(SOON).until(() -> shaky.get() == 1);
    }
}
