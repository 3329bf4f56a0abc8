package dev.parley.pipeline.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private static final Duration FLOOR = Duration.ofMillis(100);
    private static final Duration CEILING = Duration.ofSeconds(5);

    /** Always the longest wait that could be drawn. */
    private static final RandomGenerator LONGEST = new RandomGenerator() {
        @Override
        public long nextLong() {
            return Long.MAX_VALUE;
        }

        @Override
        public long nextLong(long bound) {
            return bound - 1;
        }
    };

    @Test
    void everyWaitLiesBetweenFloorAndCeiling() {
        for (int seed = 0; seed < 50; seed++) {
            Backoff backoff = new Backoff(FLOOR, CEILING, new Random(seed));
            for (int i = 0; i < 50; i++) {
                assertThat(backoff.next()).isBetween(FLOOR, CEILING);
            }
        }
    }

    @Test
    void waitsDoubleUpToTheCeilingAndStayThere() {
        Backoff backoff = new Backoff(FLOOR, CEILING, LONGEST);
        assertThat(backoff.next()).isEqualTo(Duration.ofMillis(200));
        assertThat(backoff.next()).isEqualTo(Duration.ofMillis(300));
        assertThat(backoff.next()).isEqualTo(Duration.ofMillis(500));
        for (int i = 0; i < 20; i++) {
            backoff.next();
        }
        assertThat(backoff.next()).isEqualTo(CEILING);
    }

    @Test
    void aResetBeginsAnew() {
        Backoff backoff = new Backoff(FLOOR, CEILING, LONGEST);
        for (int i = 0; i < 20; i++) {
            backoff.next();
        }
        backoff.reset();
        assertThat(backoff.next()).isEqualTo(Duration.ofMillis(200));
    }

    @Test
    void aFloorThatIsTheCeilingIsAFixedWait() {
        Backoff backoff = new Backoff(CEILING, CEILING, LONGEST);
        assertThat(backoff.next()).isEqualTo(CEILING);
        assertThat(backoff.next()).isEqualTo(CEILING);
    }
}
