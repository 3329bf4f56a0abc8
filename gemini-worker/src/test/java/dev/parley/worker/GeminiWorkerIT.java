package dev.parley.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.parley.dev.gemini.FakeGemini;
import dev.parley.dev.gemini.Options;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.broker.TopologyConflict;
import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.Json;
import dev.parley.worker.key.ApiKey;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole worker, as its Main opens it. */
class GeminiWorkerIT {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static FakeGemini gemini;

    private final String name = "w" + UUID.randomUUID().toString().substring(0, 8);

    @BeforeAll
    static void start() {
        gemini = FakeGemini.start(Options.defaults().withoutHttps());
    }

    @AfterAll
    static void stop() {
        gemini.close();
    }

    private Map<String, String> variables(String rabbitUrl) {
        return new HashMap<>(Map.of(
                "REDIS_URL",
                SharedServers.freshRedis(),
                "RABBITMQ_URL",
                rabbitUrl,
                "GEMINI_API_KEYS",
                "key-1,key-2",
                "GEMINI_BASE_URL",
                gemini.baseUri().toString(),
                "REQUEST_QUEUE",
                name + ".requests",
                "RESPONSE_QUEUE",
                name + ".responses",
                "QUEUE_RETRY_DELAYS",
                "1",
                "WORKER_PREFETCH_COUNT",
                "5",
                "OBSERVE_PORT",
                "0",
                "SHUTDOWN_GRACE_SECONDS",
                "5"));
    }

    private static HttpResponse<String> get(GeminiWorker worker, String path) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + worker.observePort() + path))
                            .build(),
                    BodyHandlers.ofString());
        }
    }

    private Broker listener() {
        return Broker.open(
                URI.create(SharedServers.rabbit().url()),
                "test",
                Topology.of(name + ".requests", name + ".responses", List.of(Duration.ofSeconds(1))));
    }

    @Test
    void itTellsEverybodyThatItLivesAndThatItStops() {
        try (Broker broker = listener()) {
            List<Heartbeat> beats = new CopyOnWriteArrayList<>();
            broker.onHeartbeat(body -> beats.add(Json.read(body, Heartbeat.class)));
            GeminiWorker worker = GeminiWorker.open(
                    WorkerSettings.read(variables(SharedServers.rabbit().url())));
            await().atMost(SOON).until(() -> !beats.isEmpty());
            Heartbeat first = beats.getFirst();
            assertThat(first.state()).isEqualTo(Heartbeat.State.WORKING);
            assertThat(first.capacity()).isEqualTo(5);
            assertThat(first.keysTotal()).isEqualTo(2);
            assertThat(first.sharedQuota()).isTrue();
            worker.close();
            await().atMost(SOON).until(() -> beats.stream().anyMatch(beat -> beat.state() == Heartbeat.State.DRAINING));
            assertThat(beats).extracting(Heartbeat::worker).containsOnly(first.worker());
        }
    }

    @Test
    void itsProbesAndMetricsAreThereAndNameNoKey() throws Exception {
        try (GeminiWorker worker = GeminiWorker.open(
                WorkerSettings.read(variables(SharedServers.rabbit().url())))) {
            for (String probe : List.of("live", "ready", "started")) {
                assertThat(get(worker, "/health/" + probe).statusCode()).isEqualTo(200);
            }
            String metrics = get(worker, "/metrics").body();
            assertThat(metrics)
                    .contains("parley_requests_capacity", "parley_worker_broker_connected", "parley_key_used")
                    .doesNotContain("key-1");
        }
    }

    @Test
    void aProxyThatIsAwayIsInItsMetricsItsReadinessAndItsHeartbeat() throws Exception {
        Map<String, String> variables = variables(SharedServers.rabbit().url());
        variables.put("HTTP_PROXY", "http://127.0.0.1:1");
        try (Broker broker = listener();
                GeminiWorker worker = GeminiWorker.open(WorkerSettings.read(variables))) {
            List<Heartbeat> beats = new CopyOnWriteArrayList<>();
            broker.onHeartbeat(body -> beats.add(Json.read(body, Heartbeat.class)));
            await().atMost(SOON)
                    .until(() -> beats.stream().anyMatch(beat -> beat.trouble().equals(Optional.of("proxy away"))));
            HttpResponse<String> ready = get(worker, "/health/ready");
            assertThat(ready.statusCode()).as("it still climbs the ladder").isEqualTo(200);
            assertThat(ready.body()).contains("proxy away");
            // What is only weakly held would be gone from the metrics now.
            System.gc();
            assertThat(get(worker, "/metrics").body())
                    .containsPattern("(?m)^parley_proxy_up(\\{.*})? 0")
                    .containsPattern("(?m)^parley_proxy_failures_total(\\{.*})? [1-9]");
        }
    }

    @Test
    void aChangedKeysFileIsInForceWithoutARestartAndSeenInTheMetrics(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("keys.yaml"), "groups: [{name: reload-old, keys: [key-1]}]");
        Map<String, String> variables = variables(SharedServers.rabbit().url());
        variables.remove("GEMINI_API_KEYS");
        variables.put("GEMINI_API_KEYS_FILE", file.toString());
        String first = new ApiKey("key-1").hash();
        String second = new ApiKey("key-2").hash();
        try (GeminiWorker worker = GeminiWorker.open(WorkerSettings.read(variables))) {
            assertThat(get(worker, "/metrics").body())
                    .contains("group=\"reload-old\",key=\"" + first + "\"", "parley_keys_file_in_force");

            Files.writeString(file, "groups: [{name: reload-new, keys: [key-2]}]");
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(get(worker, "/metrics").body())
                            .contains("group=\"reload-new\",key=\"" + second + "\"")
                            .doesNotContain("reload-old"));

            Files.writeString(file, "groups: [{name: reload-new, keys: [key-2, key-2]}]");
            await().atMost(SOON).untilAsserted(() -> assertThat(
                            get(worker, "/metrics").body().lines())
                    .anyMatch(line -> line.startsWith("parley_keys_file_in_force") && line.endsWith(" 0.0")));
            assertThat(get(worker, "/metrics").body()).doesNotContain("key-1", "key-2");
        }
    }

    @Test
    void withoutABrokerItStartsAndIsNotReady() throws Exception {
        try (GeminiWorker worker = GeminiWorker.open(WorkerSettings.read(variables("amqp://127.0.0.1:1")))) {
            assertThat(get(worker, "/health/live").statusCode()).isEqualTo(200);
            assertThat(get(worker, "/health/ready").statusCode()).isEqualTo(503);
        }
    }

    @Test
    void queuesOfOtherSettingsStopTheStart() {
        try (Broker broker = listener()) {
            assertThat(broker.connected()).isTrue();
            Map<String, String> variables = variables(SharedServers.rabbit().url());
            // The other's dead letters as our requests.
            variables.put("REQUEST_QUEUE", name + ".requests.dlq");
            assertThatThrownBy(() -> GeminiWorker.open(WorkerSettings.read(variables)))
                    .isInstanceOf(TopologyConflict.class);
        }
    }
}
