package dev.parley.worker.quota;

import dev.parley.worker.key.ApiKey;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Keys that the provider counts together because they belong to one project.
 *
 * @param name 1 to 40 characters of {@code A-Z a-z 0-9 . _ -}; it appears in Redis, metrics and logs, a key never does
 * @param keys at least one
 */
public record QuotaGroup(String name, List<ApiKey> keys) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,40}");

    public QuotaGroup {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("a quota group's name has 1 to 40 letters, digits, dots, _ or -");
        }
        if (keys.isEmpty()) {
            throw new IllegalArgumentException("the quota group " + name + " has no key");
        }
        keys = List.copyOf(keys);
    }
}
