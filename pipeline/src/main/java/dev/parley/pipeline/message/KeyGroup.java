package dev.parley.pipeline.message;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a worker sees a quota group; keys appear by their short hash only. Ready is what neither cools nor has all of its
 * keys disabled.
 *
 * @param name of the group
 * @param coolingUntil by the worker's clock; empty when it does not cool
 * @param reason why it cools
 * @param usedThisMinute calls in the minute that ends now; of all workers where the quota is shared, or else its own
 * @param usedToday calls since midnight Pacific; empty without a daily limit
 * @param keys short hashes, {@link Heartbeat#MOST_KEYS} at most
 * @param disabled reason by short hash, of those keys that are disabled
 */
public record KeyGroup(
        String name,
        Optional<Instant> coolingUntil,
        Optional<String> reason,
        int usedThisMinute,
        Optional<Integer> usedToday,
        List<String> keys,
        Map<String, String> disabled) {
    public KeyGroup {
        if (name == null) {
            throw new MalformedMessage("a quota group needs a name");
        }
        coolingUntil = coolingUntil == null ? Optional.empty() : coolingUntil;
        reason = reason == null ? Optional.empty() : reason;
        usedToday = usedToday == null ? Optional.empty() : usedToday;
        keys = keys == null ? List.of() : List.copyOf(keys);
        disabled = disabled == null ? Map.of() : Map.copyOf(disabled);
    }
}
