package dev.parley.local.bench;

import dev.parley.dev.gemini.Options;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.Publisher;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.runtime.Logs;
import dev.parley.worker.GeminiWorker;
import dev.parley.worker.WorkerSettings;
import dev.parley.worker.key.ApiKey;
import dev.parley.worker.quota.Demand;
import dev.parley.worker.quota.QuotaGroup;
import dev.parley.worker.quota.QuotaLimits;
import dev.parley.worker.quota.QuotaListener;
import dev.parley.worker.quota.QuotaScheduler;
import dev.parley.worker.quota.ReservationId;
import dev.parley.worker.quota.Turn;
import dev.parley.worker.quota.WorkerShare;
import java.io.IOException;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Whether the quota is kept and used up: real workers with more work than the quota allows, against a fake that refuses
 * every call over the limit and knows the fullest rolling minute there was.
 *
 * <p>"Used" is over the second and third minute of a group's calls, when it is in its stride: from the 10th call that
 * arrives to the 30th at least two minutes must pass, and every moment more is an allowed call unused.
 *
 * <p>All of the work is one user's; another sends a single message when the first minute is spent and all wait. "Alone" is
 * how long that takes, which is one window at most by the fair order. "Told" is how many of those who were told when their
 * call would start were told so to within a fifth of the wait.
 */
final class Limiter {
    private static final int LIMIT = 10;
    private static final Duration WINDOW = Duration.ofMinutes(1);
    private static final int WINDOWS = 2;
    private static final int MEASURED = LIMIT * (WINDOWS + 1);
    /** More than is measured, so that every group has work to the end. */
    private static final int SENT = MEASURED + 3;

    private static final double LEAST_USED = 98;
    private static final double MOST_RESERVATION_MILLIS = 2;
    /** The window, its guard, and the call itself. */
    private static final Duration MOST_ALONE = WINDOW.plusSeconds(3);

    private static final double TOLD_WITHIN = 0.2;
    /** The single message of the other user is sent then: what may be called at once has been. */
    private static final Duration ALONE_AFTER = Duration.ofSeconds(20);

    private static final Duration PATIENCE = WINDOW.multipliedBy(WINDOWS + 2);
    private static final Duration LOOK = Duration.ofMillis(100);
    private static final Duration REDIS_TIMEOUT = Duration.ofMillis(500);

    /** What runs side by side; small rows disturb nobody, large ones would disturb each other. */
    private static final List<List<Setup>> ROUNDS = List.of(
            List.of(new Setup(3, 1), new Setup(3, 2), new Setup(3, 4), new Setup(50, 1)),
            List.of(new Setup(50, 2)),
            List.of(new Setup(50, 4)));

    private static final ReentrantLock OPENING = new ReentrantLock();

    private record Setup(int groups, int workers) {}

    /**
     * @param used of the allowed calls, in percent; empty when not all calls came in time
     * @param late turns that passed before their call was sent, and moved
     */
    private record Row(
            Setup setup,
            double allowed,
            int calls,
            Optional<Double> used,
            int refused,
            int worst,
            int late,
            Optional<Duration> alone,
            Optional<Double> told,
            Figures reservations) {
        boolean met() {
            return refused == 0
                    && worst <= LIMIT
                    && alone.filter(wait -> wait.compareTo(MOST_ALONE) <= 0).isPresent()
                    && used.filter(percent -> percent >= LEAST_USED).isPresent();
        }
    }

    private Limiter() {}

