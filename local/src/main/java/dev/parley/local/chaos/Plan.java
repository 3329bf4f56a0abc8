package dev.parley.local.chaos;

import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What a run of chaos does.
 *
 * @param duration of the storm; what was accepted in it is waited for afterwards
 * @param victims what comes and goes beside the workers
 */
record Plan(Duration duration, Set<Victim> victims) {
    static final String USAGE = "chaos takes seconds (30 to 3600; 120 unless told) and any of api, rabbitmq, redis";

    private static final Duration STANDARD = Duration.ofMinutes(2);

    enum Victim {
        API,
        RABBITMQ,
        REDIS
    }

    Plan {
        victims = Set.copyOf(victims);
    }

    /** @throws IllegalArgumentException with {@link #USAGE} */
    static Plan of(List<String> words) {
        Duration duration = STANDARD;
        Set<Victim> victims = EnumSet.noneOf(Victim.class);
        for (String word : words) {
            if (word.matches("[1-9]\\d{1,3}")) {
                duration = Duration.ofSeconds(Long.parseLong(word));
            } else {
                try {
                    victims.add(Victim.valueOf(word.toUpperCase(Locale.ROOT)));
                } catch (IllegalArgumentException e) {
                    throw new IllegalArgumentException(USAGE, e);
                }
            }
        }
        if (duration.toSeconds() < 30 || duration.toSeconds() > 3600) {
            throw new IllegalArgumentException(USAGE);
        }
        return new Plan(duration, victims);
    }
}
