package dev.parley.worker.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.parley.dev.gemini.Behaviour;
import dev.parley.dev.gemini.FakeGemini;
import dev.parley.dev.gemini.Options;
import dev.parley.dev.net.ConnectProxy;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.PublishFailed;
import dev.parley.pipeline.broker.Publisher;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.AnswerUpdate.Completed;
import dev.parley.pipeline.message.AnswerUpdate.Failed;
import dev.parley.pipeline.message.AnswerUpdate.Retrying;
import dev.parley.pipeline.message.AnswerUpdate.Waiting;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.runtime.Meters;
import dev.parley.worker.gemini.GeminiClient;
import dev.parley.worker.gemini.GeminiOptions;
import dev.parley.worker.quota.QuotaGroups;
import dev.parley.worker.quota.QuotaLimits;
import dev.parley.worker.quota.QuotaScheduler;
import dev.parley.worker.quota.WorkerShare;
import io.helidon.metrics.api.Metrics;
import io.lettuce.core.SetArgs;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One request from the queue to its result, over real servers and a fake model. */
class RequestFlowIT {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final Duration STEP = Duration.ofMillis(150);
    private static final int MAX_RETRIES = 2;

    private static FakeGemini gemini;

    private final String name = "flow" + UUID.randomUUID().toString().substring(0, 8);
    private final Topology topology = new Topology(
            name + ".requests",
            name + ".responses",
            List.of(STEP, STEP.multipliedBy(2)),
            List.of(Duration.ofMillis(200), Duration.ofMillis(1_000)));
    private final URI redisUri = URI.create(SharedServers.freshRedis());
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final Queue<AnswerUpdate> updates = new ConcurrentLinkedQueue<>();
    private final Broker api =
            open(Broker.open(URI.create(SharedServers.rabbit().url()), "test", topology));
    private final Publisher publisher = api.publisher(100);
    private final Redis redis = open(Redis.open(redisUri, Duration.ofSeconds(5)));
    private final Runs runs = new Runs(redis);

    @BeforeAll
    static void start() {
        gemini = FakeGemini.start(
                Options.defaults().withoutHttps().withBehaviour(Behaviour.ofWords("short first=0ms chunk=0ms")));
    }

    @AfterAll
    static void stop() {
        gemini.close();
    }

    @AfterEach
    void close() throws Exception {
        gemini.reset();
        for (AutoCloseable each : opened.reversed()) {
            each.close();
        }
    }

    private <T extends AutoCloseable> T open(T component) {
        opened.add(component);
        return component;
    }

    private static ConditionFactory soon() {
        return await().atMost(LONG).pollInterval(Duration.ofMillis(20));
    }

    /** A worker of its own connections, as a process would have them. */
    private final class Worker implements AutoCloseable {
        private final Broker broker =
                Broker.open(URI.create(SharedServers.rabbit().url()), "worker", topology);
        private final Redis own = Redis.open(redisUri, Duration.ofSeconds(5));
        final QuotaScheduler quota;
        private final GeminiClient client;
        final RequestConsumer consumer;

        Worker(String keys, int perMinute, URI base, Duration window, Duration grace, int prefetch) {
            this(keys, perMinute, GeminiOptions.of(base), window, grace, prefetch);
        }

        Worker(String keys, int perMinute, GeminiOptions options, Duration window, Duration grace, int prefetch) {
            this(keys, perMinute, options, window, grace, prefetch, Clock.systemUTC());
        }

        Worker(
                String keys,
                int perMinute,
                GeminiOptions options,
                Duration window,
                Duration grace,
                int prefetch,
                Clock clock) {
            quota = QuotaScheduler.open(
                    own,
                    QuotaGroups.parse(List.of(keys.split(","))),
                    new QuotaLimits(perMinute, Optional.empty(), window, Duration.ofSeconds(60)),
                    WorkerShare::alone,
                    Clock.systemUTC());
            client = GeminiClient.open(options.withConnections(prefetch, Duration.ofSeconds(30)));
            consumer = RequestConsumer.start(new RequestConsumer.Parts(
                    own,
                    new Runs(own),
                    broker,
                    quota,
                    client,
                    new Meters(Metrics.createMeterRegistry()),
                    clock,
                    new Random(1),
                    prefetch,
                    MAX_RETRIES,
                    grace));
        }

        @Override
        public void close() {
            consumer.close();
            client.close();
            quota.close();
            broker.close();
            own.close();
        }
    }

