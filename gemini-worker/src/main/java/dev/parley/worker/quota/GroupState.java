package dev.parley.worker.quota;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a quota group stands; for metrics, heartbeats and the admin page. Keys appear by their short hash.
 *
 * @param used calls reserved in the window that ends now, to the model that has the most
 * @param usedToday likewise since midnight Pacific; empty without a daily limit
 * @param disabledKeys reason by key hash
 * @param keys short hashes of all its keys
 */
public record GroupState(
        String group,
        Condition condition,
        int used,
        Optional<Integer> usedToday,
        Map<String, String> disabledKeys,
        List<String> keys) {
    public GroupState {
        keys = List.copyOf(keys);
        disabledKeys = Map.copyOf(disabledKeys);
    }

    public sealed interface Condition {
        record Ready() implements Condition {}

        /** Refused by the provider for this model until then, by this worker's clock; of several the longest rest. */
        record Cooling(String model, Instant until, Duration left, String reason) implements Condition {}

        /** Every key of the group is disabled. */
        record Disabled(Optional<String> reason) implements Condition {}
    }

    public boolean ready() {
        return condition instanceof Condition.Ready;
    }

    public boolean disabled() {
        return condition instanceof Condition.Disabled;
    }

    /** Zero unless it is cooling. */
    public Duration coolingFor() {
        return condition instanceof Condition.Cooling(String model, Instant until, Duration left, String reason)
                ? left
                : Duration.ZERO;
    }
}
