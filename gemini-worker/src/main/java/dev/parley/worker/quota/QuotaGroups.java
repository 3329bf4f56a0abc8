package dev.parley.worker.quota;

import dev.parley.worker.key.ApiKey;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads the quota groups from GEMINI_API_KEYS. */
public final class QuotaGroups {
    private QuotaGroups() {}

    /**
     * @param entries each {@code group=key}, or a bare key, which is a group of its own under its hash
     * @return in the order of their first key
     * @throws IllegalArgumentException names the entry by its position, never by its text
     */
    public static List<QuotaGroup> parse(List<String> entries) {
        Map<String, List<ApiKey>> groups = new LinkedHashMap<>();
        Set<String> hashes = new HashSet<>();
        for (int i = 0; i < entries.size(); i++) {
            String entry = entries.get(i).strip();
            int equals = entry.indexOf('=');
            ApiKey key = key(entry.substring(equals + 1).strip(), i + 1);
            // Also two different keys of one short hash: states are kept by it.
            if (!hashes.add(key.hash())) {
                throw new IllegalArgumentException("entry " + (i + 1) + " repeats a key");
            }
            String name =
                    equals < 0 ? key.hash() : name(entry.substring(0, equals).strip(), i + 1);
            groups.computeIfAbsent(name, ignored -> new ArrayList<>()).add(key);
        }
        return groups.entrySet().stream()
                .map(group -> new QuotaGroup(group.getKey(), group.getValue()))
                .toList();
    }

    private static ApiKey key(String secret, int position) {
        try {
            return new ApiKey(secret);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("entry " + position + " has no usable key");
        }
    }

    private static String name(String name, int position) {
        // Google's keys begin so: key=group instead of group=key would put a secret where names are shown.
        if (!name.matches("[A-Za-z0-9._-]{1,40}") || name.startsWith("AIza")) {
            throw new IllegalArgumentException("entry " + position
                    + ": a group's name has 1 to 40 letters, digits, dots, _ or -, then = and the key");
        }
        return name;
    }
}
