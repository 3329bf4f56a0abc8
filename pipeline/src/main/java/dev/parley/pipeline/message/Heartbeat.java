package dev.parley.pipeline.message;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What a worker tells everybody every {@link #INTERVAL} over the heartbeat exchange.
 *
 * @param worker unique for the process
 * @param running calls to the model under way
 * @param waiting requests held until their turn under the quota
 * @param capacity most requests it takes at once
 * @param completed answers since its start
 * @param sharedQuota whether it spends from the quota in Redis, and not its own share without it
 * @param keysReady quota groups that are neither cooling nor disabled
 * @param groups how each stands, those in trouble first; at most {@link #MOST_GROUPS}, empty from an older worker
 * @param trouble what keeps it from calling the model although it lives, in a few plain words
 */
public record Heartbeat(
        String worker,
        Instant startedAt,
        State state,
        int running,
        int waiting,
        int capacity,
        long completed,
        boolean sharedQuota,
        int keysReady,
        int keysTotal,
        List<KeyGroup> groups,
        Optional<String> trouble) {
    public Heartbeat {
        if (worker == null || startedAt == null || state == null) {
            throw new MalformedMessage("a heartbeat needs worker, startedAt and state");
        }
        trouble = trouble == null ? Optional.empty() : trouble;
        groups = groups == null ? List.of() : List.copyOf(groups);
    }

    /** A beat of so many groups has about 100 kB. */
    public static final int MOST_GROUPS = 1_000;
    /** Keys of a group that a beat tells of. */
    public static final int MOST_KEYS = 100;

    public static final Duration INTERVAL = Duration.ofSeconds(5);
    /** Silence after which a worker counts as gone: two beats lost and one late. */
    public static final Duration GONE_AFTER = INTERVAL.multipliedBy(3);

    public enum State {
        WORKING,
        /** Finishes what it holds and takes nothing new. */
        DRAINING
    }
}
