package dev.parley.worker.quota;

import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.redis.RedisUnavailable;
import dev.parley.pipeline.redis.Script;
import io.lettuce.core.ScriptOutputType;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The quota that all workers share, kept in Redis by {@code quota.lua}; one round trip per call. Thread-safe. */
final class SharedQuota {
    private static final Script SCRIPT = Script.resource(SharedQuota.class, "quota.lua");
    /** The braces keep all keys in one slot of a cluster. */
    private static final List<String> PREFIX = List.of("{parley:quota}:");
    /** Places are promised so far ahead; this bounds what they take in Redis. A daily limit is over within it. */
    static final long HORIZON_MILLIS = 26 * 3_600_000L;
    /** Groups whose state is read in one call, so that reading never holds up a reservation for long. */
    private static final int STATES = 100;

    /** What the script says, in milliseconds of Redis's clock. */
    sealed interface Answer {
        /** @param given whether the call may be made now */
        record Slot(String group, String keyHash, long slot, String member, boolean given, boolean missed, long now)
                implements Answer {}

        /** @param until empty when every key is disabled */
        record None(Optional<Long> until, long now) implements Answer {}
    }

    /** A call made by this worker, or a count of them, that Redis may not know. */
    record Spent(List<String> calls, List<String> days) {
        static final Spent NOTHING = new Spent(List.of(), List.of());

        int size() {
            return calls.size() / 3;
        }
    }

    record State(int used, int usedToday, long coolUntil, String why, Map<String, String> disabled, long now) {}

    private final Redis redis;
    private final List<QuotaGroup> groups;
    private final QuotaLimits limits;
    private final String owner;
    private final Supplier<String> clock;
    private final String config;
    private final String span;
    private final ReentrantLock joining = new ReentrantLock();
    private volatile String epoch = "";
    private volatile List<Long> days = List.of();

    /**
     * @param owner unique for the process
     * @param clock milliseconds since 1970, or empty for Redis's own clock; only simulations give another
     */
    SharedQuota(Redis redis, List<QuotaGroup> groups, QuotaLimits limits, String owner, Supplier<String> clock) {
        this.redis = redis;
        this.groups = groups;
        this.limits = limits;
        this.owner = owner;
        this.clock = clock;
        this.span = Long.toString(limits.span().toMillis());
        this.config = digest(groups.stream()
                .map(group -> group.name() + " " + spec(group))
                .sorted()
                .collect(Collectors.joining("\n", span + "\n", "")));
    }

    /**
     * @param token of a place that the asker holds and has made no call under, or empty
     * @param given whether this process was once permitted to call under the id
     * @param spent what this worker spent by its own, given how far Redis's clock is ahead of {@link #mono()}
     * @throws RedisUnavailable when Redis is away
     */
    Answer reserve(ReservationId id, String token, boolean given, LongFunction<Spent> spent) {
        for (int round = 0; round < 5; round++) {
            String before = epoch;
            long asked = mono();
            List<String> reply = call(
                    "reserve",
                    List.of(
                            before,
                            config,
                            span,
                            days(),
                            id.value(),
                            owner,
                            token,
                            given ? "1" : "0",
                            Long.toString(limits.guard().dispatch().toMillis()),
                            Long.toString(HORIZON_MILLIS)));
            switch (reply.getFirst()) {
                case "JOIN" -> {
                    long now = Long.parseLong(reply.get(1));
                    days = PacificDays.around(now);
                    joinAfter(before, false, spent.apply(now - asked));
                }
                case "CALENDAR" -> days = PacificDays.around(Long.parseLong(reply.get(1)));
                case "NONE" -> {
                    return new Answer.None(
                            reply.get(1).equals("off") ? Optional.empty() : Optional.of(Long.valueOf(reply.get(2))),
                            Long.parseLong(reply.get(3)));
                }
                default -> {
                    return new Answer.Slot(
                            reply.get(1),
                            reply.get(2),
                            Long.parseLong(reply.get(3)),
                            reply.get(4),
                            reply.getFirst().equals("GO"),
                            reply.size() > 6 && reply.get(6).equals("1"),
                            Long.parseLong(reply.get(5)));
                }
            }
        }
        throw new IllegalStateException("Redis loses the quota's data faster than they can be written");
    }

