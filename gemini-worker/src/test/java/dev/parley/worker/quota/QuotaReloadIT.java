package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.parley.dev.server.RedisServer;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.redis.Redis;
import dev.parley.worker.key.ApiKey;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Groups, keys and limits that change under work, in real time with a short window, at a real Redis. */
class QuotaReloadIT {
    private static final Duration WINDOW = Duration.ofMillis(1_500);
    private static final QuotaLimits LIMITS = new QuotaLimits(
            6,
            Optional.empty(),
            Optional.empty(),
            WINDOW,
            Duration.ofSeconds(30),
            new QuotaLimits.Guard(Duration.ofMillis(250), Duration.ofMillis(100)));
    private static final ApiKey KEY = new ApiKey("first-secret");

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

    private static QuotaGroup group(String name, int perMinute, int weight, String... secrets) {
        return new QuotaGroup(
                name,
                List.of(secrets).stream().map(ApiKey::new).toList(),
                new QuotaGroup.Limits(Optional.of(perMinute), Optional.empty(), Optional.empty()),
                weight);
    }

    private static List<QuotaGroup> one(int perMinute) {
        return List.of(group("g", perMinute, 1, KEY.secret()));
    }

    private QuotaScheduler scheduler(URI uri, List<QuotaGroup> groups) {
        Redis redis = Redis.open(uri, Duration.ofMillis(500));
        opened.add(redis);
        QuotaScheduler scheduler = QuotaScheduler.open(redis, groups, LIMITS, WorkerShare::alone, Clock.systemUTC());
        opened.add(scheduler);
        return scheduler;
    }

    private ReservationId id() {
        return new ReservationId("r" + ids.incrementAndGet());
    }

    private Turn.Reserved turn(QuotaScheduler scheduler) {
        return (Turn.Reserved) scheduler.reserve(id(), DEMAND, Optional.empty());
    }

    /** Calls until told to stop; what is under way is still made. @return the keys that were used */
    private Future<List<ApiKey>> work(ExecutorService threads, QuotaScheduler scheduler, AtomicBoolean stop) {
        return threads.submit(() -> {
            List<ApiKey> keys = new ArrayList<>();
            while (!stop.get()) {
                ReservationId id = id();
                Turn.Reserved turn = (Turn.Reserved) scheduler.reserve(id, DEMAND, Optional.empty());
                while (true) {
                    long arrived = System.nanoTime();
                    if (turn.due() && !turn.expired(arrived)) {
                        arrivals.add(turn.group(), arrived / 1_000_000);
                        keys.add(turn.key());
                        break;
                    }
                    TimeUnit.NANOSECONDS.sleep(turn.waitLeft().toNanos());
                    turn = (Turn.Reserved) scheduler.reserve(id, DEMAND, Optional.of(turn));
                }
            }
            return keys;
        });
    }

