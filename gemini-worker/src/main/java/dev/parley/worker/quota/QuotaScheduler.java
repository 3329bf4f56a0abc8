package dev.parley.worker.quota;

import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.redis.RedisUnavailable;
import dev.parley.worker.key.ApiKey;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Promise 3: no quota group exceeds its limit in any rolling window, over any number of workers, restarts and clock
 * differences, and no allowed call is left unused while work waits. Turns come first come first served out of one log in
 * Redis, on Redis's clock; while Redis is away, out of this worker's own share.
 *
 * <p>Thread-safe. {@link #reserve} blocks for one round trip, or one command timeout for those that first meet a dead
 * Redis; after that nobody waits for it until a probe in the background has found it well.
 *
 * <p>{@link RedisLine} keeps a sick Redis from the callers. The way back is our own, for the law's sake: a breaker's trial
 * question is whichever comes next, which would be a reservation, answered by a Redis that does not know yet what this
 * worker has spent without it. So while the own share is spent only the return asks, and it enters the own calls first.
 */
public final class QuotaScheduler implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(QuotaScheduler.class.getName());

    /** How often a Redis that was away is tried again, and the other workers' number is looked at. */
    private static final Duration TICK = Duration.ofMillis(500);
    /** How old what is shown of a group may be. */
    private static final Duration STATES_AGE = Duration.ofSeconds(2);
    /** How much later or earlier than us another worker may have noticed that Redis is away: a heartbeat's life. */
    private static final Duration HEARSAY = Duration.ofSeconds(15);
    /** For those who ask while this worker returns to Redis. */
    private static final Duration MOMENT = Duration.ofMillis(50);
    /** So long after losing Redis a worker that is not alone keeps its requests at hand, as most absences are short. */
    private static final Duration HESITATION = Duration.ofSeconds(5);
    /** Rounds in which the keys may change while they are asked for. */
    private static final int ROUNDS = 3;
    /** Permissions that expired on their way before Redis counts as too slow to be of use. */
    private static final int LATE_ANSWERS = 3;

    private final QuotaLimits limits;
    private final Supplier<WorkerShare> shares;
    private final Clock clock;
    private final QuotaListener listener;
    private final SharedQuota shared;
    private final LocalQuota local;
    /**
     * Bounds how many ask at once, in the order of their coming: what a thousand ask in one moment takes Redis longer than
     * a command may take, and would look like a sick one. Far more than fill the line to a Redis 200 ms away.
     */
    private final Semaphore turnstile = new Semaphore(64, true);

    private final RedisLine line = new RedisLine(TICK);
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread ticker;
    private final ReentrantLock modes = new ReentrantLock();
    private final ReentrantLock reloading = new ReentrantLock();
    private volatile Configured configured;
    private volatile Map<String, SharedQuota.State> states = Map.of();

    /** Written under {@link #modes}, which guards what follows. */
    private volatile boolean withoutRedis;

    private long withoutRedisSince;
    private boolean metOthers;
    private WorkerShare share;
    private long shareSince;
    private long shareSeen;

    private QuotaScheduler(
            Redis redis,
            List<QuotaGroup> groups,
            QuotaLimits limits,
            Supplier<WorkerShare> shares,
            Clock clock,
            QuotaListener listener) {
        this.configured = Configured.of(groups);
        this.limits = limits;
        this.shares = shares;
        this.clock = clock;
        this.listener = listener;
        String owner = UUID.randomUUID().toString();
        this.shared = new SharedQuota(redis, groups, limits, owner, () -> "");
        this.local = new LocalQuota(groups, limits, owner, clock);
        this.share = shares.get();
        this.shareSince = SharedQuota.mono();
        this.shareSeen = shareSince;
        this.ticker = Thread.ofVirtual().name("quota").unstarted(this::tick);
    }

    /** The groups in force, and their keys by hash. */
    private record Configured(Map<String, QuotaGroup> groups, Map<String, Map<String, ApiKey>> keys) {
        static Configured of(List<QuotaGroup> groups) {
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
            return new Configured(Collections.unmodifiableMap(byName), Collections.unmodifiableMap(keys));
        }

        /** These, with the other keys still known. */
        Configured beside(Configured other) {
            Map<String, Map<String, ApiKey>> both = new LinkedHashMap<>(other.keys());
            keys.forEach((group, own) -> both.merge(group, own, (old, now) -> {
                Map<String, ApiKey> merged = new HashMap<>(old);
                merged.putAll(now);
                return merged;
            }));
            return new Configured(groups, both);
        }

        Optional<ApiKey> key(String group, String hash) {
            return Optional.ofNullable(keys.getOrDefault(group, Map.of()).get(hash));
        }
    }

    /**
     * @param groups at least one
     * @param shares this worker's place among the live ones, as known now; quick
     * @param clock for times shown to people and for days while Redis is away; it enforces nothing else
     */
    public static QuotaScheduler open(
            Redis redis, List<QuotaGroup> groups, QuotaLimits limits, Supplier<WorkerShare> shares, Clock clock) {
        return open(redis, groups, limits, shares, clock, QuotaListener.NONE);
    }

    public static QuotaScheduler open(
            Redis redis,
            List<QuotaGroup> groups,
            QuotaLimits limits,
            Supplier<WorkerShare> shares,
            Clock clock,
            QuotaListener listener) {
        QuotaScheduler scheduler = new QuotaScheduler(redis, groups, limits, shares, clock, listener);
        try {
            scheduler.line.ask(() -> {
                scheduler.shared.join(false, scheduler.local::spent);
                return scheduler.refresh();
            });
        } catch (RedisUnavailable e) {
            scheduler.leaveRedis(e.getMessage());
        }
        scheduler.ticker.start();
        return scheduler;
    }

    /**
     * The turn of a call. Asked again with the same id it gives the same place while that is good, whichever worker asks,
     * and another one once it was missed, its group cools, or a call may have been made under it.
     *
     * @param earlier a turn of this id that the caller holds; that it made no call under it is hereby said
     * @throws RedisUnavailable only when the thread was interrupted
     */
    public Turn reserve(ReservationId id, Optional<Turn.Reserved> earlier) {
        long asked = System.nanoTime();
        earlier.filter(Turn.Reserved::due).ifPresent(turn -> {
            local.forget(turn.group(), turn.token());
            listener.missed(turn.group());
        });
        Turn turn = spendsShared() ? shared(id, earlier) : local(id);
        listener.reserved(turn, Duration.ofNanos(System.nanoTime() - asked));
        return turn;
    }

    private Turn shared(ReservationId id, Optional<Turn.Reserved> earlier) {
        try {
            turnstile.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RedisUnavailable("interrupted before asking", e);
        }
        try {
            // Those who waited behind a failure need not ask again.
            return spendsShared() ? line.ask(() -> inRedis(id, earlier)) : local(id);
        } catch (RedisUnavailable e) {
            if (Thread.currentThread().isInterrupted()) {
                throw e;
            }
            leaveRedis(e.getMessage());
            return local(id);
        } finally {
            turnstile.release();
        }
    }

    /** @throws RedisUnavailable also when it answers too slowly to be of use */
    private Turn inRedis(ReservationId id, Optional<Turn.Reserved> earlier) {
        String token = earlier.map(Turn.Reserved::token).orElse("");
        int late = 0;
        for (int round = 0; late < LATE_ANSWERS && round < LATE_ANSWERS + ROUNDS; round++) {
            // Before the question: the permission's time runs on our clock from here at the latest.
            long asked = System.nanoTime();
            switch (shared.reserve(id, token, local.wasGiven(id), local::spent)) {
                case SharedQuota.Answer.None(Optional<Long> until, long now) -> {
                    return until.map(at -> none("no quota group is usable before", at - now))
                            .orElseGet(() -> new Turn.NoneUsable("every key is disabled", Optional.empty()));
                }
                case SharedQuota.Answer.Slot slot -> {
                    if (slot.missed()) {
                        listener.missed(slot.group());
                    }
                    Optional<ApiKey> found = configured.key(slot.group(), slot.keyHash());
                    if (found.isEmpty()) {
                        // The keys were changed between the question and the answer. Nobody calls under this place;
                        // with its token it is given up, and the new keys are asked for.
                        token = slot.member();
                        continue;
                    }
                    ApiKey key = found.get();
                    if (!slot.given()) {
                        return promise(id, slot.group(), key, slot.slot() - slot.now(), slot.member());
                    }
                    local.spent(id, slot.group(), slot.member(), SharedQuota.mono());
                    Turn.Reserved turn =
                            permission(id, slot.group(), key, slot.member(), asked, slot.slot() - slot.now());
                    if (!turn.expired(System.nanoTime())) {
                        return turn;
                    }
                    // The answer took longer than the permission lasts; nobody has called under it.
                    local.forget(slot.group(), slot.member());
                    token = slot.member();
                    late++;
                }
            }
        }
        throw new RedisUnavailable("Redis answers too slowly", null);
    }

    private Turn local(ReservationId id) {
        WorkerShare mine;
        long notBefore;
        boolean hesitate;
        long asked = System.nanoTime();
        long now = SharedQuota.mono();
        WorkerShare seen = shares.get();
        modes.lock();
        try {
            look(seen, now);
            mine = share;
            long span = limits.span().toMillis();
            // Alone for a whole span, our own log is complete. Otherwise the others may have spent everything up to the
            // moment at which they too had lost Redis.
            notBefore = (mine.count() == 1 ? shareSince : Math.max(shareSince, withoutRedisSince)) + span;
            hesitate = now - withoutRedisSince < HESITATION.toMillis();
        } finally {
            modes.unlock();
        }
        if (!mine.allWithoutRedis()) {
            if (hesitate) {
                QuotaGroup any = configured.groups().values().iterator().next();
                return promise(id, any.name(), any.keys().getFirst(), TICK.toMillis(), LocalQuota.NO_PLACE);
            }
            return none("Redis is away for this worker, while others still spend from the shared quota", 5_000);
        }
        return switch (local.reserve(id, mine, notBefore, now)) {
            case LocalQuota.Choice.Frozen(QuotaGroup group, ApiKey key) ->
                promise(id, group.name(), key, MOMENT.toMillis(), LocalQuota.NO_PLACE);
            case LocalQuota.Choice.None(String reason, OptionalLong until) ->
                until.isPresent()
                        ? none(reason, until.getAsLong() - now)
                        : new Turn.NoneUsable(reason, Optional.empty());
            case LocalQuota.Choice.Slot slot ->
                slot.given()
                        ? permission(id, slot.group().name(), slot.key(), slot.member(), asked, slot.slot() - now)
                        : promise(id, slot.group().name(), slot.key(), slot.slot() - now, slot.member());
        };
    }

    private Turn none(String reason, long millis) {
        return new Turn.NoneUsable(reason, Optional.of(clock.instant().plusMillis(millis)));
    }

    private Turn.Reserved promise(ReservationId id, String group, ApiKey key, long millis, String token) {
        Duration wait = Duration.ofMillis(millis);
        long due = System.nanoTime() + wait.toNanos();
        return new Turn.Reserved(
                id,
                group,
                key,
                wait,
                clock.instant().plus(wait),
                token,
                due,
                due + limits.guard().dispatch().toNanos());
    }

    /** @param age of the slot at the time of the question, negative milliseconds */
    private Turn.Reserved permission(ReservationId id, String group, ApiKey key, String token, long asked, long age) {
        return new Turn.Reserved(
                id,
                group,
                key,
                Duration.ZERO,
                clock.instant(),
                token,
                asked,
                asked
                        + TimeUnit.MILLISECONDS.toNanos(
                                age + limits.guard().dispatch().toMillis()));
    }

    /** Frees the slot of a turn under which no call was made, and none will be. */
    public void release(Turn.Reserved turn) {
        local.forget(turn.group(), turn.token());
        if (!LocalQuota.isLocal(turn.token())) {
            tell("a released slot", () -> shared.release(turn.id(), turn.token()));
        }
    }

    /** Frees the place promised to an id whose call nobody waits for any more; a permitted call stays spent. */
    public void release(ReservationId id) {
        local.forgetPromise(id);
        tell("a released place", () -> shared.release(id, ""));
    }

    /** The provider refused the group. @param delay as it asked for; empty means the usual cooldown */
    public void cool(String group, Optional<Duration> delay) {
        cool(group, delay.orElse(limits.cooldown()), "refused by the provider");
    }

    /** Rests a group for so long from now; a longer rest that it already has stays. */
    public void cool(String group, Duration duration, String reason) {
        local.cool(group, SharedQuota.mono() + duration.toMillis(), reason);
        listener.cooled(group, reason);
        tell("a cooling group", () -> shared.cool(group, duration.toMillis(), reason));
    }

    /** The day's quota is spent. */
    public void coolUntilMidnightPacific(String group) {
        Instant now = clock.instant();
        cool(group, Duration.between(now, PacificDays.nextMidnight(now)), "the day's quota is spent");
    }

    /** A call has succeeded although the group was cooling: the only thing that shortens a rest. */
    public void probeSucceeded(String group) {
        local.probed(group);
        tell("a successful probe", () -> shared.probed(group));
    }

    /** Takes a key out for all workers until {@link #enable} or until a week has passed. */
    public void disable(String group, ApiKey key, String reason) {
        local.disable(group, key.hash(), reason);
        listener.disabled(group, key.hash(), reason);
        tell("a disabled key", () -> shared.disable(group, key.hash(), reason));
    }

    public void enable(String group, ApiKey key) {
        local.enable(group, key.hash());
        tell("an enabled key", () -> shared.enable(group, key.hash()));
    }

    /** The groups' names, in the order of the configuration. */
    public List<String> groups() {
        return List.copyOf(configured.groups().keySet());
    }

    /**
     * Goes on with other groups, keys, limits and weights; safe beside everything else, and when workers learn of a change
     * one after the other. What is new is used from the next reservation on. Groups and keys that are gone get no call any
     * more: running ones go on, and a promise is replaced when its time has come or when it is asked for again. Limits hold
     * from the next reservation on; calls that were made by the old ones count in the window still, so that while workers
     * differ no window exceeds the larger limit. Promises by a limit that has become smaller are replaced too.
     *
     * @param groups at least one
     */
    public void reload(List<QuotaGroup> groups) {
        reloading.lock();
        try {
            Configured next = Configured.of(groups);
            local.reload(groups);
            // Until Redis knows the new ones, answers come by the old ones.
            configured = next.beside(configured);
            if (spendsShared()) {
                try {
                    line.ask(() -> {
                        shared.reload(groups, local::spent);
                        return refresh();
                    });
                } catch (RedisUnavailable e) {
                    leaveRedis(e.getMessage());
                    shared.reloadUnseen(groups);
                }
            } else {
                shared.reloadUnseen(groups);
            }
            configured = next;
        } finally {
            reloading.unlock();
        }
    }

    public int groupsReady() {
        return (int) states().stream().filter(GroupState::ready).count();
    }

    /** How every group stands, as of the last seconds; no I/O. */
    public List<GroupState> states() {
        return configured.groups().values().stream().map(this::state).toList();
    }

    /** @throws IllegalArgumentException if there is no such group */
    public GroupState state(String name) {
        return state(Optional.ofNullable(configured.groups().get(name))
                .orElseThrow(() -> new IllegalArgumentException("no quota group " + name)));
    }

    private GroupState state(QuotaGroup group) {
        String name = group.name();
        long now = SharedQuota.mono();
        LocalQuota.Memory memory = local.memory(name, now);
        SharedQuota.State seen = states.get(name);
        boolean useSeen = seen != null && spendsShared();
        return new GroupState(
                name,
                condition(group, memory, now),
                useSeen ? seen.used() : memory.used(),
                limits.of(group).perDay().map(ignored -> useSeen ? seen.usedToday() : memory.today()),
                memory.disabled().entrySet().stream()
                        .filter(off -> keyHashes(group).anyMatch(off.getKey()::equals))
                        .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue)),
                keyHashes(group).toList());
    }

    private static Stream<String> keyHashes(QuotaGroup group) {
        return group.keys().stream().map(ApiKey::hash);
    }

    private GroupState.Condition condition(QuotaGroup group, LocalQuota.Memory memory, long now) {
        if (group.keys().stream().allMatch(key -> memory.disabled().containsKey(key.hash()))) {
            return new GroupState.Condition.Disabled(Optional.ofNullable(
                    memory.disabled().get(group.keys().getFirst().hash())));
        }
        if (memory.coolUntil() > now) {
            Duration left = Duration.ofMillis(memory.coolUntil() - now);
            return new GroupState.Condition.Cooling(clock.instant().plus(left), left, memory.why());
        }
        return new GroupState.Condition.Ready();
    }

    /** Whether turns come out of the shared quota now; otherwise out of this worker's share. For heartbeats. */
    public boolean spendsShared() {
        return !withoutRedis;
    }

    /** Tells Redis what the local memory already holds; if it is away, the next join tells it. */
    private void tell(String what, Runnable command) {
        if (!spendsShared()) {
            return;
        }
        try {
            line.ask(() -> {
                command.run();
                return true;
            });
        } catch (RedisUnavailable e) {
            LOG.log(Level.DEBUG, "Redis did not hear of {0}", what);
            if (!Thread.currentThread().isInterrupted()) {
                leaveRedis(e.getMessage());
            }
        }
    }

    private void leaveRedis(String reason) {
        modes.lock();
        try {
            if (withoutRedis) {
                return;
            }
            withoutRedis = true;
            withoutRedisSince = SharedQuota.mono();
            metOthers = share.count() > 1;
        } finally {
            modes.unlock();
        }
        LOG.log(Level.WARNING, "spending this worker''s share of the quota without Redis: {0}", reason);
        listener.shared(false);
    }

    private void tick() {
        long refreshed = SharedQuota.mono();
        try {
            while (!closed.await(TICK.toMillis(), TimeUnit.MILLISECONDS)) {
                long now = SharedQuota.mono();
                WorkerShare seen = shares.get();
                modes.lock();
                try {
                    look(seen, now);
                } finally {
                    modes.unlock();
                }
                if (!spendsShared()) {
                    returnToRedis();
                } else if (now - refreshed >= STATES_AGE.toMillis()) {
                    try {
                        line.ask(this::refresh);
                    } catch (RedisUnavailable e) {
                        leaveRedis(e.getMessage());
                    }
                    refreshed = SharedQuota.mono();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Notices when the number of workers or this one's rank changes. Holds {@link #modes}. */
    private void look(WorkerShare seen, long now) {
        // After a pause of the process nobody knows who was there in between.
        if (!seen.equals(share) || now - shareSeen > 10 * TICK.toMillis()) {
            share = seen;
            shareSince = now;
        }
        shareSeen = now;
        metOthers = metOthers || (withoutRedis && seen.count() > 1);
    }

    private void returnToRedis() {
        boolean wait;
        modes.lock();
        try {
            // Others spend by their own only after a whole span without Redis, which may have begun before ours.
            long away = SharedQuota.mono() - withoutRedisSince;
            wait = metOthers && away + HEARSAY.toMillis() >= limits.span().toMillis();
        } finally {
            modes.unlock();
        }
        local.freeze(true);
        try {
            line.askOnce(() -> join(wait));
            local.forgetPromises();
            modes.lock();
            try {
                withoutRedis = false;
            } finally {
                modes.unlock();
            }
        } catch (RedisUnavailable e) {
            return;
        } finally {
            local.freeze(false);
        }
        LOG.log(Level.INFO, "spending from the shared quota in Redis again");
        listener.shared(true);
    }

    /** The trial question of a breaker that was open. @throws RedisUnavailable also when it took too long */
    private boolean join(boolean wait) {
        long asked = SharedQuota.mono();
        Map<String, LocalQuota.Memory> memories = local.memories(asked);
        shared.join(wait, local::spent);
        if (SharedQuota.mono() - asked > 2 * limits.guard().dispatch().toMillis()) {
            // Two round trips. Permissions would come too late to be used, and Redis be left again at once.
            throw new RedisUnavailable("Redis answers too slowly", null);
        }
        memories.forEach((group, memory) -> {
            if (memory.coolUntil() > asked) {
                shared.cool(group, memory.coolUntil() - asked, memory.why());
            }
            memory.disabled().forEach((hash, reason) -> shared.disable(group, hash, reason));
        });
        return refresh();
    }

    private boolean refresh() {
        Map<String, SharedQuota.State> seen = shared.states();
        local.learn(seen, SharedQuota.mono());
        states = seen;
        return true;
    }

    @Override
    public void close() {
        closed.countDown();
        try {
            ticker.join(TICK.plusSeconds(2));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