    private Worker worker(String keys) {
        return worker(keys, 10_000, Duration.ofMinutes(1), Duration.ofSeconds(20));
    }

    private Worker worker(String keys, int perMinute, Duration window, Duration grace) {
        return open(new Worker(keys, perMinute, gemini.baseUri(), window, grace, 20));
    }

    private void hear() {
        api.subscribe(topology.responses(), 50, delivery -> {
            updates.add(Json.read(delivery.body(), AnswerUpdate.class));
            delivery.ack();
        });
    }

    private GenerationRequest request(String prompt) {
        return new GenerationRequest(
                GenerationRequest.VERSION,
                new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 1, 1),
                UUID.randomUUID(),
                "gemini-3.8-flash",
                Optional.empty(),
                List.of(new Turn(Role.USER, prompt)),
                Sampling.DEFAULT,
                "request-1",
                Instant.now());
    }

    private GenerationRequest send(String prompt) throws PublishFailed {
        GenerationRequest request = request(prompt);
        send(request);
        return request;
    }

    private void send(GenerationRequest request) throws PublishFailed {
        publisher.publishConfirmed(
                new Outgoing(topology.requests(), request.answer().messageId(), Map.of(), Json.bytes(request)));
    }

    private List<AnswerUpdate> updatesOf(GenerationRequest request) {
        return updates.stream()
                .filter(update ->
                        update.answer().answerId().equals(request.answer().answerId()))
                .toList();
    }

    private <T extends AnswerUpdate> T awaitLast(GenerationRequest request, Class<T> type) {
        soon().until(() -> !updatesOf(request).isEmpty()
                && type.isInstance(updatesOf(request).getLast()));
        return type.cast(updatesOf(request).getLast());
    }

    private static int calls(String prompt) {
        return gemini.report().prompt(prompt).map(use -> use.calls()).orElse(0);
    }

    private long depth(String queue) {
        return api.depths().orElseThrow().get(queue);
    }

    /** Nothing waits and nothing is held by anyone, as far as the broker tells once a consumer is gone. */
    private void awaitEmptyRequests() {
        soon().until(() -> depth(topology.requests()) == 0);
    }

    private static String type(Failure failure) {
        return failure.type().replace(Failure.URN, "");
    }

    @Test
    void anAnswerIsCompletedWithAllThatTheModelSaidOfIt() throws Exception {
        hear();
        worker("key-1");
        GenerationRequest request = send("[[fake answer=\"Exactly this. ж😀\"]]");
        Completed done = awaitLast(request, Completed.class);
        assertThat(done.answer()).isEqualTo(request.answer());
        assertThat(done.text()).isEqualTo("Exactly this. ж😀");
        assertThat(done.model()).startsWith("gemini");
        assertThat(done.usage().outputTokens()).isPositive();
        assertThat(done.notice()).isEmpty();
        assertThat(updatesOf(request)).hasSize(1);
        awaitEmptyRequests();
    }

    @ParameterizedTest
    @CsvSource({
        "status=400, request-refused",
        "status=404, model-not-found",
        "blocked=PROHIBITED_CONTENT, prompt-blocked",
        "finish=SAFETY, answer-blocked",
        "finish=RECITATION, answer-recitation",
        "empty, answer-empty"
    })
    void whatNoRetryCanMendFailsAtOnceAfterOneCall(String fault, String failure) throws Exception {
        hear();
        worker("key-1");
        String prompt = "[[fake %s]] %s".formatted(fault, name);
        GenerationRequest request = send(prompt);
        assertThat(type(awaitLast(request, Failed.class).failure())).isEqualTo(failure);
        assertThat(updatesOf(request)).hasSize(1);
        assertThat(calls(prompt)).isEqualTo(1);
        assertThat(depth(topology.deadLetters())).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "status=500, model-error",
        "status=503, model-overloaded",
        "status=504, model-timeout",
        "reset=before, answer-cut",
        "reset=middle, answer-cut",
        "cut=clean, answer-cut",
        "cut=abrupt, answer-cut",
        "error=503, model-overloaded",
        "malformed, model-unreadable"
    })
    void whatFailsInPassingIsTriedThreeTimesAndThenGoesUpTheLadder(String fault, String failure) throws Exception {
        hear();
        worker("key-1");
        // Three calls are one attempt: two quick retries. The fourth call answers.
        String prompt = "[[fake %s times=3]] %s".formatted(fault, name);
        GenerationRequest request = send(prompt);
        awaitLast(request, Completed.class);
        assertThat(updatesOf(request)).hasSize(2);
        assertThat(updatesOf(request).getFirst()).isInstanceOfSatisfying(Retrying.class, retrying -> {
            assertThat(retrying.answer()).isEqualTo(request.answer().nextAttempt());
            assertThat(type(retrying.failure())).isEqualTo(failure);
            assertThat(retrying.nextAttemptAt()).isAfter(request.acceptedAt());
        });
        assertThat(updatesOf(request).getLast().answer().attempt()).isEqualTo(2);
        assertThat(calls(prompt)).isEqualTo(4);
    }

    @Test
    void twoQuickRetriesCostNoAttempt() throws Exception {
        hear();
        worker("key-1");
        String prompt = "[[fake status=503 times=2]] " + name;
        GenerationRequest request = send(prompt);
        assertThat(awaitLast(request, Completed.class).answer().attempt()).isEqualTo(1);
        assertThat(updatesOf(request)).hasSize(1);
        assertThat(calls(prompt)).isEqualTo(3);
    }

    @Test
    void pastTheEndOfTheLadderTheRequestIsADeadLetterAndItsAnswerFailed() throws Exception {
        hear();
        worker("key-1");
        String prompt = "[[fake status=503]] " + name;
        GenerationRequest request = send(prompt);
        Failed failed = awaitLast(request, Failed.class);
        assertThat(type(failed.failure())).isEqualTo("model-overloaded");
        assertThat(failed.answer().attempt()).isEqualTo(MAX_RETRIES + 1);
        assertThat(updatesOf(request))
                .extracting(update -> update.answer().attempt())
                .containsExactly(2, 3, 3);
        assertThat(calls(prompt)).isEqualTo(3 * (MAX_RETRIES + 1));
        List<byte[]> dead = new ArrayList<>();
        soon().until(() -> {
            dead.clear();
            return api.walk(topology.deadLetters(), 10, LONG, LONG, letter -> {
                        dead.add(letter.body());
                        return Walk.Step.KEEP;
                    })
                    .equals(new Walk.Done(1, 0, 1));
        });
        assertThat(Json.read(dead.getFirst(), GenerationRequest.class).turns()).isEqualTo(request.turns());
        awaitEmptyRequests();
    }

    @Test
    void theAttemptsOfTheLadderSurviveTheWorker() throws Exception {
        hear();
        Worker first = worker("key-1");
        String prompt = "[[fake status=503 times=3]] " + name;
        // The step is left to a worker that begins later.
        GenerationRequest request = send(prompt);
        awaitLast(request, Retrying.class);
        first.close();
        worker("key-1");
        assertThat(awaitLast(request, Completed.class).answer().attempt()).isEqualTo(2);
        assertThat(calls(prompt)).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource({"status=429", "status=429 quota=day", "status=402", "status=403", "invalidKey"})
    void aKeyInTroubleCostsNoAttemptAndAnotherOneAnswers(String fault) throws Exception {
        hear();
        Worker worker = worker("one=key-1,two=key-2");
        gemini.behaveForKey("key-1", Behaviour.ofWords("short first=0ms chunk=0ms " + fault));
        for (int i = 0; i < 4; i++) {
            GenerationRequest request = send("question %d %s".formatted(i, name));
            assertThat(awaitLast(request, Completed.class).answer().attempt()).isEqualTo(1);
            assertThat(updatesOf(request)).hasSize(1);
        }
        // It was called once at most: it cools or is disabled from then on.
        assertThat(gemini.report().key("key-1").map(use -> use.calls()).orElse(0))
                .isLessThanOrEqualTo(1);
        soon().until(() -> worker.quota.groupsReady() == 1);
        assertThat(worker.quota.state("one").disabled()).isEqualTo(!fault.startsWith("status=429"));
    }

    @Test
    void withoutAUsableKeyTheAnswerGoesUpTheLadderAndSaysWhy() throws Exception {
        hear();
        worker("key-1,key-2");
        gemini.behave("invalidKey");
        String prompt = "anything " + name;
        GenerationRequest request = send(prompt);
        Failed failed = awaitLast(request, Failed.class);
        assertThat(type(failed.failure())).isEqualTo("no-usable-key");
        assertThat(updatesOf(request).getFirst())
                .isInstanceOfSatisfying(Retrying.class, retrying -> assertThat(type(retrying.failure()))
                        .isEqualTo("no-usable-key"));
        // Each key was tried once in all, not once an attempt.
        assertThat(calls(prompt)).isEqualTo(2);
    }

    @Test
    void aNearTurnIsWaitedForHere() throws Exception {
        hear();
        worker("key-1", 1, Duration.ofMillis(1_500), Duration.ofSeconds(20));
        List<GenerationRequest> requests = List.of(send("a " + name), send("b " + name), send("c " + name));
        for (GenerationRequest request : requests) {
            assertThat(awaitLast(request, Completed.class).answer().attempt()).isEqualTo(1);
            assertThat(updatesOf(request)).hasSize(1);
        }
    }

    @Test
    void aFarTurnIsWaitedForInTheWaitQueuesAndSpendsNoAttempt() throws Exception {
        hear();
        worker("key-1", 1, Duration.ofSeconds(9), Duration.ofSeconds(20));
        GenerationRequest first = send("first " + name);
        awaitLast(first, Completed.class);
        String prompt = "second " + name;
        GenerationRequest second = send(prompt);
        soon().until(() -> !updatesOf(second).isEmpty());
        GenerationRequest third = send("third " + name);
        soon().until(() -> !updatesOf(third).isEmpty());
        assertThat(updatesOf(third).getFirst())
                .isInstanceOfSatisfying(
                        Waiting.class, waiting -> assertThat(waiting.ahead()).contains(1));
        Completed done = awaitLast(second, Completed.class);
        assertThat(done.answer()).isEqualTo(second.answer());
        assertThat(updatesOf(second).getFirst()).isInstanceOfSatisfying(Waiting.class, waiting -> {
            assertThat(waiting.answer()).isEqualTo(second.answer());
            assertThat(waiting.expectedAt()).isAfter(second.acceptedAt());
            assertThat(waiting.ahead()).contains(0);
        });
        assertThat(updatesOf(second)).noneMatch(Retrying.class::isInstance);
        assertThat(calls(prompt)).isEqualTo(1);
    }

    @Test
    void aPlaceThatWasReservedAfterARefusalIsFoundAgain() throws Exception {
        hear();
        Worker worker = worker("one=key-1,two=key-2", 1, Duration.ofSeconds(9), Duration.ofSeconds(20));
        // Spends the turn of one group; the other refuses, so that the second request has to wait for a far turn.
        GenerationRequest first = send("first " + name);
        awaitLast(first, Completed.class);
        String prompt = "[[fake status=429 retry=600s times=1]] " + name;
        GenerationRequest second = send(prompt);
        soon().until(() -> updatesOf(second).stream().anyMatch(Waiting.class::isInstance));
        Waiting told = (Waiting) updatesOf(second).getFirst();
        awaitLast(second, Completed.class);
        // The place it was told of is the one it got: every later word names the same time, give or take the clock.
        assertThat(updatesOf(second).stream()
                        .filter(Waiting.class::isInstance)
                        .map(Waiting.class::cast)
                        .map(waiting -> Duration.between(told.expectedAt(), waiting.expectedAt())
                                .abs()))
                .allMatch(drift -> drift.compareTo(Duration.ofSeconds(2)) < 0);
        assertThat(calls(prompt)).isEqualTo(2);
        assertThat(worker.quota.groupsReady()).isEqualTo(1);
    }

    @Test
    void aRequestRevokedInTheWaitQueueIsDroppedWithoutACall() throws Exception {
        hear();
        worker("key-1");
        String prompt = "[[fake status=503]] " + name;
        GenerationRequest request = send(prompt);
        awaitLast(request, Retrying.class);
        runs.revoke(request.answer().answerId(), AnswerRef.orderOfRound(2)).join();
        int before = calls(prompt);
        GenerationRequest later = send("later " + name);
        awaitLast(later, Completed.class);
        awaitAllQuiet();
        assertThat(calls(prompt)).isLessThanOrEqualTo(before + 1);
        assertThat(updatesOf(request)).noneMatch(Failed.class::isInstance);
    }

    @Test
    void aRequestRevokedWhileItIsParkedFreesItsPlaceAtOnce() throws Exception {
        hear();
        Worker worker = worker("key-1", 1, Duration.ofMinutes(10), Duration.ofSeconds(20));
        awaitLast(send("first " + name), Completed.class);
        GenerationRequest second = send("second " + name);
        awaitLast(second, Waiting.class);
        soon().until(() -> worker.consumer.waiting() == 0);
        assertThat(placesPromised(worker)).isEqualTo(1);

        runs.revoke(second.answer().answerId(), AnswerRef.orderOfRound(2)).join();

        soon().until(() -> placesPromised(worker) == 0);
        assertThat(topology.waits().stream()
                        .mapToLong(wait -> depth(topology.waitQueue(wait)))
                        .sum())
                .as("it has not come back yet")
                .isEqualTo(1);
    }

    private int placesPromised(Worker worker) {
        return worker.own
                .<List<String>>call(commands -> commands.keys("{parley:quota}:ids:*"))
                .size();
    }

    private void awaitAllQuiet() {
        soon().until(() -> topology.queues().stream().allMatch(queue -> depth(queue) == 0));
    }

    @Test
    void aRequestRevokedWhileItWaitsForItsTurnIsDroppedWithoutACall() throws Exception {
        hear();
        Worker worker = worker("key-1", 1, Duration.ofSeconds(5), Duration.ofSeconds(20));
        GenerationRequest first = send("first " + name);
        awaitLast(first, Completed.class);
        String prompt = "second " + name;
        GenerationRequest second = send(prompt);
        soon().until(() -> worker.consumer.waiting() == 1);
        runs.revoke(second.answer().answerId(), AnswerRef.orderOfRound(2)).join();
        soon().until(() -> worker.consumer.waiting() == 0);
        awaitEmptyRequests();
        assertThat(updatesOf(second)).isEmpty();
        assertThat(calls(prompt)).isZero();
    }

    @Test
    void aRequestRevokedWhileItStreamsIsDropped() throws Exception {
        hear();
        Worker worker = worker("key-1");
        String prompt = "[[fake gate=%s chunks=6]]".formatted(name);
        GenerationRequest request = send(prompt);
        soon().until(() -> gemini.held(name) == 1);
        runs.revoke(request.answer().answerId(), AnswerRef.orderOfRound(2)).join();
        soon().until(() -> worker.consumer.calling() == 0);
        gemini.release(name);
        awaitEmptyRequests();
        assertThat(updatesOf(request)).isEmpty();
        assertThat(calls(prompt)).isEqualTo(1);
    }

    @Test
    void aFinishedResultIsPublishedAgainAndNotPaidForTwice() throws Exception {
        hear();
        worker("key-1");
        String prompt = "question " + name;
        GenerationRequest request = send(prompt);
        Completed done = awaitLast(request, Completed.class);
        send(request);
        soon().until(() -> updatesOf(request).size() == 2);
        assertThat(updatesOf(request)).allMatch(done::equals);
        assertThat(calls(prompt)).isEqualTo(1);
    }

    @Test
    void aTwinThatWaitsLongForARunOfAnotherWorkerSaysNothingToTheUserWhoSeesThatRun() throws Exception {
        hear();
        AtomicReference<Duration> ahead = new AtomicReference<>(Duration.ZERO);
        InstantSource time = () -> Instant.now().plus(ahead.get());
        Worker worker = open(new Worker(
                "key-1",
                10_000,
                GeminiOptions.of(gemini.baseUri()),
                Duration.ofMinutes(1),
                Duration.ofSeconds(20),
                20,
                time.withZone(ZoneOffset.UTC)));
        GenerationRequest request = request("twin " + name);
        String run = UUID.randomUUID().toString();
        assertThat(runs.askToBegin(request.answer(), run).get()).isInstanceOf(Runs.Begin.Begun.class);
        send(request);
        soon().until(() -> worker.consumer.waiting() == 1);
        ahead.set(Runs.LEASE.multipliedBy(3));
        soon().until(() -> depth(topology.waitQueue(Duration.ofSeconds(1))) == 1);
        runs.release(request.answer(), run).join();
        awaitLast(request, Completed.class);
        assertThat(updatesOf(request)).hasSize(1);
    }

    /** Whoever took the lease may have died since, or be the late word of a run that is over: nobody else would answer. */
    @Test
    void aRunWhoseLeaseIsTakenIsAnsweredAllTheSameWhenNobodyElseAnswers() throws Exception {
        hear();
        Worker worker = worker("key-1");
        String prompt = "[[fake gate=%s times=1]] taken".formatted(name);
        GenerationRequest request = request(prompt);
        send(request);
        soon().until(() -> gemini.held(name) == 1);
        String lease = "parley:{%s}:lease".formatted(request.answer().answerId());
        redis.call(commands -> commands.set(
                lease, UUID.randomUUID().toString(), SetArgs.Builder.px(Runs.RENEW_EVERY.multipliedBy(2))));
        awaitLast(request, Completed.class);
        assertThat(calls(prompt)).isEqualTo(2);
        soon().until(() -> worker.consumer.calling() + worker.consumer.waiting() == 0);
        assertThat(updatesOf(request))
                .as("no word of the wait, nor of a failure")
                .hasSize(1);
        gemini.release(name);
    }

    @Test
    void twinsThatComeTogetherAreOneCall() throws Exception {
        hear();
        worker("key-1");
        worker("key-1");
        String prompt = "[[fake gate=%s]]".formatted(name);
        GenerationRequest request = request(prompt);
        for (int i = 0; i < 4; i++) {
            send(request);
        }
        soon().until(() -> gemini.held(name) == 1);
        gemini.release(name);
        soon().until(() -> updatesOf(request).size() == 4);
        assertThat(updatesOf(request)).allMatch(updatesOf(request).getFirst()::equals);
        assertThat(calls(prompt)).isEqualTo(1);
    }

    @Test
    void whatIsNoRequestGoesToTheDeadLettersAtOnce() throws Exception {
        worker("key-1");
        for (String body : List.of("not json", "{}", "{\"version\":99}")) {
            publisher.publishConfirmed(
                    new Outgoing(topology.requests(), "odd", Map.of(), body.getBytes(StandardCharsets.UTF_8)));
        }
        soon().until(() -> depth(topology.deadLetters()) == 3);
        awaitEmptyRequests();
    }

    @Test
    void aStopHandsBackWhatWaitsAndFinishesWhatStreams() throws Exception {
        hear();
        Worker worker = worker("key-1", 1, Duration.ofSeconds(6), Duration.ofSeconds(60));
        String prompt = "[[fake gate=%s]]".formatted(name);
        GenerationRequest streaming = send(prompt);
        soon().until(() -> gemini.held(name) == 1);
        List<GenerationRequest> waiting = List.of(send("a " + name), send("b " + name));
        soon().until(() -> worker.consumer.waiting() == 2 || parked() > 0);
        CompletableFuture<Void> closing = CompletableFuture.runAsync(worker::close);
        // They are back before the stream has ended.
        soon().until(() -> depth(topology.requests()) + parked() == 2);
        assertThat(closing).isNotDone();
        gemini.release(name);
        closing.get(60, java.util.concurrent.TimeUnit.SECONDS);
        awaitLast(streaming, Completed.class);
        worker("key-1,key-2");
        for (GenerationRequest request : waiting) {
            assertThat(awaitLast(request, Completed.class).answer().attempt()).isEqualTo(1);
        }
        assertThat(calls(prompt)).isEqualTo(1);
        assertThat(updatesOf(streaming)).hasSize(1);
        assertThat(depth(topology.deadLetters())).isZero();
    }

    private long parked() {
        return topology.waits().stream()
                .mapToLong(wait -> depth(topology.waitQueue(wait)))
                .sum();
    }

    @Test
    void whatOutlivesTheGraceIsHandedBackWithoutAnAttemptOrADelivery() throws Exception {
        hear();
        String prompt = "[[fake gate=%s]]".formatted(name);
        GenerationRequest request = request(prompt);
        send(request);
        // More stops than a message has deliveries.
        for (int stop = 1; stop <= 7; stop++) {
            int calls = stop;
            Worker worker = worker("key-1", 10_000, Duration.ofMinutes(1), Duration.ZERO);
            soon().until(() -> calls(prompt) == calls && gemini.held(name) == calls);
            worker.close();
            soon().until(() -> depth(topology.requests()) == 1);
        }
        gemini.release(name);
        worker("key-1");
        assertThat(awaitLast(request, Completed.class).answer().attempt()).isEqualTo(1);
        assertThat(updatesOf(request)).hasSize(1);
        assertThat(depth(topology.deadLetters())).isZero();
    }

    @Test
    void aModelThatCannotBeReachedSpendsNoAttemptForAWhileAndThenTheLadder() throws Exception {
        hear();
        open(new Worker(
                "key-1", 10_000, URI.create("http://127.0.0.1:1"), Duration.ofMinutes(1), Duration.ofSeconds(1), 20));
        GenerationRequest request = send("nobody hears " + name);
        Retrying retrying = awaitLast(request, Retrying.class);
        assertThat(type(retrying.failure())).isEqualTo("model-unreachable");
        assertThat(retrying.answer().attempt()).isEqualTo(2);
        // The first update only came after the patience: until then nothing was said and nothing spent.
        assertThat(updatesOf(request)).hasSize(1);
    }

    @Test
    void callsThatTheProxyKeptFromBeingSentSpendNeitherAttemptNorQuota() throws Exception {
        hear();
        ConnectProxy proxy =
                open(new ConnectProxy(Map.of("127.0.0.1", gemini.baseUri().getPort())));
        proxy.status.set(502);
        // One call in ten minutes: had an unsent one been counted, the answer would not come in this test's time.
        Worker worker = open(new Worker(
                "one=key-1",
                1,
                GeminiOptions.of(gemini.baseUri()).withProxy(proxy.uri()),
                Duration.ofMinutes(10),
                Duration.ofSeconds(1),
                20));
        String prompt = "nobody hears it at first " + name;
        GenerationRequest request = send(prompt);
        soon().until(() ->
                worker.consumer.waiting() == 1 && worker.client.wayOut().failures() > 1);
        assertThat(worker.quota.state("one").used())
                .as("turns kept while waiting")
                .isZero();
        proxy.status.set(200);
        assertThat(awaitLast(request, Completed.class).answer().attempt()).isEqualTo(1);
        assertThat(updatesOf(request)).hasSize(1);
        assertThat(calls(prompt)).isEqualTo(1);
    }

    @Test
    void aProxyThatStaysAwayLeadsUpTheLadderAndIsToBlame() throws Exception {
        hear();
        ConnectProxy proxy = open(new ConnectProxy(Map.of()));
        open(new Worker(
                "key-1",
                10_000,
                GeminiOptions.of(gemini.baseUri()).withProxy(proxy.uri()),
                Duration.ofMinutes(1),
                Duration.ofSeconds(1),
                20));
        GenerationRequest request = send("nobody hears " + name);
        Retrying retrying = awaitLast(request, Retrying.class);
        assertThat(type(retrying.failure())).isEqualTo("proxy-away");
        assertThat(updatesOf(request)).hasSize(1);
    }

    @Test
    void aResultThatIsThereAlreadyNeedsNoProxy() throws Exception {
        hear();
        Worker first = worker("key-1");
        GenerationRequest request = send("once " + name);
        awaitLast(request, Completed.class);
        first.close();
        opened.remove(first);
        ConnectProxy proxy = open(new ConnectProxy(Map.of()));
        Worker worker = open(new Worker(
                "key-1",
                10_000,
                GeminiOptions.of(gemini.baseUri()).withProxy(proxy.uri()),
                Duration.ofMinutes(1),
                Duration.ofSeconds(1),
                20));
        soon().until(() -> worker.client.wayOut().away());
        send(request);
        soon().until(() -> updatesOf(request).size() == 2);
        assertThat(updatesOf(request)).allMatch(Completed.class::isInstance);
    }

    @Test
    void withoutRedisAnswersAreMadeAllTheSame() throws Exception {
        hear();
        Redis none = open(Redis.open(URI.create("redis://127.0.0.1:1"), Duration.ofMillis(500)));
        Broker broker = open(Broker.open(URI.create(SharedServers.rabbit().url()), "worker", topology));
        QuotaScheduler quota = open(QuotaScheduler.open(
                none,
                QuotaGroups.parse(List.of("key-1")),
                new QuotaLimits(100, Optional.empty(), Duration.ofMillis(500), Duration.ofSeconds(60)),
                WorkerShare::alone,
                Clock.systemUTC()));
        GeminiClient client = open(GeminiClient.open(GeminiOptions.of(gemini.baseUri())));
        open(RequestConsumer.start(new RequestConsumer.Parts(
                none,
                new Runs(none),
                broker,
                quota,
                client,
                new Meters(Metrics.createMeterRegistry()),
                Clock.systemUTC(),
                new Random(1),
                5,
                MAX_RETRIES,
                Duration.ofSeconds(5))));
        GenerationRequest request = send("alone " + name);
        awaitLast(request, Completed.class);
    }
}