    @Test
    void whileWorkersLearnOfALimitOneAfterTheOtherNoWindowExceedsTheLargerOne() throws Exception {
        URI uri = URI.create(SharedServers.freshRedis());
        QuotaScheduler early = scheduler(uri, one(6));
        QuotaScheduler late = scheduler(uri, one(6));
        AtomicBoolean stop = new AtomicBoolean();
        long lowered;
        long raised;
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<List<ApiKey>>> work = IntStream.range(0, 8)
                    .mapToObj(i -> work(threads, i % 2 == 0 ? early : late, stop))
                    .toList();
            arrived(20);
            early.reload(one(3));
            arrived(arrivals.total() + 10);
            late.reload(one(3));
            lowered = System.nanoTime() / 1_000_000;
            arrived(arrivals.total() + 9);
            raised = System.nanoTime() / 1_000_000;
            late.reload(one(6));
            arrived(arrivals.total() + 10);
            early.reload(one(6));
            arrived(arrivals.total() + 12);
            stop.set(true);
            for (Future<List<ApiKey>> each : work) {
                each.get(1, TimeUnit.MINUTES);
            }
        }
        arrivals.assertNeverOver(6, WINDOW.toMillis());
        // What the old limit promised for the very next second is still good.
        Arrivals between = new Arrivals();
        arrivals.of("g").stream()
                .filter(at -> at > lowered + 1_000 + 250 && at < raised)
                .forEach(at -> between.add("g", at));
        assertThat(between.total()).isGreaterThanOrEqualTo(3);
        between.assertNeverOver(3, WINDOW.toMillis());
    }

    private void arrived(int number) {
        await().atMost(Duration.ofMinutes(1)).until(() -> arrivals.total() >= number);
    }

    @Test
    void anAddedKeyWorksAtOnceAndARemovedOneGetsNothingNewWhileItsCallsGoOn() {
        QuotaScheduler scheduler = scheduler(
                URI.create(SharedServers.freshRedis()),
                List.of(group("old", 2, 1, "old-secret"), group("both", 2, 1, "first-secret", "second-secret")));
        for (int i = 0; i < 4; i++) {
            assertThat(turn(scheduler).due()).isTrue();
        }
        Turn.Reserved onOld = turn(scheduler);
        Turn.Reserved other = turn(scheduler);
        if (!onOld.group().equals("old")) {
            Turn.Reserved swap = onOld;
            onOld = other;
            other = swap;
        }
        assertThat(onOld.group()).isEqualTo("old");

        scheduler.reload(
                List.of(group("both", 2, 1, "second-secret"), group("new", 2, 1, "new-secret-1", "new-secret-2")));

        assertThat(scheduler.groups()).containsExactly("both", "new");
        Turn.Reserved added = turn(scheduler);
        assertThat(added.due()).as("an added group works at once").isTrue();
        assertThat(added.group()).isEqualTo("new");
        Turn.Reserved moved = (Turn.Reserved) scheduler.reserve(onOld.id(), DEMAND, Optional.of(onOld));
        assertThat(moved.group()).as("a promise of a removed group").isEqualTo("new");
        assertThat(moved.due()).isTrue();
        Turn.Reserved kept = (Turn.Reserved) scheduler.reserve(other.id(), DEMAND, Optional.of(other));
        assertThat(kept.token()).as("a promise of a group that stays").isEqualTo(other.token());
        assertThat(kept.key()).isEqualTo(new ApiKey("second-secret"));
        // What a running call on the removed group still has to say is taken.
        scheduler.cool("old", "model", Optional.empty());
        scheduler.disable("old", new ApiKey("old-secret"), "API_KEY_INVALID");
        scheduler.release(onOld);
        assertThat(scheduler.states()).extracting(GroupState::group).containsExactly("both", "new");
    }

    @Test
    void aGroupThatComesBackHasItsWindowStill() {
        QuotaScheduler scheduler = scheduler(
                URI.create(SharedServers.freshRedis()),
                List.of(group("a", 2, 1, "a-secret"), group("b", 2, 1, "b-secret")));
        for (int i = 0; i < 4; i++) {
            assertThat(turn(scheduler).due()).isTrue();
        }
        scheduler.reload(List.of(group("b", 2, 1, "b-secret")));
        scheduler.reload(List.of(group("a", 2, 1, "a-secret"), group("b", 2, 1, "b-secret")));
        assertThat(turn(scheduler).due()).isFalse();
    }

    @Test
    void aGroupOfTwiceTheWeightGetsTwiceTheCalls() {
        QuotaScheduler scheduler = scheduler(
                URI.create(SharedServers.freshRedis()),
                List.of(group("light", 100, 1, "a-secret"), group("heavy", 100, 2, "b-secret")));
        List<String> groups =
                IntStream.range(0, 30).mapToObj(i -> turn(scheduler).group()).toList();
        assertThat(groups).filteredOn("heavy"::equals).hasSize(20);
    }

    @Test
    void withoutRedisAReloadHoldsToo(@TempDir Path folder) {
        RedisServer server = RedisServer.start(folder.resolve("redis"), 0);
        opened.add(server);
        QuotaScheduler scheduler = scheduler(URI.create(server.url()), one(3));
        server.stop();
        await().until(() -> {
            scheduler.reserve(id(), DEMAND, Optional.empty());
            return !scheduler.spendsShared();
        });
        // A whole span watched alone makes the own log complete.
        ReservationId first = id();
        await().atMost(Duration.ofSeconds(20))
                .until(() ->
                        scheduler.reserve(first, DEMAND, Optional.empty()) instanceof Turn.Reserved turn && turn.due());

        List<QuotaGroup> more = List.of(group("g", 3, 1, KEY.secret()), group("h", 4, 1, "h-secret"));
        scheduler.reload(more);
        await().atMost(Duration.ofSeconds(20))
                .until(() -> turn(scheduler).group().equals("h"));
        scheduler.reload(List.of(group("h", 4, 1, "other-secret")));
        Turn.Reserved turn = turn(scheduler);
        assertThat(turn.group()).isEqualTo("h");
        assertThat(turn.key()).isEqualTo(new ApiKey("other-secret"));

        server.start();
        await().atMost(Duration.ofSeconds(20)).until(scheduler::spendsShared);
        assertThat(turn(scheduler).group()).isEqualTo("h");
        assertThat(scheduler.groups()).containsExactly("h");
    }
}
