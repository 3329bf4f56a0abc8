package dev.parley.api.id;

import com.fasterxml.uuid.UUIDClock;
import com.fasterxml.uuid.impl.TimeBasedEpochGenerator;
import java.time.Clock;
import java.util.Random;
import java.util.UUID;

/** Makes UUIDv7 ids that grow, also within one millisecond. Thread-safe. */
public final class Ids {
    private final TimeBasedEpochGenerator generator;

    /** @param random {@link java.security.SecureRandom}, except where a test wants to know the ids */
    public Ids(Clock clock, Random random) {
        this.generator = new TimeBasedEpochGenerator(random, new UUIDClock() {
            @Override
            public long currentTimeMillis() {
                return clock.millis();
            }
        });
    }

    public UUID next() {
        return generator.generate();
    }
}
