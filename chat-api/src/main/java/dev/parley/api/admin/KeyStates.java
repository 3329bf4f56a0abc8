package dev.parley.api.admin;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.KeyGroup;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Every quota group as the workers see it together. They hear of each other's troubles within seconds; until then the
 * more careful view holds.
 *
 * @param leftOut groups beyond those that a heartbeat tells of
 */
record KeyStates(List<Group> items, int leftOut) {
    enum State {
        @JsonProperty("ready")
        READY,
        @JsonProperty("cooling")
        COOLING,
        @JsonProperty("disabled")
        DISABLED
    }

    /**
     * A quota group.
     *
     * @param reason why it cools, or is disabled
     * @param usedThisMinute calls in the minute that ends now, over all workers
     * @param usedToday since midnight Pacific; empty without a daily limit
     * @param workers that know the group
     */
    record Group(
            String group,
            State state,
            Optional<Instant> coolingUntil,
            Optional<String> reason,
            int usedThisMinute,
            Optional<Integer> usedToday,
            int workers,
            List<Key> keys) {}

    /** A key by its short hash. */
    record Key(String hash, State state, Optional<String> reason) {}

    private record Said(KeyGroup group, boolean shared) {}

    static KeyStates of(Collection<Heartbeat> beats, Instant now) {
        Map<String, List<Said>> byName = new TreeMap<>();
        for (Heartbeat beat : beats) {
            for (KeyGroup group : beat.groups()) {
                byName.computeIfAbsent(group.name(), name -> new ArrayList<>())
                        .add(new Said(group, beat.sharedQuota()));
            }
        }
        return new KeyStates(
                byName.entrySet().stream()
                        .map(entry -> merged(entry.getKey(), entry.getValue(), now))
                        .toList(),
                beats.stream()
                        .mapToInt(beat ->
                                Math.max(0, beat.keysTotal() - beat.groups().size()))
                        .max()
                        .orElse(0));
    }

    private static Group merged(String name, List<Said> views, Instant now) {
        Set<String> hashes = new LinkedHashSet<>();
        Map<String, String> disabled = new LinkedHashMap<>();
        for (Said view : views) {
            hashes.addAll(view.group().keys());
            view.group().disabled().forEach(disabled::putIfAbsent);
        }
        hashes.addAll(disabled.keySet());
        Optional<KeyGroup> cooling = views.stream()
                .map(Said::group)
                .filter(group -> group.coolingUntil().filter(now::isBefore).isPresent())
                .max(Comparator.comparing(group -> group.coolingUntil().orElseThrow()));
        boolean dead = !hashes.isEmpty() && disabled.keySet().containsAll(hashes);
        State state = dead ? State.DISABLED : cooling.isPresent() ? State.COOLING : State.READY;
        Optional<String> reason = dead ? disabled.values().stream().findFirst() : cooling.flatMap(KeyGroup::reason);
        return new Group(
                name,
                state,
                state == State.COOLING ? cooling.flatMap(KeyGroup::coolingUntil) : Optional.empty(),
                reason,
                used(views, view -> Optional.of(view.usedThisMinute())).orElse(0),
                used(views, KeyGroup::usedToday),
                views.size(),
                hashes.stream()
                        .map(hash -> new Key(
                                hash,
                                disabled.containsKey(hash)
                                        ? State.DISABLED
                                        : state == State.COOLING ? State.COOLING : State.READY,
                                Optional.ofNullable(disabled.get(hash))))
                        .toList());
    }

    private interface Figure {
        Optional<Integer> of(KeyGroup group);
    }

    /** Workers on the shared quota all see everybody's calls, each of the others only its own. */
    private static Optional<Integer> used(List<Said> views, Figure figure) {
        if (views.stream().noneMatch(view -> figure.of(view.group()).isPresent())) {
            return Optional.empty();
        }
        int shared = views.stream()
                .filter(Said::shared)
                .mapToInt(view -> figure.of(view.group()).orElse(0))
                .max()
                .orElse(0);
        int own = views.stream()
                .filter(view -> !view.shared())
                .mapToInt(view -> figure.of(view.group()).orElse(0))
                .sum();
        return Optional.of(Math.max(shared, own));
    }
}