    /**
     * Brings what this worker spent by its own into the shared log and makes its groups known.
     *
     * @param wait whether other workers may have spent by their own too, so that a window has to pass first
     */
    void join(boolean wait, LongFunction<Spent> spent) {
        long asked = mono();
        long now = Long.parseLong(call("time", List.of()).getFirst());
        days = PacificDays.around(now);
        joinAfter(epoch, wait, spent.apply(now - asked));
    }

    private void joinAfter(String before, boolean wait, Spent spent) {
        joining.lock();
        try {
            if (!epoch.equals(before)) {
                return;
            }
            List<String> args = new ArrayList<>(
                    List.of(before, UUID.randomUUID().toString(), wait ? "1" : "0", config, span, days()));
            args.add(Integer.toString(groups.size()));
            for (QuotaGroup group : groups) {
                args.add(group.name());
                args.add(spec(group));
            }
            args.add(Integer.toString(spent.size()));
            args.addAll(spent.calls());
            args.addAll(spent.days());
            epoch = call("join", args).get(1);
        } finally {
            joining.unlock();
        }
    }

    /** Frees the slot of a place under which no call was made. @param token empty: only if none can have been made */
    void release(ReservationId id, String token) {
        call("release", List.of(days(), id.value(), token));
    }

    void cool(String group, long millis, String reason) {
        call("cool", List.of(group, Long.toString(millis), reason));
    }

    void probed(String group) {
        call("probed", List.of(group));
    }

    void disable(String group, String keyHash, String reason) {
        call("disable", List.of(group, keyHash, reason));
    }

    void enable(String group, String keyHash) {
        call("enable", List.of(group, keyHash));
    }

    Map<String, State> states() {
        Map<String, State> states = new LinkedHashMap<>();
        for (int from = 0; from < groups.size(); from += STATES) {
            List<String> names = groups.subList(from, Math.min(groups.size(), from + STATES)).stream()
                    .map(QuotaGroup::name)
                    .toList();
            List<String> args =
                    new ArrayList<>(List.of(Long.toString(limits.window().toMillis()), days()));
            args.addAll(names);
            List<String> reply = call("states", args);
            long now = Long.parseLong(reply.getFirst());
            int at = 1;
            for (String name : names) {
                int used = Integer.parseInt(reply.get(at));
                int today = Integer.parseInt(reply.get(at + 1));
                long cool = Long.parseLong(reply.get(at + 2));
                String why = reply.get(at + 3);
                int disabled = Integer.parseInt(reply.get(at + 4));
                at += 5;
                Map<String, String> off = new LinkedHashMap<>();
                for (int i = 0; i < disabled; i++, at += 2) {
                    off.put(reply.get(at), reply.get(at + 1));
                }
                states.put(name, new State(used, today, cool, why, off, now));
            }
        }
        return states;
    }

    /** Milliseconds that only ever grow, on this process's own scale. */
    static long mono() {
        return System.nanoTime() / 1_000_000;
    }

    private String days() {
        if (limits.perDay().isEmpty()) {
            return "";
        }
        // Not empty even before the first look at Redis's clock: the script then asks for it.
        return days.stream().map(String::valueOf).collect(Collectors.joining(" ", "days ", ""));
    }

    private String spec(QuotaGroup group) {
        return limits.perMinute() + " " + limits.perDay().orElse(0) + " "
                + group.keys().stream().map(key -> key.hash()).collect(Collectors.joining(" "));
    }

    private List<String> call(String operation, List<String> args) {
        List<String> all = new ArrayList<>(args.size() + 2);
        all.add(operation);
        all.add(clock.get());
        all.addAll(args);
        return redis.call(SCRIPT, ScriptOutputType.MULTI, PREFIX, all);
    }

    private static String digest(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
