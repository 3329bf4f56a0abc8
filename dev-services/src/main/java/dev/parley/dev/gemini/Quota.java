package dev.parley.dev.gemini;

import java.time.Duration;

/**
 * A rolling limit: in no half-open window [t, t + window) are more than this many calls of a project let through.
 *
 * @param requests at least 1
 * @param window 1 ms to 1 day
 */
public record Quota(int requests, Duration window) {
    public Quota {
        if (requests < 1) {
            throw new IllegalArgumentException("quota: at least 1 request, not " + requests);
        }
        Options.windowInBounds(window);
    }

    /** This many requests in any 60 seconds. */
    public static Quota perMinute(int requests) {
        return new Quota(requests, Duration.ofMinutes(1));
    }
}
