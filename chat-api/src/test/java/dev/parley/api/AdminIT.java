package dev.parley.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.database.Sql;
import dev.parley.api.message.Message;
import dev.parley.api.message.Message.Status;
import dev.parley.api.support.ApiClient;
import dev.parley.api.support.ApiClient.Answer;
import dev.parley.api.support.ApiServer;
import dev.parley.api.user.Users;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import dev.parley.pipeline.message.Headers;
import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.KeyGroup;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What operators see and do, over the real server, database and broker. */
class AdminIT {
    private static final String LETTERS = "/api/admin/dead-letters";
    private static final Failure BUSY = Failure.of("model-overloaded", "Busy", "It is busy.");
    private static final String NAME = "admin" + UUID.randomUUID().toString().substring(0, 8);
    private static final Topology TOPOLOGY =
            new Topology(NAME + ".requests", NAME + ".responses", List.of(), List.of(Duration.ofSeconds(5)));

    private static ApiServer server;
    private static ApiClient api;
    private static Broker broker;

    private String operator;
    private String user;

    @BeforeAll
    static void open() {
        URI rabbit = URI.create(SharedServers.rabbit().url());
        server = new ApiServer(Map.of(), Broker.open(rabbit, "api", TOPOLOGY));
        broker = Broker.open(rabbit, "test", TOPOLOGY);
        api = server.client();
    }

    @AfterAll
    static void close() {
        broker.close();
        server.close();
    }

    @BeforeEach
    void emptyQueue() throws InterruptedException {
        UUID boss = server.newUser();
        server.operators.add(boss);
        operator = boss.toString();
        user = server.newUser().toString();
        broker.walk(
                TOPOLOGY.deadLetters(),
                1_000,
                Duration.ofSeconds(30),
                Duration.ofSeconds(30),
                message -> Walk.Step.REMOVE);
        server.events.clear();
        server.revoked.clear();
        server.wakes.set(0);
    }

    private Answer call(String method, String path) {
        return api.call(method, path, BodyPublishers.noBody(), ApiServer.USER, operator);
    }

    private Answer send(String who, String content) {
        Answer chat = api.post("/api/chats", "{}", ApiServer.USER, who);
        return api.post(
                "/api/chats/" + chat.text("/id") + "/messages",
                "{\"content\":\"%s\"}".formatted(content),
                ApiServer.USER,
                who);
    }

    private static AnswerRef ref(Answer sent) {
        return new AnswerRef(sent.id("/answer/chatId"), sent.id("/answer/id"), 1, 1);
    }

    private static Message now(String who, AnswerRef answer) {
        return server.messages.find(UUID.fromString(who), answer.answerId()).orElseThrow();
    }

    private static void fail(AnswerRef answer) {
        server.messages.apply(new AnswerUpdate.Failed(answer, BUSY, Instant.now()));
    }

    /** As the worker leaves it at the end of the ladder. */
    private static void die(AnswerRef answer, String text) throws Exception {
        die(
                answer.messageId(),
                Map.of(
                        Headers.ATTEMPT,
                        answer.attempt(),
                        Headers.REASON,
                        BUSY.type(),
                        Headers.DIED,
                        "2026-11-23T02:00:00Z"),
                Json.bytes(GenerationRequest.first(
                        answer, Users.LOCAL, "m", List.of(new Turn(Role.USER, text)), "http-1", Instant.now())));
    }

    private static void die(String id, Map<String, Object> headers, byte[] body) throws Exception {
        broker.publisher(10).publishConfirmed(new Outgoing(TOPOLOGY.deadLetters(), id, headers, body));
    }

    private static long outbox(AnswerRef answer) {
        return server.database
                .run(db -> Sql.of(db, "SELECT count(*) AS rows FROM outbox WHERE answer_id = :answer AND round = 2")
                        .with("answer", answer.answerId())
                        .one(row -> row.number("rows")))
                .orElseThrow();
    }

