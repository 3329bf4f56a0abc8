package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class PacificDaysTest {
    @Test
    void theDayOnWhichTheClockGoesForwardHasTwentyThreeHours() {
        Instant noon = Instant.parse("2026-03-08T19:00:00Z");
        assertThat(PacificDays.startOf(noon)).isEqualTo("2026-03-08T08:00:00Z");
        assertThat(PacificDays.nextMidnight(noon)).isEqualTo("2026-03-09T07:00:00Z");
    }

    @Test
    void theDayOnWhichTheClockGoesBackHasTwentyFiveHours() {
        Instant noon = Instant.parse("2026-11-01T20:00:00Z");
        assertThat(PacificDays.startOf(noon)).isEqualTo("2026-11-01T07:00:00Z");
        assertThat(PacificDays.nextMidnight(noon)).isEqualTo("2026-11-02T08:00:00Z");
    }

    @Test
    void midnightBelongsToTheDayThatBegins() {
        Instant midnight = Instant.parse("2026-07-02T07:00:00Z");
        assertThat(PacificDays.startOf(midnight)).isEqualTo(midnight);
        assertThat(PacificDays.startOf(midnight.minusMillis(1))).isEqualTo("2026-07-01T07:00:00Z");
    }

    @Test
    void theDaysAroundReachBeyondTheHorizonFromAnyTimeOfToday() {
        for (String day : List.of("2026-03-07", "2026-03-08", "2026-10-31", "2026-11-01", "2026-07-01")) {
            Instant last =
                    PacificDays.nextMidnight(Instant.parse(day + "T20:00:00Z")).minusMillis(1);
            List<Long> days = PacificDays.around(last.toEpochMilli());
            assertThat(days.get(1)).isLessThanOrEqualTo(last.toEpochMilli());
            assertThat(days.get(2)).isEqualTo(last.toEpochMilli() + 1);
            assertThat(days.getLast() - last.toEpochMilli()).isGreaterThan(SharedQuota.HORIZON_MILLIS);
            assertThat(Duration.ofMillis(days.get(1) - days.get(0)))
                    .isBetween(Duration.ofHours(23), Duration.ofHours(25));
        }
    }
}
