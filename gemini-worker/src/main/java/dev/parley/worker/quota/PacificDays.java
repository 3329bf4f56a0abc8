package dev.parley.worker.quota;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import java.util.stream.LongStream;

/** The provider's days, which begin at midnight in America/Los_Angeles and have 23, 24 or 25 hours. */
final class PacificDays {
    static final ZoneId ZONE = ZoneId.of("America/Los_Angeles");

    private PacificDays() {}

    static Instant startOf(Instant instant) {
        return start(instant.atZone(ZONE).toLocalDate());
    }

    static Instant nextMidnight(Instant instant) {
        return start(instant.atZone(ZONE).toLocalDate().plusDays(1));
    }

    /** Beginnings of yesterday, today and the three days after, in milliseconds; covers a day's horizon from any time of today. */
    static List<Long> around(long epochMillis) {
        LocalDate today = Instant.ofEpochMilli(epochMillis).atZone(ZONE).toLocalDate();
        return LongStream.rangeClosed(-1, 3)
                .mapToObj(days -> start(today.plusDays(days)).toEpochMilli())
                .toList();
    }

    private static Instant start(LocalDate day) {
        return day.atStartOfDay(ZONE).toInstant();
    }
}