    static boolean run() throws Exception {
        Logs.configure(Logs.Level.WARN, Logs.Format.TEXT);
        System.out.printf(
                "Measures %d rounds of two minutes in their stride: about %d minutes in all.%n",
                ROUNDS.size(), ROUNDS.size() * WINDOWS + 1);
        // Before the broker is there, which is busy for a while after its start.
        boolean quick = reservations();
        SharedServers.rabbit();
        List<Row> rows = new ArrayList<>();
        for (List<Setup> round : ROUNDS) {
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                List<Future<Row>> running = round.stream()
                        .map(setup -> threads.submit(() -> measure(setup)))
                        .toList();
                for (Future<Row> row : running) {
                    rows.add(row.get());
                }
            }
        }
        print(rows);
        return quick && rows.stream().allMatch(Row::met);
    }

    private static void print(List<Row> rows) {
        System.out.printf(
                "%n%d calls per group in any rolling minute, an enforcing fake, more work than allowed%n", LIMIT);
        System.out.printf(
                "%6s %8s %9s %9s %8s %5s %13s %6s %7s %8s %15s %15s%n",
                "groups",
                "workers",
                "allowed",
                "used",
                "% used",
                "429s",
                "worst window",
                "late",
                "alone s",
                "% told",
                "reserve p50 ms",
                "p99 ms");
        for (Row row : rows) {
            System.out.printf(
                    "%6d %8d %9.1f %9d %8s %5d %13s %6d %7s %8s %15.2f %15.2f%s%n",
                    row.setup().groups(),
                    row.setup().workers(),
                    row.allowed(),
                    row.calls(),
                    row.used().map("%.2f"::formatted).orElse("late"),
                    row.refused(),
                    row.worst() + " of " + LIMIT,
                    row.late(),
                    row.alone()
                            .map(wait -> "%.1f".formatted(wait.toMillis() / 1e3))
                            .orElse("late"),
                    row.told().map("%.0f"::formatted).orElse("-"),
                    row.reservations().median(),
                    row.reservations().at(0.99),
                    row.met() ? "" : "  MISSED");
        }
    }

    /** What a reservation costs with a thousand groups, nothing else going on. */
    private static boolean reservations() {
        List<QuotaGroup> groups = IntStream.range(0, 1_000)
                .mapToObj(i -> new QuotaGroup("g" + i, List.of(new ApiKey("key-" + i))))
                .toList();
        QuotaLimits limits = new QuotaLimits(LIMIT, Optional.empty(), WINDOW, WINDOW);
        Demand demand = new Demand(Options.DEFAULT_MODEL, UUID.randomUUID(), 1);
        List<Figures> batches = new ArrayList<>();
        boolean shared = true;
        try (Redis redis = Redis.open(URI.create(SharedServers.freshRedis()), REDIS_TIMEOUT);
                QuotaScheduler quota =
                        QuotaScheduler.open(redis, groups, limits, WorkerShare::alone, Clock.systemUTC())) {
            for (int batch = 0; batch < 8; batch++) {
                List<Long> took = new ArrayList<>();
                for (int i = 0; i < 1_000; i++) {
                    long asked = System.nanoTime();
                    quota.reserve(new ReservationId("bench-" + batch + "-" + i), demand, Optional.empty());
                    took.add(System.nanoTime() - asked);
                    shared &= quota.spendsShared();
                }
                // The first three warm up.
                if (batch >= 3) {
                    batches.add(Figures.ofNanos(took));
                }
            }
        }
        if (!shared) {
            System.out.printf(
                    "%nRedis did not answer in time, so there is no figure for a reservation: this machine is too busy.  MISSED%n");
            return false;
        }
        batches.sort(Comparator.comparingDouble(figures -> figures.at(0.99)));
        Figures figures = batches.get(batches.size() / 2);
        boolean met = figures.at(0.99) < MOST_RESERVATION_MILLIS;
        System.out.printf(
                "%nA reservation with 1,000 groups on a quiet Redis, the middle one of five batches of 1,000: median %.2f ms, 99th percentile %.2f ms (goal: below %.0f)%s%n",
                figures.median(), figures.at(0.99), MOST_RESERVATION_MILLIS, met ? "" : "  MISSED");
        return met;
    }

    private static Row measure(Setup setup) throws Exception {
        Map<String, String> projects = new HashMap<>();
        for (int i = 0; i < setup.groups(); i++) {
            projects.put("limiter-key-" + i, "g" + i);
        }
        Queue<Long> reservations = new ConcurrentLinkedQueue<>();
        AtomicInteger missed = new AtomicInteger();
        QuotaListener listener = new QuotaListener() {
            @Override
            public void reserved(Turn turn, Duration took) {
                reservations.add(took.toNanos());
            }

            @Override
            public void missed(String group) {
                missed.incrementAndGet();
            }
        };
        Waits waits = new Waits();
        Thread alone;
        List<AutoCloseable> opened = new ArrayList<>();
        try {
            FakeProcess fake;
            // Web servers of one process are not built side by side: Helidon's metrics are not made for it.
            OPENING.lock();
            try {
                fake = FakeProcess.start(projects, LIMIT, WINDOW);
                opened.add(fake);
                String rabbit = SharedServers.freshVhost();
                WorkerSettings settings = WorkerSettings.read(variables(setup, projects, fake, rabbit));
                for (int i = 0; i < setup.workers(); i++) {
                    opened.add(GeminiWorker.open(settings, listener));
                }
                Broker broker = Broker.open(URI.create(rabbit), "bench", settings.topology());
                opened.add(broker);
                broker.subscribe(settings.topology().responses(), 200, delivery -> {
                    waits.hear(Json.read(delivery.body(), AnswerUpdate.class));
                    delivery.ack();
                });
                waits.sent(send(broker, settings.topology(), UUID.randomUUID(), SENT * setup.groups()));
                alone = Thread.ofVirtual().start(() -> {
                    try {
                        Thread.sleep(ALONE_AFTER);
                        waits.sentAlone(send(broker, settings.topology(), UUID.randomUUID(), 1)
                                .getFirst());
                    } catch (Exception e) {
                        // Nothing waits for it then, and the row says so.
                        Thread.currentThread().interrupt();
                    }
                });
            } finally {
                OPENING.unlock();
            }
            Row row = watch(setup, fake, reservations, missed, waits);
            alone.join();
            return row;
        } finally {
            OPENING.lock();
            try {
                for (AutoCloseable each : opened.reversed()) {
                    each.close();
                }
            } finally {
                OPENING.unlock();
            }
        }
    }

    private static Map<String, String> variables(
            Setup setup, Map<String, String> projects, FakeProcess fake, String rabbit) {
        int due = LIMIT * setup.groups();
        return Map.of(
                "REDIS_URL",
                SharedServers.freshRedis(),
                "RABBITMQ_URL",
                rabbit,
                "GEMINI_API_KEYS",
                projects.entrySet().stream()
                        .map(each -> each.getValue() + "=" + each.getKey())
                        .sorted()
                        .collect(Collectors.joining(",")),
                "GEMINI_BASE_URL",
                fake.uri().toString(),
                "KEYS_MAX_PER_MINUTE",
                Integer.toString(LIMIT),
                // All that come due at once, and some that only ask when.
                "WORKER_PREFETCH_COUNT",
                Integer.toString(Math.min(1_000, 20 + 5 * due / (4 * setup.workers()))),
                "OBSERVE_HOST",
                "127.0.0.1",
                "OBSERVE_PORT",
                "0",
                "SHUTDOWN_GRACE_SECONDS",
                "4");
    }

    private static List<GenerationRequest> send(Broker broker, Topology topology, UUID user, int number)
            throws Exception {
        List<GenerationRequest> sent = new ArrayList<>();
        Publisher publisher = broker.publisher(200);
        List<CompletableFuture<Void>> confirms = new ArrayList<>();
        for (int i = 0; i < number; i++) {
            GenerationRequest request = GenerationRequest.first(
                    new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 1, 1),
                    user,
                    Options.DEFAULT_MODEL,
                    List.of(new GenerationRequest.Turn(GenerationRequest.Role.USER, "bench")),
                    "bench",
                    Instant.now());
            sent.add(request);
            confirms.add(publisher.publish(
                    new Outgoing(topology.requests(), request.answer().messageId(), Map.of(), Json.bytes(request))));
        }
        for (CompletableFuture<Void> confirm : confirms) {
            Publisher.await(confirm);
        }
        return sent;
    }

    /** Who was told what, and when the answer came. Thread-safe. */
    private static final class Waits {
        private final Map<UUID, Instant> sent = new ConcurrentHashMap<>();
        private final Map<UUID, Instant> told = new ConcurrentHashMap<>();
        private final Map<UUID, Instant> came = new ConcurrentHashMap<>();
        private volatile Optional<UUID> alone = Optional.empty();

        void sent(List<GenerationRequest> requests) {
            requests.forEach(each -> sent.put(each.answer().answerId(), each.acceptedAt()));
        }

        void sentAlone(GenerationRequest request) {
            sent(List.of(request));
            alone = Optional.of(request.answer().answerId());
        }

        void hear(AnswerUpdate update) {
            UUID answer = update.answer().answerId();
            switch (update) {
                case AnswerUpdate.Waiting waiting -> told.putIfAbsent(answer, waiting.expectedAt());
                case AnswerUpdate.Completed completed -> came.putIfAbsent(answer, completed.completedAt());
                case AnswerUpdate.Failed failed -> {}
                case AnswerUpdate.Retrying retrying -> {}
            }
        }

        Optional<Duration> alone() {
            return alone.filter(came::containsKey).map(answer -> Duration.between(sent.get(answer), came.get(answer)));
        }

        /** The part of those who were told that were told right, in percent. */
        Optional<Double> toldRight() {
            List<Boolean> right = told.entrySet().stream()
                    .filter(each -> sent.containsKey(each.getKey()) && came.containsKey(each.getKey()))
                    .map(each -> {
                        Duration wait = Duration.between(sent.get(each.getKey()), came.get(each.getKey()));
                        Duration error = Duration.between(each.getValue(), came.get(each.getKey()))
                                .abs();
                        return error.toMillis() <= TOLD_WITHIN * wait.toMillis();
                    })
                    .toList();
            return right.isEmpty()
                    ? Optional.empty()
                    : Optional.of(100.0 * right.stream().filter(each -> each).count() / right.size());
        }
    }

    private static Row watch(Setup setup, FakeProcess fake, Queue<Long> reservations, AtomicInteger missed, Waits waits)
            throws IOException, InterruptedException {
        Map<String, Long> from = new HashMap<>();
        Map<String, Long> to = new HashMap<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (to.size() < setup.groups() && System.nanoTime() < deadline) {
            Thread.sleep(LOOK);
            long now = System.nanoTime();
            for (FakeProcess.Use use : fake.use()) {
                if (use.calls() >= LIMIT) {
                    from.putIfAbsent(use.project(), now);
                }
                if (use.calls() >= MEASURED) {
                    to.putIfAbsent(use.project(), now);
                }
            }
        }
        List<FakeProcess.Use> projects = fake.use();
        double allowed = 0;
        for (Map.Entry<String, Long> end : to.entrySet()) {
            double seconds = (end.getValue() - from.get(end.getKey())) / 1e9;
            allowed += LIMIT * seconds / WINDOW.toSeconds();
        }
        int calls = WINDOWS * LIMIT * to.size();
        return new Row(
                setup,
                allowed,
                calls,
                to.size() < setup.groups() ? Optional.empty() : Optional.of(100 * calls / allowed),
                projects.stream().mapToInt(FakeProcess.Use::rejected).sum(),
                projects.stream().mapToInt(FakeProcess.Use::worst).max().orElse(0),
                missed.get(),
                waits.alone(),
                waits.toldRight(),
                Figures.ofNanos(List.copyOf(reservations)));
    }
}
