package dev.parley.worker.quota;

import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.redis.RedisUnavailable;
import dev.parley.pipeline.redis.Script;
import io.lettuce.core.ScriptOutputType;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The quota that all workers share, kept in Redis by {@code quota.lua}; one round trip per call. Thread-safe. */
final class SharedQuota {
    private static final System.Logger LOG = System.getLogger(SharedQuota.class.getName());
    private static final Script SCRIPT = Script.resource(SharedQuota.class, "quota.lua");
    /** The braces keep all keys in one slot of a cluster. */
    private static final List<String> PREFIX = List.of("{parley:quota}:");
    /** Places are promised so far ahead; this bounds what they take in Redis. A daily limit is over within it. */
    static final long HORIZON_MILLIS = 26 * 3_600_000L;
    /** Lanes whose state is read in one call, so that reading never holds up a reservation for long. */
    private static final int STATES = 100;
    /** Models whose state is read: as many as the script has indexes. */
    private static final int MODELS = 64;

    /** What the script says, in milliseconds of Redis's clock. */
    sealed interface Answer {
        /**
         * @param slot when to ask again
         * @param given whether the call may be made now
         * @param expected when it will be given, by what such waits have come to lately; not before {@code slot}
         * @param ahead how many who wait come before, as of now; 0 when given
         */
        record Slot(
                String group,
                String keyHash,
                long slot,
                String member,
                boolean given,
                boolean missed,
                long expected,
                int ahead,
                long now)
                implements Answer {}

        /** @param until empty when every key is disabled */
        record None(Optional<Long> until, long now) implements Answer {}
    }

    /**
     * Calls made by this worker that Redis may not know.
     *
     * @param calls for each: lane, token, time on Redis's clock, tokens
     * @param days for each lane: the day's beginning, own calls of it
     */
    record Spent(List<String> calls, List<String> days) {
        static final Spent NOTHING = new Spent(List.of(), List.of());

        int size() {
            return calls.size() / 4;
        }
    }

    /** @param models by name, those that are in use */
    record State(Map<String, LaneState> models, Map<String, String> disabled, long now) {
        /** Of the model with the most. */
        int used() {
            return models.values().stream().mapToInt(LaneState::used).max().orElse(0);
        }

        /** Of the model with the most. */
        int usedToday() {
            return models.values().stream().mapToInt(LaneState::usedToday).max().orElse(0);
        }
    }

    /** @param coolUntil on Redis's clock; 0 when it does not cool */
    record LaneState(int used, int usedToday, long coolUntil, String why) {}

    private final Redis redis;
    private final QuotaLimits limits;
    private final String owner;
    private final Supplier<String> clock;
    private final String span;
    /** Numbers the questions, so that one which arrives after a later one is not heard. */
    private final AtomicLong asked = new AtomicLong();

    private final ReentrantLock joining = new ReentrantLock();
    /** Replaced whole by each join, so that of many who must join only the first does. */
    private volatile Setup setup;

    private volatile List<Long> days = List.of();

    /**
     * @param config names these groups with their limits and keys in Redis
     * @param epoch of the data in Redis that were last joined; empty before the first join
     * @param daily whether any group has a limit per day
     */
    private record Setup(List<QuotaGroup> groups, List<String> specs, String config, boolean daily, String epoch) {
        Setup joined(String now) {
            return new Setup(groups, specs, config, daily, now);
        }
    }

    /**
     * @param owner unique for the process
     * @param clock milliseconds since 1970, or empty for Redis's own clock; only simulations give another
     */
    SharedQuota(Redis redis, List<QuotaGroup> groups, QuotaLimits limits, String owner, Supplier<String> clock) {
        this.redis = redis;
        this.limits = limits;
        this.owner = owner;
        this.clock = clock;
        this.span = Long.toString(limits.span().toMillis());
        this.setup = setup(groups, "");
    }

    private Setup setup(List<QuotaGroup> groups, String epoch) {
        List<String> specs = groups.stream().map(this::spec).toList();
        String config = digest(IntStream.range(0, groups.size())
                .mapToObj(i -> groups.get(i).name() + " " + specs.get(i))
                .sorted()
                .collect(Collectors.joining("\n", span + "\n", "")));
        boolean daily =
                groups.stream().anyMatch(group -> limits.of(group).perDay().isPresent());
        return new Setup(List.copyOf(groups), specs, config, daily, epoch);
    }

    /**
     * Goes on with other groups; the calls of a group are counted in one log whatever its keys and limits are. Questions
     * use the old ones until Redis knows the new ones.
     *
     * @throws RedisUnavailable when Redis is away; then the new ones are used all the same and the next question or
     *     {@link #join} makes them known
     */
    void reload(List<QuotaGroup> groups, LongFunction<Spent> spent) {
        joining.lock();
        try {
            Setup next = setup(groups, setup.epoch());
            try {
                long askedAt = mono();
                long now = time();
                setup = send(next, false, spent.apply(now - askedAt));
            } catch (RedisUnavailable e) {
                setup = next;
                throw e;
            }
        } finally {
            joining.unlock();
        }
    }

    /** As {@link #reload}, when Redis is known to be away. */
    void reloadUnseen(List<QuotaGroup> groups) {
        joining.lock();
        try {
            setup = setup(groups, setup.epoch());
        } finally {
            joining.unlock();
        }
    }

    private long time() {
        long now = Long.parseLong(call("time", List.of()).getFirst());
        days = PacificDays.around(now);
        return now;
    }