    private static String counts(Answer answer) {
        assertThat(answer.status()).as(answer.text()).isEqualTo(200);
        return "redriven %s obsolete %s dropped %s kept %s remaining %s"
                .formatted(
                        answer.text("/redriven"),
                        answer.text("/obsolete"),
                        answer.text("/dropped"),
                        answer.text("/kept"),
                        answer.text("/remaining"));
    }

    @Test
    void whoIsNoOperatorGetsA403FromEveryRoute() {
        record Route(String method, String path) {}
        for (Route route : List.of(
                new Route("GET", LETTERS),
                new Route("DELETE", LETTERS),
                new Route("POST", LETTERS + "/redrive"),
                new Route("GET", LETTERS + "/x"),
                new Route("DELETE", LETTERS + "/x"),
                new Route("POST", LETTERS + "/x/redrive"),
                new Route("GET", "/api/admin/keys"),
                new Route("GET", "/api/admin/workers"))) {
            Answer refused = api.call(route.method(), route.path(), BodyPublishers.noBody(), ApiServer.USER, user);
            assertThat(refused.problem()).as(route.toString()).isEqualTo("403 not-an-operator");
            assertThat(call(route.method(), route.path()).status())
                    .as(route.toString())
                    .isIn(200, 404);
        }
    }

    @Test
    void theOneUserOfAnInstallationWithoutAccountsIsItsOperator() {
        assertThat(Users.of(dev.parley.api.user.AuthMode.NONE).isOperator(Users.LOCAL))
                .isTrue();
    }

    @Test
    void lettersAreListedInPagesWithWhyAndWhenTheyDied() throws Exception {
        List<AnswerRef> answers = new ArrayList<>();
        for (String text : List.of("a", "b", "c")) {
            AnswerRef answer = ref(send(user, text));
            die(answer, text);
            answers.add(answer);
        }
        Answer first = call("GET", LETTERS + "?limit=2");
        assertThat(first.text("/total")).isEqualTo("3");
        assertThat(first.text("/items/0/id")).isEqualTo(answers.getFirst().messageId());
        assertThat(first.text("/items/0/cause")).isEqualTo("ladder");
        assertThat(first.text("/items/0/reason")).isEqualTo(BUSY.type());
        assertThat(first.text("/items/0/diedAt")).isEqualTo("2026-11-23T02:00:00Z");
        assertThat(first.text("/items/0/attempt")).isEqualTo("1");
        assertThat(first.text("/items/0/chatId"))
                .isEqualTo(answers.getFirst().chatId().toString());
        Answer second = call("GET", LETTERS + "?limit=2&cursor=" + first.text("/next"));
        assertThat(second.json().get("items")).hasSize(1);
        assertThat(second.text("/items/0/id")).isEqualTo(answers.getLast().messageId());
        assertThat(second.json().has("next")).isFalse();
        assertThat(call("GET", LETTERS + "?limit=3").json().has("next")).isFalse();
    }

    @Test
    void aLetterShowsItsTextOnlyToAnOperatorWhoOwnsTheConversation() throws Exception {
        AnswerRef others = ref(send(user, "their secret"));
        AnswerRef own = ref(send(operator, "my own words"));
        die(others, "their secret");
        die(own, "my own words");
        Answer theirs = call("GET", LETTERS + "/" + others.messageId());
        assertThat(theirs.text("/request/requestId")).isEqualTo("http-1");
        assertThat(theirs.text("/request/characters")).isEqualTo("12");
        assertThat(theirs.text()).doesNotContain("secret");
        assertThat(call("GET", LETTERS).text()).doesNotContain("secret", "words");
        assertThat(call("GET", LETTERS + "/" + own.messageId()).text("/request/text"))
                .isEqualTo("my own words");
        assertThat(call("GET", LETTERS + "/nothing").problem()).isEqualTo("404 not-found");
    }

