package dev.parley.pipeline.runtime;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * Exponential backoff with full jitter between a floor and a ceiling, so that clients of a server that came back do not
 * return in step. Not thread-safe.
 */
public final class Backoff {
    private final long floorMillis;
    private final long ceilingMillis;
    private final RandomGenerator random;
    private long spanMillis;

    public Backoff(Duration floor, Duration ceiling, RandomGenerator random) {
        this.floorMillis = floor.toMillis();
        this.ceilingMillis = ceiling.toMillis();
        this.random = random;
        reset();
    }

    /** The next wait: at least the floor, at most the ceiling. */
    public Duration next() {
        long wait = floorMillis + random.nextLong(spanMillis + 1);
        spanMillis = Math.min(spanMillis * 2, ceilingMillis - floorMillis);
        return Duration.ofMillis(wait);
    }

    public void reset() {
        spanMillis = Math.min(floorMillis, ceilingMillis - floorMillis);
    }
}
