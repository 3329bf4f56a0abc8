package dev.parley.dev.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RollingWindowTest {
    @Test
    void anEventOneWindowOldIsOutAndOneNanosecondLessIsIn() {
        var window = new RollingWindow(60);
        assertThat(window.add(0)).isEqualTo(1);
        assertThat(window.add(59)).isEqualTo(2);
        assertThat(window.count(59)).isEqualTo(2);
        assertThat(window.untilOldestLeaves(59)).isEqualTo(1);
        assertThat(window.count(60)).isEqualTo(1);
        assertThat(window.add(60)).isEqualTo(2);
        assertThat(window.worst()).isEqualTo(2);
    }

    @Test
    void theClockMayBeNegativeAndMayOverflow() {
        var window = new RollingWindow(10);
        window.add(Long.MAX_VALUE - 2);
        assertThat(window.add(Long.MIN_VALUE + 2)).isEqualTo(2);
        assertThat(window.add(Long.MIN_VALUE + 9)).isEqualTo(2);
    }

    @Test
    void theWorstWindowIsTheOneThatCountingAllOfThemFinds() {
        var random = new Random(7);
        for (int round = 0; round < 200; round++) {
            long length = random.nextInt(1, 50);
            long[] events =
                    random.longs(random.nextInt(1, 200), 0, 500).sorted().toArray();
            var window = new RollingWindow(length);
            for (long event : events) {
                window.add(event);
            }
            long worst = Arrays.stream(events)
                    .map(from -> Arrays.stream(events)
                            .filter(event -> event >= from && event < from + length)
                            .count())
                    .max()
                    .orElseThrow();
            assertThat(window.worst()).isEqualTo((int) worst);
        }
    }

    @Test
    void whatAWindowHoldsIsBounded() {
        var window = new RollingWindow(Long.MAX_VALUE / 2);
        for (int i = 0; i < RollingWindow.MOST + 10; i++) {
            window.add(i);
        }
        assertThat(window.worst()).isEqualTo(RollingWindow.MOST);
        assertThat(window.count(RollingWindow.MOST + 10)).isEqualTo(RollingWindow.MOST);
    }
}