    @Test
    void aRedrivenLetterBeginsANewRoundOfItsAnswerAndIsGone() throws Exception {
        AnswerRef answer = ref(send(user, "again"));
        AnswerRef other = ref(send(user, "stays"));
        die(answer, "again");
        die(other, "stays");
        fail(answer);
        fail(other);
        assertThat(counts(call("POST", LETTERS + "/" + answer.messageId() + "/redrive")))
                .isEqualTo("redriven 1 obsolete 0 dropped 0 kept 0 remaining 1");
        assertThat(now(user, answer).status()).isEqualTo(Status.QUEUED);
        assertThat(outbox(answer)).isEqualTo(1);
        assertThat(server.revoked).containsEntry(answer.answerId(), 2);
        assertThat(server.events.getLast()).isEqualTo("answer.queued");
        assertThat(server.wakes).hasPositiveValue();
        assertThat(call("POST", LETTERS + "/" + answer.messageId() + "/redrive").problem())
                .isEqualTo("404 not-found");
        assertThat(now(user, other).status()).isEqualTo(Status.FAILED);
    }

    @Test
    void aLetterWhoseAnswerWasNotYetShownAsFailedIsRedrivenToo() throws Exception {
        AnswerRef answer = ref(send(user, "poison"));
        die(answer, "poison");
        assertThat(counts(call("POST", LETTERS + "/" + answer.messageId() + "/redrive")))
                .startsWith("redriven 1");
        // What the dead try is still said to have come to is of an earlier round.
        fail(answer);
        assertThat(now(user, answer).status()).isEqualTo(Status.QUEUED);
        assertThat(outbox(answer)).isEqualTo(1);
    }

    @Test
    void aCrashBetweenTheCommitAndTheAcknowledgementRedrivesOnce() throws Exception {
        AnswerRef answer = ref(send(user, "again"));
        die(answer, "again");
        fail(answer);
        server.messages.redrive(answer, "before the crash");
        assertThat(counts(call("POST", LETTERS + "/redrive")))
                .isEqualTo("redriven 0 obsolete 1 dropped 0 kept 0 remaining 0");
        assertThat(outbox(answer)).isEqualTo(1);
        assertThat(now(user, answer).status()).isEqualTo(Status.QUEUED);
    }

    @Test
    void aLetterWhoseRedriveFailsStays() throws Exception {
        AnswerRef answer = ref(send(user, "stays"));
        die(answer, "stays");
        fail(answer);
        server.database.run(db -> Sql.of(db, "ALTER TABLE outbox ADD CONSTRAINT closed CHECK (round < 2) NOT VALID")
                .change());
        try {
            assertThat(call("POST", LETTERS + "/redrive").status()).isEqualTo(500);
        } finally {
            server.database.run(db ->
                    Sql.of(db, "ALTER TABLE outbox DROP CONSTRAINT closed").change());
        }
        assertThat(now(user, answer).status()).isEqualTo(Status.FAILED);
        assertThat(counts(call("POST", LETTERS + "/redrive")))
                .isEqualTo("redriven 1 obsolete 0 dropped 0 kept 0 remaining 0");
    }

    @Test
    void lettersWhoseAnswersWentOnWithoutThemAreObsolete() throws Exception {
        AnswerRef cancelled = ref(send(user, "cancelled"));
        server.messages.cancel(UUID.fromString(user), cancelled.answerId(), "");
        AnswerRef retried = ref(send(user, "retried"));
        fail(retried);
        server.messages.retry(UUID.fromString(user), retried.answerId(), "m", "r");
        AnswerRef answered = ref(send(user, "answered"));
        server.messages.apply(new AnswerUpdate.Completed(
                answered, "run", "text", "m", new AnswerUpdate.Usage(1, 1), Optional.empty(), Instant.now()));
        Answer sent = send(user, "deleted");
        api.delete("/api/chats/" + sent.text("/answer/chatId"), ApiServer.USER, user);
        for (AnswerRef answer : List.of(cancelled, retried, answered, ref(sent))) {
            die(answer, "old");
        }
        AnswerRef twice = ref(send(user, "twice"));
        die(twice, "twice");
        die(twice, "twice");
        die("odd", Map.of(), new byte[] {'{', '}'});
        assertThat(counts(call("POST", LETTERS + "/redrive")))
                .isEqualTo("redriven 1 obsolete 5 dropped 0 kept 1 remaining 1");
        assertThat(now(user, cancelled).status()).isEqualTo(Status.CANCELLED);
        assertThat(now(user, answered).content()).isEqualTo("text");
        assertThat(outbox(twice)).isEqualTo(1);
    }

