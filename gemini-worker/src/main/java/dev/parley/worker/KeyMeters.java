package dev.parley.worker;

import dev.parley.pipeline.runtime.Meters;
import dev.parley.pipeline.runtime.Sampler;
import dev.parley.worker.quota.GroupState;
import dev.parley.worker.quota.QuotaListener;
import dev.parley.worker.quota.QuotaScheduler;
import dev.parley.worker.quota.Turn;
import io.helidon.metrics.api.Meter;
import io.helidon.metrics.api.Timer;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/**
 * How groups and keys stand, as metrics; a key appears by its short hash only. Groups and keys come and go with the keys
 * file, so what is shown is put right every few seconds. Thread-safe.
 */
final class KeyMeters implements QuotaListener {
    private static final Duration INTERVAL = Duration.ofSeconds(5);
    /** One scrape reads many gauges of one moment. */
    private static final long SNAPSHOT_NANOS = Duration.ofSeconds(1).toNanos();

    private final Meters meters;
    private final Timer reservation;
    private final Map<Shown, Meter> shown = new HashMap<>();
    private volatile Optional<QuotaScheduler> quota = Optional.empty();
    private volatile Snapshot snapshot = new Snapshot(System.nanoTime() - SNAPSHOT_NANOS, Map.of());

    private record Snapshot(long at, Map<String, GroupState> groups) {}

    /** @param key empty for what belongs to the group as a whole; quotas count by group */
    private record Shown(String name, String group, String key, String state) {}

    KeyMeters(Meters meters) {
        this.meters = meters;
        this.reservation = meters.timer("quota_reservation", "From asking for a turn under the quota to the answer");
    }

    /** @return to be closed before the scheduler */
    Sampler watch(QuotaScheduler scheduler) {
        quota = Optional.of(scheduler);
        putRight();
        Sampler sampler = new Sampler(INTERVAL);
        sampler.sample("what the quota groups are", 0, this::putRight);
        return sampler.start();
    }

    /** Never runs twice at a time. @return how many are shown */
    private int putRight() {
        Set<Shown> wanted = new HashSet<>();
        for (GroupState group : fresh().values()) {
            wanted.add(new Shown("key_used", group.group(), "", ""));
            wanted.add(new Shown("key_cooling_seconds", group.group(), "", ""));
            wanted.add(new Shown("key_disabled", group.group(), "", ""));
            if (group.usedToday().isPresent()) {
                wanted.add(new Shown("key_used_today", group.group(), "", ""));
            }
            for (String key : group.keys()) {
                for (String state : List.of("ready", "cooling", "disabled")) {
                    wanted.add(new Shown("key_state", group.group(), key, state));
                }
            }
            group.disabledKeys()
                    .forEach((key, reason) -> wanted.add(new Shown("key_disabled_reason", group.group(), key, reason)));
        }
        for (Shown each : Set.copyOf(shown.keySet())) {
            if (!wanted.contains(each)) {
                meters.remove(shown.remove(each));
            }
        }
        wanted.forEach(each -> shown.computeIfAbsent(each, this::show));
        return shown.size();
    }

    private Meter show(Shown it) {
        return switch (it.name()) {
            case "key_used" -> gauge(it, "Calls of a quota group in the window that ends now", GroupState::used);
            case "key_used_today" ->
                gauge(it, "Calls of a quota group since midnight Pacific", state -> state.usedToday()
                        .orElse(0));
            case "key_cooling_seconds" ->
                gauge(it, "Until a quota group may be called again", state -> state.coolingFor()
                        .toSeconds());
            case "key_disabled" ->
                gauge(
                        it,
                        "1 when no key of a quota group is usable until an operator has looked",
                        state -> state.disabled() ? 1 : 0);
            case "key_state" ->
                meters.gauge(
                        it.name(),
                        "1 for the state that a key is in",
                        () -> value(it, state -> state(state, it.key()).equals(it.state()) ? 1 : 0),
                        "group",
                        it.group(),
                        "key",
                        it.key(),
                        "state",
                        it.state());
            default ->
                meters.gauge(
                        it.name(),
                        "1 for a key that is disabled, with the reason",
                        () -> value(it, state -> state.disabledKeys().containsKey(it.key()) ? 1 : 0),
                        "group",
                        it.group(),
                        "key",
                        it.key(),
                        "reason",
                        it.state());
        };
    }

    private Meter gauge(Shown it, String description, ToLongFunction<GroupState> value) {
        return meters.gauge(it.name(), description, () -> value(it, value), "group", it.group());
    }

    private long value(Shown it, ToLongFunction<GroupState> value) {
        GroupState state = fresh().get(it.group());
        return state == null ? 0 : value.applyAsLong(state);
    }

    private static String state(GroupState group, String key) {
        if (group.disabledKeys().containsKey(key)) {
            return "disabled";
        }
        return group.condition() instanceof GroupState.Condition.Cooling ? "cooling" : "ready";
    }

    private Map<String, GroupState> fresh() {
        Snapshot last = snapshot;
        if (System.nanoTime() - last.at() < SNAPSHOT_NANOS) {
            return last.groups();
        }
        Map<String, GroupState> groups = quota.map(QuotaScheduler::states).orElse(List.of()).stream()
                .collect(Collectors.toUnmodifiableMap(GroupState::group, Function.identity()));
        snapshot = new Snapshot(System.nanoTime(), groups);
        return groups;
    }

    @Override
    public void reserved(Turn turn, Duration took) {
        reservation.record(took);
        if (turn instanceof Turn.Reserved reserved && reserved.due()) {
            meters.counter(
                            "key_calls",
                            "Calls that this worker was permitted, by key",
                            "group",
                            reserved.group(),
                            "key",
                            reserved.key().hash())
                    .increment();
        }
    }

    @Override
    public void missed(String group) {
        meters.counter("quota_turns_missed", "Turns that passed before their call was sent", "group", group)
                .increment();
    }
}
