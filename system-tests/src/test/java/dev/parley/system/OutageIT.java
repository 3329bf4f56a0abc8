package dev.parley.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.dev.server.DevServices;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Promise 5: what is down costs its own duty only. One API and one worker live through all of it. The order saves time:
 * without Redis a worker spends only what it has itself watched for a whole window, so Redis is stopped late; and when
 * Redis has lost its data nobody knows what was spent in the last window, so that comes last.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OutageIT {
    private static final String ANSWER = "Whatever goes away comes back, and what was said in between is not lost: "
            + "first this half of the answer, then — after a pause — that half of it.";

    private DevServices servers;
    private Installation parley;
    private Client client;

    @BeforeAll
    void open(@TempDir Path folder) throws IOException {
        servers = DevServices.start(folder, DevServices.Options.forTests());
        parley = Installation.on(servers);
        client = new Client(parley.startApi());
    }

    @AfterAll
    void close() {
        try (DevServices last = servers) {
            parley.close();
            last.rabbit().kill();
        }
    }

    private static String prompt(String gate) {
        return "Tell me [[fake answer=\"%s\" chunks=12 chunk=100ms gate=%s at=6]]".formatted(ANSWER, gate);
    }

    private void awaitHeld(String gate) {
        Client.await("a call at the gate").until(() -> parley.gemini().held(gate), held -> held == 1);
    }

    private JsonNode assertAnswered(Client.Sent sent, String prompt) {
        JsonNode answer = client.awaitStatus(sent, "completed");
        assertThat(answer.get("content").asText()).isEqualTo(ANSWER);
        assertThat(answer.get("attempt").asInt()).isEqualTo(1);
        assertThat(client.messages(sent.chat())).hasSize(2);
        assertThat(parley.gemini().report().prompt(prompt).orElseThrow().calls())
                .as("calls to the model")
                .isEqualTo(1);
        return answer;
    }

    @Test
    @Order(1)
    void withoutAWorkerMessagesWaitAndHealthSaysSo() throws Exception {
        JsonNode health = client.awaitHealth("degraded");
        assertThat(health.at("/checks/workers/status").asText()).isEqualTo("down");
        assertThat(health.at("/checks/postgres/status").asText()).isEqualTo("up");
        String prompt = prompt("no-worker");
        parley.gemini().release("no-worker");
        Client.Sent sent = client.send(prompt);
        Client.await("it waits in the queue")
                .until(
                        () -> client.get("/api/health")
                                .body()
                                .at("/checks/rabbitmq/queues")
                                .path("gemini.requests")
                                .asLong(),
                        depth -> depth == 1);
        assertThat(client.answer(sent).get("status").asText()).isEqualTo("queued");

        parley.startWorker();
        assertAnswered(sent, prompt);
        client.awaitHealth("healthy");
    }

    @Test
    @Order(2)
    void whileRabbitMqIsAwayMessagesAreAcceptedAndAFinishedAnswerWaits() {
        String streaming = prompt("rabbit");
        String meanwhile = "Meanwhile [[fake answer=\"%s\"]]".formatted(ANSWER);
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent first = client.send(chat, streaming);
            awaitHeld("rabbit");
            servers.rabbit().stop();

            Client.Sent second = client.send(meanwhile);
            JsonNode health = client.awaitHealth("degraded");
            assertThat(health.at("/checks/rabbitmq/status").asText()).isEqualTo("down");
            assertThat(health.at("/checks/postgres/outbox").asLong()).isEqualTo(1);
            assertThat(client.answer(second).get("status").asText()).isEqualTo("queued");
            parley.gemini().release("rabbit");
            // The live text needs no broker.
            viewer.awaitText(first.answer(), text -> text.length() > ANSWER.length() / 2);
            Client.await("the model has finished")
                    .until(
                            () -> parley.gemini()
                                    .report()
                                    .prompt(streaming)
                                    .orElseThrow()
                                    .completed(),
                            completed -> completed == 1);

            servers.rabbit().start();
            viewer.awaitEnd(first.answer());
            assertAnswered(first, streaming);
            assertAnswered(second, meanwhile);
            assertThat(viewer.misfits()).isEmpty();
            client.awaitHealth("healthy");
        }
    }

    @Test
    @Order(3)
    void whilePostgresIsAwayNothingIsAcceptedAndAFinishedAnswerWaits() {
        String prompt = prompt("postgres");
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent sent = client.send(chat, prompt);
            awaitHeld("postgres");
            servers.postgres().stop();

            Client.Response refused = client.post("/api/chats/" + chat + "/messages", Map.of("content", "And now?"));
            assertThat(refused.status()).isEqualTo(503);
            assertThat(refused.headers()).containsKey("retry-after");
            assertThat(refused.body().get("type").asText()).startsWith("urn:parley:problem:");
            client.awaitHealth("unhealthy");
            parley.gemini().release("postgres");
            Client.await("the model has finished")
                    .until(
                            () -> parley.gemini()
                                    .report()
                                    .prompt(prompt)
                                    .orElseThrow()
                                    .completed(),
                            completed -> completed == 1);

            servers.postgres().start();
            viewer.awaitEnd(sent.answer());
            assertAnswered(sent, prompt);
            assertThat(viewer.misfits()).isEmpty();
            client.awaitHealth("healthy");
        }
    }

    @Test
    @Order(5)
    void redisThatLosesItsDataInMidAnswerLosesNothingOfTheAnswer() {
        String prompt = prompt("flushed");
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent sent = client.send(chat, prompt);
            awaitHeld("flushed");
            viewer.awaitText(sent.answer(), text -> text.length() > ANSWER.length() / 3);
            servers.redis().flush();
            parley.gemini().release("flushed");
            viewer.awaitText(sent.answer(), text -> text.length() > ANSWER.length() / 2 + 10);
            JsonNode stored = viewer.awaitEnd(sent.answer()).json().get("message");
            assertThat(stored.get("content").asText()).isEqualTo(ANSWER);
            assertThat(ANSWER).startsWith(viewer.text(sent.answer()));
            assertThat(viewer.misfits()).isEmpty();
            assertThat(viewer.runs()).hasSize(1);
            assertAnswered(sent, prompt);
        }
    }

    @Test
    @Order(4)
    void withoutRedisAnswersArriveWholeAndWithItWordByWordAgain() {
        String streaming = prompt("redis");
        String meanwhile = "Meanwhile without Redis [[fake answer=\"%s\"]]".formatted(ANSWER);
        String after = prompt("redis-back");
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent first = client.send(chat, streaming);
            awaitHeld("redis");
            servers.redis().stop();
            viewer.await("notice", json -> json.get("type").asText().equals("live-unavailable"));
            JsonNode health = client.awaitHealth("degraded");
            assertThat(health.at("/checks/redis/status").asText()).isEqualTo("down");

            parley.gemini().release("redis");
            assertAnswered(first, streaming);
            Client.Sent second = client.send(meanwhile);
            assertAnswered(second, meanwhile);

            servers.redis().start();
            viewer.await("notice", json -> json.get("type").asText().equals("live-restored"));
            client.awaitHealth("healthy");
            Client.Sent third = client.send(chat, after);
            awaitHeld("redis-back");
            viewer.awaitText(third.answer(), text -> text.length() > ANSWER.length() / 3);
            parley.gemini().release("redis-back");
            viewer.awaitEnd(third.answer());
            assertThat(client.awaitStatus(third, "completed").get("content").asText())
                    .isEqualTo(ANSWER);
            assertThat(viewer.misfits()).isEmpty();
        }
    }
}
