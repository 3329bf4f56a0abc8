package dev.parley.worker.quota;

import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.redis.RedisUnavailable;
import dev.parley.worker.key.ApiKey;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Promise 3: no quota group exceeds a model's limit in any rolling window, over any number of workers, restarts and clock
 * differences, and no allowed call is left unused while work waits. Turns come out of one log in Redis, on Redis's clock,
 * fairly between users and first come first served for each; while Redis is away, out of this worker's own share.
 *
 * <p>Thread-safe. {@link #reserve} blocks for one round trip, or some command timeouts for those that first meet a silent
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
    /** For those who ask while this worker returns to Redis. */
    private static final Duration MOMENT = Duration.ofMillis(50);
    /** Rounds in which permissions may expire on their way, or the keys change while they are asked for. */
    private static final int ROUNDS = 8;

    private final QuotaLimits limits;
    private final Clock clock;
    private final QuotaListener listener;
    private final SharedQuota shared;
    private final LocalQuota local;
    private final Absence absence;
    /**
     * Bounds how many ask at once, in the order of their coming: what a thousand ask in one moment takes Redis longer than
     * a command may take, and would look like a sick one. Far more than fill the line to a Redis 200 ms away.
     */
    private final Semaphore turnstile = new Semaphore(64, true);

    private final RedisLine line = new RedisLine(TICK);
    /** Ids that are asked for right now: of two who ask at once only one may say that no call was made. */
    private final Set<ReservationId> asking = ConcurrentHashMap.newKeySet();

    /** Slots released while Redis was away; what there is no room for stays spent, which is lawful. */
    private final BlockingQueue<Runnable> untold = new ArrayBlockingQueue<>(1_000);

    /** When a permission last came in time, to anybody here. */
    private volatile long inTimeNanos = System.nanoTime();

    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread ticker;
    private final ReentrantLock reloading = new ReentrantLock();
    private volatile KeyRing configured;
    private volatile Map<String, SharedQuota.State> states = Map.of();

    private QuotaScheduler(
            Redis redis,
            List<QuotaGroup> groups,
            QuotaLimits limits,
            Supplier<WorkerShare> shares,
            Clock clock,
            QuotaListener listener) {
        this.configured = KeyRing.of(groups);
        this.limits = limits;
        this.clock = clock;
        this.listener = listener;
        String owner = UUID.randomUUID().toString();
        this.shared = new SharedQuota(redis, groups, limits, owner, () -> "");
        this.local = new LocalQuota(groups, limits, owner, clock);
        this.absence = new Absence(limits.span(), TICK, shares);
        this.ticker = Thread.ofVirtual().name("quota").unstarted(this::tick);
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
     * or a later one when another user's turn came first; and another one once it was missed, its group cools, or a call
     * may have been made under it.
     *
     * @param demand the same for all questions with the id
     * @param earlier a turn of this id that the caller holds; that it made no call under it is hereby said
     * @throws RedisUnavailable only when the thread was interrupted
     */
    public Turn reserve(ReservationId id, Demand demand, Optional<Turn.Reserved> earlier) {
        long asked = System.nanoTime();
        earlier.filter(Turn.Reserved::due).ifPresent(turn -> {
            local.forget(turn.lane(), turn.token());
            listener.missed(turn.group());
        });
        Turn turn = spendsShared() ? shared(id, demand, earlier) : local(id, demand);
        listener.reserved(turn, Duration.ofNanos(System.nanoTime() - asked));
        return turn;
    }

    private Turn shared(ReservationId id, Demand demand, Optional<Turn.Reserved> earlier) {
        try {
            turnstile.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RedisUnavailable("interrupted before asking", e);
        }
        boolean alone = asking.add(id);
        try {
            // Those who waited behind a failure need not ask again.
            return spendsShared() ? line.ask(() -> inRedis(id, demand, earlier, alone)) : local(id, demand);
        } catch (RedisUnavailable e) {
            if (Thread.currentThread().isInterrupted()) {
                throw e;
            }
            leaveRedis(e.getMessage());
            return local(id, demand);
        } finally {
            if (alone) {
                asking.remove(id);
            }
            turnstile.release();
        }
    }

    /** @throws RedisUnavailable also when it answers too slowly to be of use, to all who ask here and for a while */
    private Turn inRedis(ReservationId id, Demand demand, Optional<Turn.Reserved> earlier, boolean alone) {
        String token = earlier.map(Turn.Reserved::token).orElse("");
        long began = System.nanoTime();
        for (int round = 0; round < ROUNDS; round++) {
            // Before the question: the permission's time runs on our clock from here at the latest.
            long asked = System.nanoTime();
            switch (shared.reserve(id, demand, token, !alone || local.wasGiven(id), local::spent)) {
                case SharedQuota.Answer.None(Optional<Long> until, long now) -> {
                    return until.map(at -> none("no quota group is usable before", at - now))
                            .orElseGet(() -> new Turn.NoneUsable("every key is disabled", Optional.empty()));
                }
                case SharedQuota.Answer.Slot slot -> {
                    Lane lane = new Lane(slot.group(), demand.model());
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
                        return promise(
                                id,
                                lane,
                                key,
                                slot.slot() - slot.now(),
                                slot.expected() - slot.now(),
                                Optional.of(slot.ahead()),
                                slot.member());
                    }
                    int tokens = countsTokens(slot.group()) ? demand.tokens() : 0;
                    local.spent(id, lane, slot.member(), tokens, SharedQuota.mono());
                    Turn.Reserved turn = permission(id, lane, key, slot.member(), asked, slot.slot() - slot.now());
                    long now = System.nanoTime();
                    if (!turn.expired(now)) {
                        inTimeNanos = now;
                        return turn;
                    }
                    // The answer took longer than the permission lasts; nobody has called under it.
                    local.forget(lane, slot.member());
                    token = slot.member();
                    long inTime = inTimeNanos;
                    if (now - (inTime - began > 0 ? inTime : began) > RedisLine.SILENCE.toNanos()) {
                        throw new RedisUnavailable("Redis answers too slowly", null);
                    }
                }
            }
        }
        return moment(id, demand, configured.first(), TICK);
    }

    private Turn local(ReservationId id, Demand demand) {
        long asked = System.nanoTime();
        long now = SharedQuota.mono();
        Absence.Standing standing = absence.standing();
        if (!standing.share().allWithoutRedis()) {
            return standing.fresh()
                    ? moment(id, demand, configured.first(), TICK)
                    : none("Redis is away for this worker, while others still spend from the shared quota", 5_000);
        }
        return switch (local.reserve(id, demand, standing.share(), standing.notBefore(), now)) {
            case LocalQuota.Choice.Frozen(QuotaGroup group, ApiKey key) -> moment(id, demand, group, MOMENT);
            case LocalQuota.Choice.None(String reason, OptionalLong until) ->
                until.isPresent()
                        ? none(reason, until.getAsLong() - now)
                        : new Turn.NoneUsable(reason, Optional.empty());
            case LocalQuota.Choice.Slot slot -> {
                Lane lane = new Lane(slot.group().name(), demand.model());
                yield slot.given()
                        ? permission(id, lane, slot.key(), slot.member(), asked, slot.slot() - now)
                        : promise(
                                id,
                                lane,
                                slot.key(),
                                slot.slot() - now,
                                slot.slot() - now,
                                Optional.empty(),
                                slot.member());
            }
        };
    }

    /** A turn without a place: ask again soon. */
    private Turn moment(ReservationId id, Demand demand, QuotaGroup any, Duration wait) {
        return promise(
                id,
                new Lane(any.name(), demand.model()),
                any.keys().getFirst(),
                wait.toMillis(),
                wait.toMillis(),
                Optional.empty(),
                LocalQuota.NO_PLACE);
    }

    private Turn none(String reason, long millis) {
        return new Turn.NoneUsable(reason, Optional.of(clock.instant().plusMillis(millis)));
    }

    private Turn.Reserved promise(
            ReservationId id,
            Lane lane,
            ApiKey key,
            long millis,
            long expectedMillis,
            Optional<Integer> ahead,
            String token) {
        Duration wait = Duration.ofMillis(millis);
        long due = System.nanoTime() + wait.toNanos();
        return new Turn.Reserved(
                id,
                lane.group(),
                lane.model(),
                key,
                wait,
                clock.instant().plusMillis(expectedMillis),
                ahead,
                token,
                due,
                due + limits.guard().dispatch().toNanos());
    }

    /** @param age of the slot at the time of the question, negative milliseconds */
    private Turn.Reserved permission(ReservationId id, Lane lane, ApiKey key, String token, long asked, long age) {
        return new Turn.Reserved(
                id,
                lane.group(),
                lane.model(),
                key,
                Duration.ZERO,
                clock.instant(),
                Optional.empty(),
                token,
                asked,
                asked
                        + TimeUnit.MILLISECONDS.toNanos(
                                age + limits.guard().dispatch().toMillis()));
    }

    /** Frees the slot of a turn under which no call was made, and none will be. */
    public void release(Turn.Reserved turn) {
        local.forget(turn.lane(), turn.token());
        if (LocalQuota.isLocal(turn.token())) {
            return;
        }
        if (turn.due()) {
            Runnable release = () -> shared.release(turn.id(), turn.token());
            if (!tell("a released slot", release)) {
                untold.offer(release);
            }
        } else {
            // Somebody else may have got the permission meanwhile, and called.
            tell("a released place", () -> shared.revoke(List.of(turn.id())));
        }
    }

    /**
     * Frees the places promised to ids whose calls nobody waits for any more, whichever worker asked for them; a permitted
     * call stays spent.
     *
     * @param ids a few
     */
    public void revoke(Collection<ReservationId> ids) {
        ids.forEach(local::forgetPromise);
        tell("revoked places", () -> shared.revoke(ids));
    }

    /**
     * What a call has really taken, where tokens are limited; a help that nobody waits for.
     *
     * @param inputTokens as the model counted them; 0 when it did not say
     */
    public void used(Turn.Reserved turn, int inputTokens) {
        if (inputTokens < 1 || !countsTokens(turn.group())) {
            return;
        }
        local.correct(turn.lane(), turn.token(), inputTokens);
        if (!LocalQuota.isLocal(turn.token()) && spendsShared()) {
            Thread.ofVirtual()
                    .name("quota-used")
                    .start(() -> tell(
                            "the tokens of a call",
                            () -> shared.used(turn.id(), turn.lane(), turn.token(), inputTokens)));
        }
    }

    private boolean countsTokens(String group) {
        return Optional.ofNullable(configured.groups().get(group))
                .flatMap(found -> limits.of(found).tokensPerMinute())
                .isPresent();
    }

    /** The provider refused the group for this model. @param delay as it asked for; empty means the usual cooldown */
    public void cool(String group, String model, Optional<Duration> delay) {
        cool(group, model, delay.orElse(limits.cooldown()), "refused by the provider");
    }

    /** Rests a group for a model for so long from now; a longer rest that it already has stays. */
    public void cool(String group, String model, Duration duration, String reason) {
        Lane lane = new Lane(group, model);
        local.cool(lane, SharedQuota.mono() + duration.toMillis(), reason);
        listener.cooled(group, reason);
        tell("a cooling group", () -> shared.cool(lane, duration.toMillis(), reason));
    }

    /** The day's quota is spent. */
    public void coolUntilMidnightPacific(String group, String model) {
        Instant now = clock.instant();
        cool(group, model, Duration.between(now, PacificDays.nextMidnight(now)), "the day's quota is spent");
    }

    /** A call has succeeded although the group was cooling for the model: the only thing that shortens a rest. */
    public void probeSucceeded(String group, String model) {
        Lane lane = new Lane(group, model);
        local.probed(lane);
        tell("a successful probe", () -> shared.probed(lane));
    }

    /** Takes a key out for all workers and models until {@link #enable} or until a week has passed. */
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
            KeyRing next = KeyRing.of(groups);
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
        return memory.rests().stream()
                .findFirst()
                .<GroupState.Condition>map(rest -> {
                    Duration left = Duration.ofMillis(rest.until() - now);
                    return new GroupState.Condition.Cooling(
                            rest.model(), clock.instant().plus(left), left, rest.why());
                })
                .orElseGet(GroupState.Condition.Ready::new);
    }

    /** Whether turns come out of the shared quota now; otherwise out of this worker's share. For heartbeats. */
    public boolean spendsShared() {
        return !absence.isAway();
    }

    /**
     * Tells Redis what the local memory already holds; if it is away, the next join tells it.
     *
     * @return whether it heard
     */
    private boolean tell(String what, Runnable command) {
        if (!spendsShared()) {
            return false;
        }
        try {
            line.ask(() -> {
                command.run();
                return true;
            });
            return true;
        } catch (RedisUnavailable e) {
            LOG.log(Level.DEBUG, "Redis did not hear of {0}", what);
            if (!Thread.currentThread().isInterrupted()) {
                leaveRedis(e.getMessage());
            }
            return false;
        }
    }

    private void leaveRedis(String reason) {
        if (absence.leave()) {
            LOG.log(Level.WARNING, "spending this worker''s share of the quota without Redis: {0}", reason);
            listener.shared(false);
        }
    }

    private void tick() {
        long refreshed = SharedQuota.mono();
        try {
            while (!closed.await(TICK.toMillis(), TimeUnit.MILLISECONDS)) {
                absence.look();
                if (!spendsShared()) {
                    returnToRedis();
                } else if (SharedQuota.mono() - refreshed >= STATES_AGE.toMillis()) {
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

    private void returnToRedis() {
        boolean wait = absence.othersMaySpend();
        local.freeze(true);
        try {
            line.askOnce(() -> join(wait));
            local.forgetPromises();
            absence.comeBack();
        } catch (RedisUnavailable e) {
            return;
        } finally {
            local.freeze(false);
        }
        LOG.log(Level.INFO, "spending from the shared quota in Redis again");
        listener.shared(true);
        List<Runnable> releases = new ArrayList<>();
        untold.drainTo(releases);
        releases.forEach(release -> tell("a released slot", release));
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
            memory.rests()
                    .forEach(rest -> shared.cool(new Lane(group, rest.model()), rest.until() - asked, rest.why()));
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
