package dev.parley.worker.quota;

import dev.parley.worker.key.ApiKey;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Keys that the provider counts together because they belong to one project.
 *
 * @param name 1 to 40 characters of {@code A-Z a-z 0-9 . _ -}; it appears in Redis, metrics and logs, a key never does
 * @param keys at least one
 * @param limits what this group allows where it differs from {@link QuotaLimits}
 * @param weight 1 to {@value #MOST_WEIGHT}; among groups that may be called now, one of weight 2 gets twice the calls of
 *     one of weight 1, as far as its limits let it
 */
public record QuotaGroup(String name, List<ApiKey> keys, Limits limits, int weight) {
    public static final int MOST_WEIGHT = 100;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,40}");

    public QuotaGroup {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("a quota group's name has 1 to 40 letters, digits, dots, _ or -");
        }
        if (keys.isEmpty()) {
            throw new IllegalArgumentException("the quota group " + name + " has no key");
        }
        if (weight < 1 || weight > MOST_WEIGHT) {
            throw new IllegalArgumentException("the quota group " + name + " has a weight outside 1 to " + MOST_WEIGHT);
        }
        keys = List.copyOf(keys);
    }

    /** A group with the limits of all and the weight 1. */
    public QuotaGroup(String name, List<ApiKey> keys) {
        this(name, keys, Limits.OF_ALL, 1);
    }

    /** A group's own limits, each at least 1; empty means that of all groups. */
    public record Limits(
            Optional<Integer> requestsPerMinute, Optional<Integer> requestsPerDay, Optional<Integer> tokensPerMinute) {
        public static final Limits OF_ALL = new Limits(Optional.empty(), Optional.empty(), Optional.empty());

        public Limits {
            if (requestsPerMinute.filter(limit -> limit < 1).isPresent()
                    || requestsPerDay.filter(limit -> limit < 1).isPresent()
                    || tokensPerMinute.filter(limit -> limit < 1).isPresent()) {
                throw new IllegalArgumentException("limits must be positive");
            }
        }
    }
}