    @Test
    void aDroppedLetterLeavesNoAnswerPending() throws Exception {
        AnswerRef answer = ref(send(user, "dropped"));
        die(answer, "dropped");
        assertThat(counts(call("DELETE", LETTERS + "/" + answer.messageId())))
                .isEqualTo("redriven 0 obsolete 0 dropped 1 kept 0 remaining 0");
        assertThat(now(user, answer).status()).isEqualTo(Status.FAILED);
        assertThat(server.events.getLast()).isEqualTo("answer.failed");
        assertThat(call("DELETE", LETTERS + "/" + answer.messageId()).status()).isEqualTo(404);
        die("odd", Map.of(), new byte[] {1});
        die("", Map.of(), new byte[] {2});
        assertThat(call("GET", LETTERS).text("/items/1/id")).startsWith("unnamed-");
        assertThat(counts(call("DELETE", LETTERS))).isEqualTo("redriven 0 obsolete 0 dropped 2 kept 0 remaining 0");
    }

    @Test
    void twoOperatorsAtOnceRedriveEachLetterOnce() throws Exception {
        List<AnswerRef> answers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            AnswerRef answer = ref(send(user, "m" + i));
            die(answer, "m" + i);
            answers.add(answer);
        }
        int redriven = 0;
        try (var operators = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Answer>> both = List.of(
                    operators.submit(() -> call("POST", LETTERS + "/redrive")),
                    operators.submit(() -> call("POST", LETTERS + "/redrive")));
            for (Future<Answer> one : both) {
                redriven += Integer.parseInt(one.get().text("/redriven"));
            }
        }
        assertThat(redriven).isEqualTo(20);
        for (AnswerRef answer : answers) {
            assertThat(outbox(answer)).isEqualTo(1);
        }
        assertThat(call("GET", LETTERS).text("/total")).isEqualTo("0");
    }

    @Test
    void aLetterThatTheBrokerHasKilledSaysSo() throws Exception {
        AnswerRef answer = ref(send(user, "poison"));
        try (Broker worker = Broker.open(URI.create(SharedServers.rabbit().url()), "worker", TOPOLOGY)) {
            worker.publisher(1)
                    .publishConfirmed(new Outgoing(
                            TOPOLOGY.requests(),
                            answer.messageId(),
                            Map.of(Headers.ATTEMPT, 1),
                            Json.bytes(GenerationRequest.first(
                                    answer,
                                    Users.LOCAL,
                                    "m",
                                    List.of(new Turn(Role.USER, "poison")),
                                    "r",
                                    Instant.now()))));
            worker.subscribe(TOPOLOGY.requests(), 1, delivery -> {
                throw new IllegalStateException("poison");
            });
            Awaitility.await()
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> broker.depths().orElseThrow().get(TOPOLOGY.deadLetters()) == 1);
        }
        Answer letter = call("GET", LETTERS + "/" + answer.messageId());
        assertThat(letter.text("/cause")).isEqualTo("delivery-limit");
        assertThat(Instant.parse(letter.text("/diedAt"))).isAfter(Instant.now().minus(1, ChronoUnit.HOURS));
        assertThat(letter.json().has("reason")).isFalse();
        assertThat(counts(call("POST", LETTERS + "/" + answer.messageId() + "/redrive")))
                .startsWith("redriven 1");
    }

    @Test
    void withoutABrokerOperatorsAreToldToComeBack() {
        try (ApiServer alone = new ApiServer(Map.of())) {
            alone.operators.add(Users.LOCAL);
            Answer away = alone.client().get(LETTERS);
            assertThat(away.problem()).isEqualTo("503 broker-unavailable");
            assertThat(away.header("Retry-After")).isPresent();
        }
    }

    private static KeyGroup group(
            String name, Optional<Instant> cooling, int used, List<String> keys, Map<String, String> off) {
        return new KeyGroup(name, cooling, cooling.map(until -> "refused"), used, Optional.of(used * 10), keys, off);
    }

    private static void beat(String worker, boolean shared, List<KeyGroup> groups) {
        server.workers.heard(Json.bytes(new Heartbeat(
                worker, Instant.now(), Heartbeat.State.WORKING, 1, 2, 50, 3, shared, 1, 3, groups, Optional.empty())));
    }

    @Test
    void keysAreShownByHashAsAllWorkersSeeThem() {
        Instant soon = Instant.now().plusSeconds(600).truncatedTo(ChronoUnit.SECONDS);
        Instant later = soon.plusSeconds(600);
        Instant over = soon.minusSeconds(3_600);
        beat(
                "one",
                true,
                List.of(
                        group("cool", Optional.of(soon), 4, List.of("aaaaaaaa"), Map.of()),
                        group("dead", Optional.empty(), 0, List.of("bbbbbbbb"), Map.of("bbbbbbbb", "KEY_INVALID")),
                        group("half", Optional.of(over), 7, List.of("cccccccc", "dddddddd"), Map.of())));
        beat(
                "two",
                true,
                List.of(
                        group("cool", Optional.of(later), 5, List.of("aaaaaaaa"), Map.of()),
                        group(
                                "half",
                                Optional.empty(),
                                6,
                                List.of("cccccccc", "dddddddd"),
                                Map.of("dddddddd", "BILLING"))));
        Answer keys = call("GET", "/api/admin/keys");
        assertThat(keys.text("/leftOut")).isEqualTo("1");
        assertThat(keys.text("/items/0/group")).isEqualTo("cool");
        assertThat(keys.text("/items/0/state")).isEqualTo("cooling");
        assertThat(keys.text("/items/0/coolingUntil")).isEqualTo(later.toString());
        assertThat(keys.text("/items/0/reason")).isEqualTo("refused");
        assertThat(keys.text("/items/0/usedThisMinute")).isEqualTo("5");
        assertThat(keys.text("/items/0/usedToday")).isEqualTo("50");
        assertThat(keys.text("/items/0/workers")).isEqualTo("2");
        assertThat(keys.text("/items/1/state")).isEqualTo("disabled");
        assertThat(keys.text("/items/1/reason")).isEqualTo("KEY_INVALID");
        assertThat(keys.text("/items/2/state")).isEqualTo("ready");
        assertThat(keys.text("/items/2/keys/0/state")).isEqualTo("ready");
        assertThat(keys.text("/items/2/keys/1/hash")).isEqualTo("dddddddd");
        assertThat(keys.text("/items/2/keys/1/state")).isEqualTo("disabled");
        assertThat(keys.text("/items/2/keys/1/reason")).isEqualTo("BILLING");
        assertThat(keys.text("/items/2/usedThisMinute")).isEqualTo("7");

        Answer workers = call("GET", "/api/admin/workers");
        assertThat(workers.text("/items/0/id") + workers.text("/items/1/id")).isEqualTo("onetwo");
        assertThat(workers.text("/items/0/waiting")).isEqualTo("2");

        // Without Redis each worker counts its own calls.
        beat("one", false, List.of(group("cool", Optional.empty(), 4, List.of("aaaaaaaa"), Map.of())));
        beat("two", false, List.of(group("cool", Optional.empty(), 5, List.of("aaaaaaaa"), Map.of())));
        assertThat(call("GET", "/api/admin/keys").text("/items/0/usedThisMinute"))
                .isEqualTo("9");
    }
}
