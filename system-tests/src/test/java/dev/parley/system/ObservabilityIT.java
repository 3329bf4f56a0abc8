package dev.parley.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.local.process.ServiceProcess;
import dev.parley.pipeline.message.Json;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What an operator sees of both services from outside. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ObservabilityIT {
    private Installation parley;
    private ServiceProcess api;
    private ServiceProcess worker;
    private Client client;
    private Client.Sent answered;
    private Client.Sent failed;

    @BeforeAll
    void traffic() throws IOException {
        parley = Installation.fresh().with("GEMINI_API_KEYS", "one=key-1,two=key-2");
        api = parley.startApi();
        worker = parley.startWorker();
        client = new Client(api);
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            answered = client.send(chat, "Good morning [[fake chunks=5]]");
            viewer.awaitEnd(answered.answer());
            // Cools the group for as long as the test lasts; the other one answers.
            client.awaitStatus(client.send("Too fast [[fake status=429 retry=300s times=1]]"), "completed");
            failed = client.send("Too much [[fake status=500]]");
            client.awaitStatus(failed, "failed");
            client.get("/api/messages/" + UUID.randomUUID());
        }
    }

    @AfterAll
    void close() {
        parley.close();
    }

    @Test
    void theApiCountsAndTimesWhatItDoes() {
        Client.await("a sample of the depths")
                .until(() -> Metrics.of(api).sum("parley_outbox_depth"), depth -> depth == 0);
        Metrics metrics = Metrics.of(api);
        String sending = "route=\"/api/chats/{chatId}/messages\"";
        assertThat(metrics.sum("parley_http_requests_seconds_count", "method=\"POST\"", sending, "status=\"2xx\""))
                .isEqualTo(3);
        assertThat(metrics.has("parley_http_requests_seconds_bucket", sending, "le=\"0.1\""))
                .isTrue();
        assertThat(metrics.sum("parley_http_requests_seconds_count", "status=\"4xx\""))
                .isEqualTo(1);
        assertThat(metrics.sum("parley_answer_stored_seconds_count")).isEqualTo(2);
        assertThat(metrics.sum("parley_results_total", "outcome=\"completed\"")).isEqualTo(2);
        assertThat(metrics.sum("parley_results_total", "outcome=\"retrying\"")).isEqualTo(2);
        assertThat(metrics.sum("parley_results_total", "outcome=\"failed\"")).isEqualTo(1);
        assertThat(metrics.sum("parley_outbox_published_total")).isEqualTo(3);
        assertThat(metrics.has("parley_outbox_oldest_seconds")).isTrue();
        for (String queue : parley.broker().topology().queues()) {
            assertThat(metrics.has("parley_queue_depth", "queue=\"" + queue + "\""))
                    .as(queue)
                    .isTrue();
        }
        Client.await("the dead letter is seen")
                .until(
                        () -> Metrics.of(api).sum("parley_queue_depth", "queue=\"gemini.requests.dlq\""),
                        depth -> depth == 1);
        assertThat(metrics.sum("parley_database_pool_size")).isEqualTo(4);
        for (String state : List.of("active", "idle", "waiting")) {
            assertThat(metrics.has("parley_database_connections", "state=\"" + state + "\""))
                    .as(state)
                    .isTrue();
        }
        assertThat(metrics.sum("parley_broker_connected")).isEqualTo(1);
        assertThat(metrics.sum("parley_redis_connected")).isEqualTo(1);
        assertThat(metrics.sum("parley_workers_heard")).isEqualTo(1);
        assertThat(metrics.has("parley_viewers")).isTrue();
        assertProcess(metrics);
    }

    @Test
    void theWorkerCountsItsCallsAndItsKeys() {
        Metrics metrics = Metrics.of(worker);
        assertThat(metrics.sum("parley_gemini_calls_total", "outcome=\"finished\""))
                .isEqualTo(2);
        assertThat(metrics.sum("parley_gemini_calls_total"))
                .isEqualTo(parley.gemini().report().calls());
        assertThat(metrics.sum("parley_gemini_first_token_seconds_count")).isEqualTo(2);
        assertThat(metrics.sum("parley_answer_made_seconds_count")).isEqualTo(2);
        assertThat(metrics.sum("parley_requests_retried_total")).isEqualTo(2);
        assertThat(metrics.sum("parley_requests_dead_lettered_total")).isEqualTo(1);
        Client.await("the keys' use")
                .until(
                        () -> Metrics.of(worker).sum("parley_key_used"),
                        used -> used == parley.gemini().report().calls());
        Client.await("one group cools")
                .until(() -> Metrics.of(worker).sum("parley_key_cooling_seconds"), seconds -> seconds > 100);
        for (String group : List.of("one", "two")) {
            assertThat(metrics.has("parley_key_cooling_seconds", "group=\"" + group + "\""))
                    .isTrue();
            assertThat(metrics.sum("parley_key_disabled", "group=\"" + group + "\""))
                    .isZero();
        }
        assertThat(metrics.sum("parley_worker_broker_connected")).isEqualTo(1);
        assertThat(metrics.sum("parley_worker_redis_connected")).isEqualTo(1);
        assertProcess(metrics);
    }

    private static void assertProcess(Metrics metrics) {
        for (String name : List.of(
                "process_cpu_seconds",
                "process_resident_bytes",
                "jvm_heap_used_bytes",
                "jvm_heap_max_bytes",
                "jvm_platform_threads")) {
            assertThat(metrics.sum("parley_" + name)).as(name).isPositive();
        }
        assertThat(metrics.has("parley_jvm_gc_seconds")).isTrue();
    }

    @Test
    void bothSayWhetherTheyLiveAndAreReady() {
        for (String probe : List.of("live", "ready", "started")) {
            api.awaitProbe(probe);
            worker.awaitProbe(probe);
            assertThat(client.get("/api/health/" + probe).status()).isEqualTo(200);
        }
        JsonNode health = client.awaitHealth("healthy");
        assertThat(health.get("timestamp").asText()).isNotEmpty();
        for (String part : List.of("api", "postgres", "redis", "rabbitmq", "workers")) {
            assertThat(health.at("/checks/" + part + "/status").asText())
                    .as(part)
                    .isEqualTo("up");
        }
    }

    @Test
    void everyLogLineIsAnObjectAndAMessageCanBeFollowedByItsIds() throws Exception {
        List<JsonNode> fromApi = objects(api);
        List<JsonNode> fromWorker = objects(worker);
        for (List<JsonNode> lines : List.of(fromApi, fromWorker)) {
            List<JsonNode> path = of(lines, answered);
            assertThat(path).isNotEmpty();
            String request = path.getFirst().get("request").asText();
            assertThat(request).isNotEmpty();
            assertThat(path).allSatisfy(line -> {
                assertThat(line.get("request").asText()).isEqualTo(request);
                assertThat(line.get("chat").asText()).isEqualTo(answered.chat().toString());
                assertThat(line.get("attempt").asText()).isEqualTo("1");
            });
        }
        assertThat(of(fromApi, answered))
                .extracting(line -> line.get("request"))
                .containsAll(of(fromWorker, answered).stream()
                        .map(line -> line.get("request"))
                        .toList());
        assertThat(of(fromApi, answered))
                .extracting(line -> line.get("message").asText())
                .containsExactly("accepted a message", "stored that its answer is completed");
        assertThat(of(fromWorker, failed))
                .extracting(line -> line.get("attempt").asText())
                .contains("1", "2", "3");
        assertThat(of(fromWorker, failed))
                .filteredOn(line -> line.get("level").asText().equals("WARNING"))
                .hasSize(1);
    }

    private static List<JsonNode> of(List<JsonNode> lines, Client.Sent sent) {
        return lines.stream()
                .filter(line ->
                        line.path("answer").asText().equals(sent.answer().toString()))
                .toList();
    }

    private static List<JsonNode> objects(ServiceProcess service) throws IOException {
        return service.log().lines().map(ObservabilityIT::object).toList();
    }

    private static JsonNode object(String line) {
        try {
            JsonNode node = Json.mapper().readTree(line);
            assertThat(node.isObject()).as(line).isTrue();
            assertThat(node.fieldNames()).toIterable().as(line).contains("time", "level", "message", "logger");
            return node;
        } catch (IOException e) {
            throw new AssertionError("not JSON: " + line, e);
        }
    }
}