    /**
     * @param token of a place that the asker holds and has made no call under, or empty
     * @param given whether this process was once permitted to call under the id
     * @param spent what this worker spent by its own, given how far Redis's clock is ahead of {@link #mono()}
     * @throws RedisUnavailable when Redis is away
     */
    Answer reserve(ReservationId id, Demand demand, String token, boolean given, LongFunction<Spent> spent) {
        for (int round = 0; round < 5; round++) {
            Setup before = setup;
            long askedAt = mono();
            List<String> reply = call(
                    "reserve",
                    List.of(
                            before.epoch(),
                            before.config() + "/" + demand.model(),
                            span,
                            days(),
                            id.value(),
                            owner,
                            Long.toString(asked.incrementAndGet()),
                            token,
                            given ? "1" : "0",
                            Long.toString(limits.guard().dispatch().toMillis()),
                            Long.toString(HORIZON_MILLIS),
                            demand.user().toString(),
                            Integer.toString(demand.tokens())));
            switch (reply.getFirst()) {
                case "JOIN" -> {
                    long now = Long.parseLong(reply.get(1));
                    days = PacificDays.around(now);
                    joinAfter(before, false, spent.apply(now - askedAt));
                }
                case "STALE" -> LOG.log(Level.DEBUG, "a question was overtaken by a later one");
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
                            reply.get(6).equals("1"),
                            Long.parseLong(reply.get(7)),
                            Integer.parseInt(reply.get(8)),
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
        long askedAt = mono();
        long now = time();
        joinAfter(setup, wait, spent.apply(now - askedAt));
    }

    private void joinAfter(Setup before, boolean wait, Spent spent) {
        joining.lock();
        try {
            if (setup == before) {
                setup = send(before, wait, spent);
            }
        } finally {
            joining.unlock();
        }
    }

    private Setup send(Setup with, boolean wait, Spent spent) {
        List<String> args = new ArrayList<>(List.of(
                with.epoch(), UUID.randomUUID().toString(), wait ? "1" : "0", with.config(), span, days(with.daily())));
        args.add(Integer.toString(with.groups().size()));
        for (int i = 0; i < with.groups().size(); i++) {
            args.add(with.groups().get(i).name());
            args.add(with.specs().get(i));
        }
        args.add(Integer.toString(spent.size()));
        args.addAll(spent.calls());
        args.addAll(spent.days());
        return with.joined(call("join", args).get(1));
    }

    /** Frees the slot of a permission under which no call was made. */
    void release(ReservationId id, String token) {
        call("release", List.of(days(), id.value(), token));
    }

    /** Frees the places promised to these ids; a permitted call stays spent. */
    void revoke(Collection<ReservationId> ids) {
        List<String> args = new ArrayList<>();
        args.add(days());
        ids.forEach(id -> args.add(id.value()));
        call("revoke", args);
    }

    /** Says what a call has really taken. */
    void used(ReservationId id, Lane lane, String token, int tokens) {
        call("used", List.of(span, lane.text(), id.value(), token, Integer.toString(tokens)));
    }

    void cool(Lane lane, long millis, String reason) {
        call("cool", List.of(lane.group(), lane.model(), Long.toString(millis), reason));
    }

    void probed(Lane lane) {
        call("probed", List.of(lane.group(), lane.model()));
    }

    void disable(String group, String keyHash, String reason) {
        call("disable", List.of(group, keyHash, reason));
    }

    void enable(String group, String keyHash) {
        call("enable", List.of(group, keyHash));
    }

    Map<String, State> states() {
        List<QuotaGroup> groups = setup.groups();
        List<String> models = call("models", List.of()).stream().limit(MODELS).toList();
        int step = Math.max(1, STATES / Math.max(1, models.size()));
        Map<String, State> states = new LinkedHashMap<>();
        for (int from = 0; from < groups.size(); from += step) {
            List<String> names = groups.subList(from, Math.min(groups.size(), from + step)).stream()
                    .map(QuotaGroup::name)
                    .toList();
            List<String> args =
                    new ArrayList<>(List.of(Long.toString(limits.window().toMillis()), days()));
            args.add(Integer.toString(models.size()));
            args.addAll(models);
            args.addAll(names);
            Iterator<String> reply = call("states", args).iterator();
            long now = Long.parseLong(reply.next());
            names.forEach(name -> states.put(name, state(models, reply, now)));
        }
        return states;
    }

    private static State state(List<String> models, Iterator<String> reply, long now) {
        Map<String, String> off = new LinkedHashMap<>();
        for (int disabled = Integer.parseInt(reply.next()); disabled > 0; disabled--) {
            off.put(reply.next(), reply.next());
        }
        Map<String, LaneState> lanes = new LinkedHashMap<>();
        for (String model : models) {
            lanes.put(
                    model,
                    new LaneState(
                            Integer.parseInt(reply.next()),
                            Integer.parseInt(reply.next()),
                            Long.parseLong(reply.next()),
                            reply.next()));
        }
        return new State(lanes, off, now);
    }

    /** Milliseconds that only ever grow, on this process's own scale. */
    static long mono() {
        return System.nanoTime() / 1_000_000;
    }

    private String days() {
        return days(setup.daily());
    }

    private String days(boolean daily) {
        if (!daily) {
            return "";
        }
        // Not empty even before the first look at Redis's clock: the script then asks for it.
        return days.stream().map(String::valueOf).collect(Collectors.joining(" ", "days ", ""));
    }

    private String spec(QuotaGroup group) {
        QuotaLimits own = limits.of(group);
        return own.perMinute() + " " + own.perDay().orElse(0) + " "
                + own.tokensPerMinute().orElse(0) + " " + group.weight() + " "
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
