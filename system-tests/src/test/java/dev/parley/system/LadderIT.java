package dev.parley.system;

import static dev.parley.system.Installation.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.dev.gemini.Behaviour;
import dev.parley.dev.server.DevServer;
import dev.parley.dev.server.DevServices;
import dev.parley.local.process.ServiceProcess;
import dev.parley.pipeline.broker.HeldMessage;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.message.Headers;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Every row of the failure table, over the whole way from a send to what the user and the operator see in the end. */
class LadderIT {
    private static final String LETTERS = "/api/admin/dead-letters";
    /** Long enough to do something while a request is in the wait queue, on a slow machine too. */
    private static final String SLOW_STEP = "15,16";

    private Installation parley;
    private Client client;

    @AfterEach
    void close() {
        parley.close();
    }

    private void start(Installation installation) throws IOException {
        parley = installation;
        client = new Client(parley.startApi());
        parley.startWorker();
    }

    private int calls(String prompt) {
        return parley.gemini().report().prompt(prompt).orElseThrow().calls();
    }

    private long waiting(String queue) {
        return client.get("/api/health")
                .body()
                .at("/checks/rabbitmq/queues")
                .path(queue)
                .asLong();
    }

    private void awaitDropped(Client.Sent sent) {
        Client.await("the obsolete try is back and dropped").until(() -> parley.allLogs(), log -> log.lines()
                .anyMatch(line -> line.contains("dropped: ")
                        && line.contains(sent.answer().toString())));
    }

    private String action(Client.Sent sent, String what) {
        return "/api/messages/" + sent.answer() + "/" + what;
    }

    @Test
    void whatFailsInPassingIsTriedThreeTimesAndAnsweredOnTheNextStep() throws Exception {
        start(Installation.fresh());
        Map<String, Client.Sent> all = new LinkedHashMap<>();
        for (String fault : List.of(
                "status=500",
                "status=502",
                "status=503",
                "status=504",
                "error=503",
                "reset=before",
                "reset=middle",
                "cut=clean",
                "cut=abrupt",
                "malformed")) {
            String prompt = "%s [[fake %s times=3 answer=\"in the end\"]]".formatted(fault, fault);
            all.put(prompt, client.send(prompt));
        }
        all.forEach((prompt, sent) -> {
            JsonNode answer = client.awaitStatus(sent, "completed");
            assertThat(answer.get("content").asText()).as(prompt).isEqualTo("in the end");
            assertThat(answer.get("attempt").asInt()).as(prompt).isEqualTo(2);
            assertThat(answer.has("error")).as(prompt).isFalse();
            assertThat(calls(prompt)).as(prompt).isEqualTo(4);
        });
        assertThat(client.get(LETTERS).body().get("total").asInt()).isZero();
    }

    @Test
    void whatNoRetryCanMendFailsAtOnceAndIsNoDeadLetter() throws Exception {
        start(Installation.fresh());
        Map<String, Client.Sent> all = new LinkedHashMap<>();
        for (String fault : List.of("status=400", "status=404", "blocked=SAFETY", "finish=SAFETY", "empty")) {
            String prompt = "%s [[fake %s]]".formatted(fault, fault);
            all.put(prompt, client.send(prompt));
        }
        all.forEach((prompt, sent) -> {
            JsonNode answer = client.awaitStatus(sent, "failed");
            assertThat(answer.at("/error/detail").asText()).as(prompt).isNotBlank();
            assertThat(calls(prompt)).as(prompt).isEqualTo(1);
        });
        assertThat(client.get(LETTERS).body().get("total").asInt()).isZero();
    }

