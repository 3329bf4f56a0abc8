package dev.parley.worker.quota;

import dev.parley.worker.key.ApiKey;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The groups in force, and their keys by hash. */
record KeyRing(Map<String, QuotaGroup> groups, Map<String, Map<String, ApiKey>> keys) {
    static KeyRing of(List<QuotaGroup> groups) {
        if (groups.isEmpty()) {
            throw new IllegalArgumentException("no quota group");
        }
        Map<String, QuotaGroup> byName = new LinkedHashMap<>();
        Map<String, Map<String, ApiKey>> keys = new LinkedHashMap<>();
        for (QuotaGroup group : groups) {
            byName.put(group.name(), group);
            keys.put(
                    group.name(),
                    group.keys().stream().collect(Collectors.toUnmodifiableMap(ApiKey::hash, Function.identity())));
        }
        // Unmodifiable views and no copies: the order is the file's.
        return new KeyRing(Collections.unmodifiableMap(byName), Collections.unmodifiableMap(keys));
    }

    /** These, with the other keys still known. */
    KeyRing beside(KeyRing other) {
        Map<String, Map<String, ApiKey>> both = new LinkedHashMap<>(other.keys());
        keys.forEach((group, own) -> both.merge(group, own, (old, now) -> {
            Map<String, ApiKey> merged = new HashMap<>(old);
            merged.putAll(now);
            return merged;
        }));
        return new KeyRing(groups, both);
    }

    Optional<ApiKey> key(String group, String hash) {
        return Optional.ofNullable(keys.getOrDefault(group, Map.of()).get(hash));
    }

    QuotaGroup first() {
        return groups.values().iterator().next();
    }
}
