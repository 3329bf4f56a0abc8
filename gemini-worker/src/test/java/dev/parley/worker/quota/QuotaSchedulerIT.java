package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.parley.dev.server.RedisServer;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.redis.RedisUnavailable;
import dev.parley.worker.key.ApiKey;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The scheduler in real time, with a short window. */
class QuotaSchedulerIT {
    private static final Duration WINDOW = Duration.ofMillis(1_500);
    private static final Duration TIMEOUT = Duration.ofMillis(500);
    private static final int LIMIT = 5;
    private static final QuotaLimits LIMITS = new QuotaLimits(
            LIMIT,
            Optional.empty(),
            Optional.empty(),
            WINDOW,
            Duration.ofSeconds(30),
            new QuotaLimits.Guard(Duration.ofMillis(250), Duration.ofMillis(100)));
    private static final List<QuotaGroup> GROUPS =
            QuotaGroups.parse(List.of("team=first-secret", "team=second-secret", "third-secret"));

    private static final Demand DEMAND = new Demand("model", new UUID(0, 1), 100);

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final Arrivals arrivals = new Arrivals();
    private final AtomicInteger ids = new AtomicInteger();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable component : opened.reversed()) {
            component.close();
        }
    }

    private QuotaScheduler scheduler(URI uri, Supplier<WorkerShare> shares) {
        Redis redis = Redis.open(uri, TIMEOUT);
        opened.add(redis);
        QuotaScheduler scheduler = QuotaScheduler.open(redis, GROUPS, LIMITS, shares, Clock.systemUTC());
        opened.add(scheduler);
        return scheduler;
    }

    private ReservationId id() {
        return new ReservationId("r" + ids.incrementAndGet());
    }

    /** Waits for a turn as a worker does and calls a provider that only looks at its clock. */
    private void call(QuotaScheduler scheduler) throws InterruptedException {
        ReservationId id = id();
        Optional<Turn.Reserved> earlier = Optional.empty();
        while (true) {
            switch (scheduler.reserve(id, DEMAND, earlier)) {
                case Turn.Reserved turn
                when turn.due() -> {
                    // Between the look and the arrival lies what the guard calls travel; a pause here is the test's,
                    // not the law's.
                    long arrived = System.nanoTime();
                    if (!turn.expired(arrived)) {
                        arrivals.add(turn.group(), arrived / 1_000_000);
                        return;
                    }
                    earlier = Optional.of(turn);
                }
                case Turn.Reserved turn -> {
                    TimeUnit.NANOSECONDS.sleep(turn.waitLeft().toNanos());
                    earlier = Optional.of(turn);
                }
                case Turn.NoneUsable none ->
                    Thread.sleep(Math.clamp(
                            Duration.between(Instant.now(), none.until().orElseThrow())
                                    .toMillis(),
                            1,
                            200));
            }
        }
    }

    private void calls(int number, List<QuotaScheduler> schedulers) throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < number; i++) {
                QuotaScheduler scheduler = schedulers.get(i % schedulers.size());
                running.add(threads.submit(() -> {
                    call(scheduler);
                    return null;
                }));
            }
            for (Future<?> future : running) {
                future.get(2, TimeUnit.MINUTES);
            }
        }
    }

    @Test
    void twoWorkersAtOneRedisAreNeverOverInAnyWindowAndLeaveNoSlotUnused() throws Exception {
        URI uri = URI.create(SharedServers.freshRedis());
        List<QuotaScheduler> both =
                List.of(scheduler(uri, WorkerShare::alone), scheduler(uri, () -> new WorkerShare(2, 1, false)));
        int spans = 4;

        calls(spans * LIMIT * GROUPS.size(), both);

        arrivals.assertNeverOver(LIMIT, WINDOW.toMillis());
        assertThat(arrivals.total()).isEqualTo(spans * LIMIT * GROUPS.size());
        // As many spans as the work needs, each beginning within the dispatch time of its slot; a missed slot costs one
        // more.
        GROUPS.forEach(group -> {
            List<Long> times = arrivals.of(group.name()).stream().sorted().toList();
            assertThat(times.getLast() - times.getFirst())
                    .isLessThan(LIMITS.span().toMillis() * (spans + 1));
        });
    }

    @Test
    void noSecretReachesRedisOrATextForm() throws Exception {
        URI uri = URI.create(SharedServers.freshRedis());
        QuotaScheduler scheduler = scheduler(uri, WorkerShare::alone);
        calls(8, List.of(scheduler));
        QuotaGroup team = GROUPS.getFirst();
        scheduler.disable(team.name(), team.keys().getFirst(), "API_KEY_INVALID");
        scheduler.cool(team.name(), "model", Optional.empty());
        Turn turn = scheduler.reserve(id(), DEMAND, Optional.empty());

        Redis redis = (Redis) opened.getFirst();
        StringBuilder everything = new StringBuilder(turn + " " + scheduler.states() + " " + GROUPS);
        for (String key : redis.<List<String>>call(commands -> commands.keys("*"))) {
            everything.append(key).append(' ');
            switch (redis.<String>call(commands -> commands.type(key))) {
                case "hash" ->
                    everything.append(
                            redis.<Object>call(commands -> commands.hgetall(key).thenApply(Object.class::cast)));
                case "zset" ->
                    everything.append(redis.<Object>call(
                            commands -> commands.zrange(key, 0, -1).thenApply(Object.class::cast)));
                default -> everything.append(redis.<String>call(commands -> commands.get(key)));
            }
        }
        assertThat(everything.toString()).contains("team").doesNotContain("secret");
    }

    @Test
    void everyKeyButTheEpochGoesAwayByItself() throws Exception {
        URI uri = URI.create(SharedServers.freshRedis());
        QuotaScheduler scheduler = scheduler(uri, WorkerShare::alone);
        calls(12, List.of(scheduler));
        scheduler.cool("team", "model", Optional.of(Duration.ofSeconds(1)));
        Redis redis = (Redis) opened.getFirst();
        assertThat(redis.<List<String>>call(commands -> commands.keys("*")))
                .filteredOn(key -> redis.<Long>call(commands -> commands.pttl(key)) < 0)
                .containsExactly("{parley:quota}:epoch");
    }

    @Test
    void aRefusedGroupAndADisabledKeyAreSeenByTheOtherWorker() {
        URI uri = URI.create(SharedServers.freshRedis());
        QuotaScheduler one = scheduler(uri, WorkerShare::alone);
        QuotaScheduler two = scheduler(uri, WorkerShare::alone);
        QuotaGroup single = GROUPS.get(1);
        ApiKey second = GROUPS.getFirst().keys().get(1);

        one.cool(single.name(), "model", Optional.of(Duration.ofSeconds(20)));
        one.disable("team", second, "API_KEY_INVALID");

        for (int i = 0; i < LIMIT; i++) {
            assertThat(two.reserve(id(), DEMAND, Optional.empty()))
                    .isInstanceOfSatisfying(Turn.Reserved.class, turn -> {
                        assertThat(turn.due()).isTrue();
                        assertThat(turn.key())
                                .isEqualTo(GROUPS.getFirst().keys().getFirst());
                    });
        }
        await().until(() -> two.groupsReady() == 1);
        assertThat(two.state("team").disabledKeys())
                .containsExactly(java.util.Map.entry(second.hash(), "API_KEY_INVALID"));
        assertThat(two.state(single.name()).coolingFor()).isPositive();
        one.probeSucceeded(single.name(), "model");
        await().until(() -> two.groupsReady() == 2);
        one.disable("team", GROUPS.getFirst().keys().getFirst(), "402");
        await().until(() -> two.state("team").disabled());
        one.disable(single.name(), single.keys().getFirst(), "403");
        assertThat(two.reserve(id(), DEMAND, Optional.empty()))
                .isInstanceOfSatisfying(
                        Turn.NoneUsable.class, none -> assertThat(none.until()).isEmpty());
    }

    @Test
    void keysOfOneGroupTakeTurns() {
        QuotaScheduler scheduler = scheduler(URI.create(SharedServers.freshRedis()), WorkerShare::alone);
        scheduler.cool(GROUPS.get(1).name(), "model", Optional.of(Duration.ofSeconds(20)));
        List<ApiKey> used = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            used.add(((Turn.Reserved) scheduler.reserve(id(), DEMAND, Optional.empty())).key());
        }
        assertThat(used.get(0)).isEqualTo(used.get(2)).isNotEqualTo(used.get(1));
        assertThat(used.get(1)).isEqualTo(used.get(3));
    }

    @Test
    void aReleasedTurnIsUsedAgainAndAnExpiredOneIsReplaced() {
        QuotaScheduler scheduler = scheduler(URI.create(SharedServers.freshRedis()), WorkerShare::alone);
        scheduler.cool("team", "model", Optional.of(Duration.ofMinutes(5)));
        List<Turn.Reserved> turns = new ArrayList<>();
        for (int i = 0; i < LIMIT; i++) {
            turns.add((Turn.Reserved) scheduler.reserve(id(), DEMAND, Optional.empty()));
        }
        assertThat(turns).allMatch(Turn.Reserved::due);
        scheduler.release(turns.get(2));
        assertThat(scheduler.reserve(id(), DEMAND, Optional.empty()))
                .isInstanceOfSatisfying(
                        Turn.Reserved.class, turn -> assertThat(turn.due()).isTrue());
        Turn.Reserved late = turns.get(3);
        await().until(() -> late.expired(System.nanoTime()));
        Turn.Reserved replaced = (Turn.Reserved) scheduler.reserve(late.id(), DEMAND, Optional.of(late));
        assertThat(replaced.token()).isNotEqualTo(late.token());
    }

    @Test
    void withoutRedisAWorkerThatIsAloneGoesOnAtItsFullLimitAndReturnsWithoutExceeding(@TempDir Path folder)
            throws Exception {
        RedisServer server = RedisServer.start(folder.resolve("redis"), 0);
        opened.add(server);
        QuotaScheduler scheduler = scheduler(URI.create(server.url()), WorkerShare::alone);
        // The own log is complete once a whole window has been watched.
        calls(3 * LIMIT * GROUPS.size(), List.of(scheduler));
        server.stop();
        await().until(() -> {
            call(scheduler);
            return !scheduler.spendsShared();
        });
        calls(2 * LIMIT * GROUPS.size(), List.of(scheduler));
        assertThat(scheduler.spendsShared()).isFalse();
        server.start();
        await().atMost(Duration.ofSeconds(20)).until(scheduler::spendsShared);
        calls(2 * LIMIT * GROUPS.size(), List.of(scheduler));

        arrivals.assertNeverOver(LIMIT, WINDOW.toMillis());
        assertThat(arrivals.total()).isGreaterThanOrEqualTo(7 * LIMIT * GROUPS.size());
    }

    @Test
    void withoutRedisSeveralWorkersTogetherStayWithinTheLimit(@TempDir Path folder) throws Exception {
        RedisServer server = RedisServer.start(folder.resolve("redis"), 0);
        opened.add(server);
        URI uri = URI.create(server.url());
        List<QuotaScheduler> workers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int rank = i;
            workers.add(scheduler(
                    uri, () -> new WorkerShare(3, rank, workers.stream().noneMatch(QuotaScheduler::spendsShared))));
        }
        calls(2 * LIMIT * GROUPS.size(), workers);
        server.stop();
        calls(2 * LIMIT * GROUPS.size(), workers);
        assertThat(workers).noneMatch(QuotaScheduler::spendsShared);
        server.start();
        await().atMost(Duration.ofSeconds(20)).until(() -> workers.stream().allMatch(QuotaScheduler::spendsShared));
        calls(2 * LIMIT * GROUPS.size(), workers);

        arrivals.assertNeverOver(LIMIT, WINDOW.toMillis());
        assertThat(arrivals.total()).isEqualTo(6 * LIMIT * GROUPS.size());
    }

    @Test
    void aDeadRedisCostsOneTimeoutAndNotOneForEachMessage(@TempDir Path folder) {
        RedisServer server = RedisServer.start(folder.resolve("redis"), 0);
        opened.add(server);
        QuotaScheduler scheduler = scheduler(URI.create(server.url()), WorkerShare::alone);
        server.stop();
        AtomicInteger slow = new AtomicInteger();
        for (int i = 0; i < 50; i++) {
            long asked = System.nanoTime();
            scheduler.reserve(id(), DEMAND, Optional.empty());
            if (System.nanoTime() - asked >= TIMEOUT.toNanos()) {
                slow.incrementAndGet();
            }
        }
        assertThat(slow.get()).isLessThanOrEqualTo(1);
    }

    /** Half of the guard goes to the answer's way back, so the guard has to be larger than elsewhere. */
    private static final QuotaLimits PATIENT = new QuotaLimits(
            LIMIT,
            Optional.empty(),
            Optional.empty(),
            WINDOW,
            Duration.ofSeconds(30),
            new QuotaLimits.Guard(Duration.ofMillis(800), Duration.ofMillis(100)));

    private SlowLink link(Duration delay) throws Exception {
        SlowLink link = new SlowLink(URI.create(SharedServers.freshRedis()), delay);
        opened.add(link);
        return link;
    }

    private QuotaScheduler patient(SlowLink link) {
        Redis redis = Redis.open(link.uri(), Duration.ofSeconds(5));
        opened.add(redis);
        QuotaScheduler scheduler = QuotaScheduler.open(redis, GROUPS, PATIENT, WorkerShare::alone, Clock.systemUTC());
        opened.add(scheduler);
        return scheduler;
    }

    @Test
    void aSlowRedisIsAskedByAllAtOnceAndTheLawHolds() throws Exception {
        SlowLink link = link(Duration.ofMillis(200));
        QuotaScheduler scheduler = patient(link);

        calls(50, List.of(scheduler));

        assertThat(link.mostUnanswered()).isGreaterThan(10);
        arrivals.assertNeverOver(LIMIT, WINDOW.toMillis());
        assertThat(arrivals.total()).isEqualTo(50);
        assertThat(scheduler.spendsShared()).isTrue();
    }

    @Test
    void aRedisTooSlowToBeOfUseIsLeftAndTakenAgainWhenItIsWell() throws Exception {
        SlowLink link = link(Duration.ZERO);
        QuotaScheduler scheduler = scheduler(link.uri(), WorkerShare::alone);
        calls(3 * LIMIT * GROUPS.size(), List.of(scheduler));
        // Below the timeout of a command, above the life of a permission.
        link.delay(Duration.ofMillis(350));
        await().atMost(Duration.ofSeconds(20)).until(() -> {
            call(scheduler);
            return !scheduler.spendsShared();
        });
        calls(2 * LIMIT * GROUPS.size(), List.of(scheduler));
        assertThat(scheduler.spendsShared())
                .as("it does not return to a Redis that is as slow")
                .isFalse();
        link.delay(Duration.ZERO);
        await().atMost(Duration.ofSeconds(20)).until(scheduler::spendsShared);
        calls(LIMIT * GROUPS.size(), List.of(scheduler));

        arrivals.assertNeverOver(LIMIT, WINDOW.toMillis());
    }

    @Test
    void oneSlowMomentOfRedisThrowsNobodyOutAndCostsNoTurn() throws Exception {
        SlowLink link = link(Duration.ZERO);
        AtomicInteger left = new AtomicInteger();
        Redis redis = Redis.open(link.uri(), TIMEOUT);
        opened.add(redis);
        QuotaScheduler scheduler = QuotaScheduler.open(
                redis, GROUPS, LIMITS, () -> new WorkerShare(2, 0, false), Clock.systemUTC(), new QuotaListener() {
                    @Override
                    public void shared(boolean shared) {
                        left.incrementAndGet();
                    }
                });
        opened.add(scheduler);
        link.hold(TIMEOUT.multipliedBy(3).dividedBy(2));

        calls(LIMIT * GROUPS.size(), List.of(scheduler));

        assertThat(left).hasValue(0);
        assertThat(arrivals.total()).isEqualTo(LIMIT * GROUPS.size());
        arrivals.assertNeverOver(LIMIT, WINDOW.toMillis());
        assertThat(GROUPS.stream()
                        .mapToLong(group -> redis.<Long>call(
                                commands -> commands.zcard("{parley:quota}:log:" + group.name() + "/model")))
                        .sum())
                .as("places that are spent")
                .isLessThanOrEqualTo(LIMIT * GROUPS.size());
    }

    @Test
    void workersWhoseWayToRedisFaltersAgainAndAgainStayWithinTheLimit() throws Exception {
        URI redis = URI.create(SharedServers.freshRedis());
        Random random = new Random(1);
        List<SlowLink> links = new ArrayList<>();
        List<QuotaScheduler> workers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            SlowLink link = new SlowLink(redis, Duration.ZERO);
            opened.add(link);
            links.add(link);
            int rank = i;
            workers.add(scheduler(
                    link.uri(),
                    () -> new WorkerShare(3, rank, workers.stream().noneMatch(QuotaScheduler::spendsShared))));
        }
        AtomicBoolean stop = new AtomicBoolean();
        Thread trouble = Thread.ofVirtual().start(() -> {
            while (!stop.get()) {
                links.get(random.nextInt(links.size())).hold(Duration.ofMillis(random.nextInt(2_500)));
                try {
                    Thread.sleep(random.nextInt(1_000));
                } catch (InterruptedException e) {
                    return;
                }
            }
        });
        calls(4 * LIMIT * GROUPS.size(), workers);
        stop.set(true);
        trouble.join();

        arrivals.assertNeverOver(LIMIT, WINDOW.toMillis());
        assertThat(arrivals.total()).isEqualTo(4 * LIMIT * GROUPS.size());
    }

    @Test
    void aRedisThatIsConnectedAndSilentIsLeft() throws Exception {
        SlowLink link = link(Duration.ZERO);
        QuotaScheduler scheduler = scheduler(link.uri(), WorkerShare::alone);
        link.hold(Duration.ofHours(1));
        assertThat(scheduler.reserve(id(), DEMAND, Optional.empty())).isInstanceOf(Turn.Reserved.class);
        assertThat(scheduler.spendsShared()).isFalse();
    }

    @Test
    void oneInterruptedAskerSaysNothingOfRedis() throws Exception {
        QuotaScheduler scheduler = patient(link(Duration.ofMillis(200)));
        Thread asker = Thread.ofVirtual().start(() -> {
            try {
                scheduler.reserve(id(), DEMAND, Optional.empty());
            } catch (RedisUnavailable e) {
                // Interrupted.
            }
        });
        asker.interrupt();
        asker.join();
        assertThat(scheduler.spendsShared()).isTrue();
    }
}