    @Test
    void pastTheLadderAnAnswerIsFailedAndADeadLetterThatARedriveAnswers() throws Exception {
        start(Installation.fresh());
        // Three calls for each of three attempts.
        String prompt = "Nine times [[fake status=503 times=9 answer=\"the tenth\"]]";
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent sent = client.send(chat, prompt);
            JsonNode retrying = viewer.await("answer.retrying").json().get("message");
            assertThat(retrying.get("attempt").asInt()).isEqualTo(2);
            assertThat(retrying.get("maxAttempts").asInt()).isEqualTo(3);
            assertThat(retrying.has("nextAttemptAt")).isTrue();
            assertThat(retrying.at("/error/type").asText()).endsWith("model-overloaded");
            JsonNode failed = client.awaitStatus(sent, "failed");
            assertThat(failed.get("attempt").asInt()).isEqualTo(3);
            assertThat(calls(prompt)).isEqualTo(9);

            JsonNode letter = client.get(LETTERS + "/" + sent.answer() + ":3").body();
            assertThat(letter.get("cause").asText()).isEqualTo("ladder");
            assertThat(letter.get("reason").asText()).endsWith("model-overloaded");
            assertThat(letter.has("diedAt")).isTrue();
            assertThat(letter.at("/request/text").asText()).isEqualTo(prompt);

            parley.killWorkers();
            Client.Response redriven = client.post(LETTERS + "/" + sent.answer() + ":3/redrive", Map.of());
            assertThat(redriven.body().get("redriven").asInt()).isEqualTo(1);
            assertInTheQueueAsNew(sent);
            parley.startWorker();
            JsonNode answer = client.awaitStatus(sent, "completed");
            assertThat(answer.get("content").asText()).isEqualTo("the tenth");
            assertThat(answer.get("attempt").asInt()).isEqualTo(1);
            assertThat(client.get(LETTERS).body().get("total").asInt()).isZero();
            assertThat(calls(prompt)).isEqualTo(10);
        }
    }

    /** Nothing of its first life goes along: a broker before 4.0 drops what comes back with the traces of a wait queue. */
    private void assertInTheQueueAsNew(Client.Sent sent) {
        List<HeldMessage> requests = new ArrayList<>();
        Client.await("the request is in its queue").until(() -> parley.broker()
                .walk("gemini.requests", 10, PATIENCE, PATIENCE, message -> {
                    requests.add(message);
                    return Walk.Step.KEEP;
                })
                .equals(new Walk.Done(1, 0, 1)));
        assertThat(requests.getFirst().messageId()).isEqualTo(sent.ref().messageId());
        assertThat(requests.getFirst().headers())
                .containsEntry(Headers.ATTEMPT, 1)
                .doesNotContainKeys("x-death", Headers.REASON, Headers.DIED, Headers.CRASHES);
    }

    @Test
    void aRetryNowAnEditAndAWithdrawalOvertakeTheWaitQueueAndNothingRunsTwice() throws Exception {
        start(Installation.fresh().with("QUEUE_RETRY_DELAYS", SLOW_STEP));
        String first = "Now [[fake status=503 times=3 answer=\"at once\"]]";
        String wrong = "Wrong [[fake status=503]]";
        String right = "Right [[fake answer=\"as meant\"]]";
        String never = "Never [[fake status=503]]";
        Client.Sent retried = client.send(first);
        Client.Sent edited = client.send(wrong);
        Client.Sent withdrawn = client.send(never);
        for (Client.Sent sent : List.of(retried, edited, withdrawn)) {
            client.awaitStatus(sent, "retrying");
        }
        assertThat(client.post(action(retried, "retry"), Map.of()).status()).isEqualTo(200);
        Client.Response edit = client.patch("/api/messages/" + edited.message(), Map.of("content", right));
        assertThat(edit.status()).as(edit.toString()).isEqualTo(200);
        assertThat(client.delete("/api/messages/" + withdrawn.message()).status())
                .isEqualTo(204);

        assertThat(client.awaitStatus(retried, "completed").get("content").asText())
                .isEqualTo("at once");
        assertThat(client.awaitStatus(edited, "completed").get("content").asText())
                .isEqualTo("as meant");
        assertThat(waiting("gemini.requests.wait.15s"))
                .as("the old tries still wait")
                .isEqualTo(3);
        for (Client.Sent sent : List.of(retried, edited, withdrawn)) {
            awaitDropped(sent);
        }
        assertThat(calls(first)).isEqualTo(4);
        assertThat(calls(wrong)).isEqualTo(3);
        assertThat(calls(right)).isEqualTo(1);
        assertThat(calls(never)).isEqualTo(3);
        assertThat(client.answer(retried).get("content").asText()).isEqualTo("at once");
        assertThat(client.messages(edited.chat()).getFirst().get("content").asText())
                .isEqualTo(right);
        assertThat(client.messages(withdrawn.chat())).isEmpty();
        Client.Response late = client.patch("/api/messages/" + edited.message(), Map.of("content", "too late"));
        assertThat(late.body().get("type").asText()).endsWith("answer-ended");
    }

    @Test
    void theAttemptsSurviveARestartOfEverything(@TempDir Path folder) throws Exception {
        try (DevServices servers = DevServices.start(folder, DevServices.Options.forTests())) {
            start(Installation.on(servers).with("QUEUE_RETRY_DELAYS", SLOW_STEP));
            // Two attempts fail; the restarts are in the middle of the first step.
            String prompt = "Patience [[fake status=503 times=6 answer=\"after all\"]]";
            Client.Sent sent = client.send(prompt);
            client.awaitStatus(sent, "retrying");
            parley.killWorkers();
            parley.killApis();
            for (DevServer server : List.of(servers.rabbit(), servers.redis(), servers.postgres())) {
                server.stop();
                server.start();
            }
            client = new Client(parley.startApi());
            assertThat(client.answer(sent).get("attempt").asInt()).isEqualTo(2);
            parley.startWorker();
            JsonNode answer = client.awaitStatus(sent, "completed");
            assertThat(answer.get("attempt").asInt()).isEqualTo(3);
            assertThat(answer.get("content").asText()).isEqualTo("after all");
            assertThat(calls(prompt)).isEqualTo(7);
            parley.close();
            servers.rabbit().kill();
        }
    }

    @Test
    void keysInTroubleCostNoAttemptAndAnOperatorSeesThemByTheirHash() throws Exception {
        Installation installation = Installation.fresh()
                .with(
                        "GEMINI_API_KEYS",
                        "a-invalid=key-of-a,b-minute=key-of-b,c-bare=key-of-c,d-day=key-of-d,e-billing=key-of-e,"
                                + "f-forbidden=key-of-f,g-good=key-of-g");
        Map<String, String> faults = Map.of(
                "key-of-a", "invalidKey",
                "key-of-b", "status=429 quota=minute retry=300s",
                "key-of-c", "status=429 without=details",
                "key-of-d", "status=429 quota=day",
                "key-of-e", "status=402",
                "key-of-f", "status=403");
        faults.forEach((key, fault) -> installation.gemini().behaveForKey(key, Behaviour.ofWords(fault)));
        start(installation);
        for (int i = 0; i < 7; i++) {
            JsonNode answer = client.awaitStatus(client.send("Question " + i), "completed");
            assertThat(answer.get("attempt").asInt()).isEqualTo(1);
            assertThat(answer.has("error")).isFalse();
        }
        for (String key : faults.keySet()) {
            assertThat(parley.gemini().report().key(key).orElseThrow().calls())
                    .as(key)
                    .isEqualTo(1);
        }
        Map<String, String> expected = Map.of(
                "a-invalid", "disabled",
                "b-minute", "cooling",
                "c-bare", "cooling",
                "d-day", "cooling",
                "e-billing", "disabled",
                "f-forbidden", "disabled",
                "g-good", "ready");
        Client.await("the heartbeat tells of the keys").untilAsserted(() -> {
            Map<String, String> states = new LinkedHashMap<>();
            for (JsonNode group : client.get("/api/admin/keys").body().get("items")) {
                states.put(group.get("group").asText(), group.get("state").asText());
                assertThat(group.at("/keys/0/hash").asText()).matches("[0-9a-f]{8}");
            }
            assertThat(states).containsExactlyInAnyOrderEntriesOf(expected);
        });
        assertThat(String.join("\n", client.heard())).doesNotContain("key-of-");
        assertThat(client.get("/api/admin/workers").body().get("items")).hasSize(1);
    }

    @Test
    @Timeout(value = 8, unit = TimeUnit.MINUTES)
    void whatCrashesEveryWorkerThatTakesItBecomesADeadLetterAndItsNeighboursAreAnswered() throws Exception {
        parley = Installation.fresh();
        client = new Client(parley.startApi());
        Client.Sent poison = client.send("Poison [[fake gate=poison at=0]]");
        List<Client.Sent> neighbours = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            neighbours.add(client.send("Neighbour %d [[fake answer=\"unharmed\" gate=neighbours at=0]]".formatted(i)));
        }
        int crashes = 0;
        while (true) {
            ServiceProcess worker = parley.startWorker();
            boolean together = crashes < 2;
            Client.await("the worker has taken the poison, or the broker no longer has it")
                    .atMost(Duration.ofMinutes(2))
                    .until(() -> buried()
                            || took(worker, poison)
                                    && (!together || neighbours.stream().allMatch(each -> took(worker, each))));
            if (buried()) {
                break;
            }
            worker.kill();
            crashes++;
            assertThat(crashes).isLessThanOrEqualTo(Topology.DELIVERY_LIMIT + 1);
            if (crashes == 2) {
                parley.gemini().release("neighbours");
            }
        }
        assertThat(crashes).isEqualTo(Topology.DELIVERY_LIMIT + 1);
        for (Client.Sent neighbour : neighbours) {
            assertThat(client.awaitStatus(neighbour, "completed").get("content").asText())
                    .isEqualTo("unharmed");
        }
        JsonNode failed = client.awaitStatus(poison, "failed");
        assertThat(failed.at("/error/type").asText()).endsWith("request-failed");
        JsonNode letters = client.get(LETTERS).body();
        assertThat(letters.get("total").asInt()).isEqualTo(1);
        assertThat(letters.at("/items/0/cause").asText()).isEqualTo("delivery-limit");
        assertThat(letters.at("/items/0/answerId").asText())
                .isEqualTo(poison.answer().toString());
    }

    private boolean buried() {
        return waiting("gemini.requests.dlq") > 0;
    }

    private static boolean took(ServiceProcess worker, Client.Sent sent) {
        try {
            return worker.log()
                    .lines()
                    .anyMatch(line -> line.contains("taken from the queue")
                            && line.contains(sent.answer().toString()));
        } catch (IOException e) {
            return false;
        }
    }
}
