package dev.parley.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.dev.gemini.Options;
import dev.parley.local.process.ServiceProcess;
import dev.parley.pipeline.broker.Outgoing;
import io.lettuce.core.RedisClient;
import java.io.IOException;
import java.net.URI;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Promise 6: whatever goes well or wrong, no secret is seen anywhere. */
class SecretsIT {
    private static final String GOOD = "AIzaSyGOOD-7f3a9c1e5b2d";
    private static final String OTHER = "AIzaSyOTHER-0b8e6d4c2a1f";
    private static final String WRONG = "AIzaSyWRONG-9d1c3b5a7f2e";
    private static final String PROXY_PASSWORD = "proxy-hush-4c6e8a0b2d";

    private static Map<String, String> secrets(Installation parley) {
        return Map.of(
                "a good key", GOOD,
                "another key", OTHER,
                "a wrong key", WRONG,
                "the proxy's password", PROXY_PASSWORD,
                "the database's password", Haystack.password(parley.databaseUrl()),
                "Redis's password", Haystack.password(parley.redisUrl()),
                "RabbitMQ's password", Haystack.password(parley.rabbitUrl()));
    }

    private static Installation installation() throws IOException {
        return Installation.fresh(Options.defaults().withKeys(Map.of(GOOD, "one", OTHER, "two")));
    }

    @Test
    void noSecretIsSeenAnywhere() throws Exception {
        try (Installation parley = installation();
                Tunnel proxy = new Tunnel(parley.gemini().baseUri());
                Haystack haystack = new Haystack(parley.redisUrl(), parley.rabbitUrl())) {
            parley.with("GEMINI_API_KEYS", "one=%s,two=%s,three=%s".formatted(GOOD, OTHER, WRONG))
                    .with("HTTP_PROXY", "http://worker:%s@127.0.0.1:%d".formatted(PROXY_PASSWORD, proxy.port()));
            ServiceProcess api = parley.startApi();
            Client client = new Client(api);
            UUID chat = client.newChat();
            try (Viewer viewer = Viewer.of(client, chat)) {
                Client.Sent held = client.send(chat, "Hold [[fake answer=\"held\" gate=secrets at=1]]");
                Client.Sent refused = client.send("Too many [[fake answer=\"patience\" status=429 retry=1s times=1]]");
                Client.Sent failing = client.send("Broken [[fake status=500]]");
                Client.Sent rejected = client.send("Wrong [[fake status=400]]");
                haystack.addQueues(parley.broker().topology().queues());

                ServiceProcess worker = parley.startWorker();
                Client.await("a call at the gate").until(() -> parley.gemini().held("secrets"), calls -> calls == 1);
                haystack.addRedis();
                client.awaitStatus(refused, "completed");
                client.awaitStatus(rejected, "failed");
                Client.await("the wrong key is found out")
                        .until(() -> Metrics.of(worker).sum("parley_key_disabled", "group=\"three\""), off -> off == 1);
                client.awaitStatus(failing, "retrying");
                haystack.addQueues(parley.broker().topology().queues().stream()
                        .filter(queue -> queue.contains(".wait."))
                        .toList());
                client.awaitStatus(failing, "failed");
                haystack.addQueues(java.util.List.of(parley.broker().topology().deadLetters()));

                // A result that nobody takes yet can be looked at.
                haystack.add("metrics", api.metrics());
                haystack.add("metrics", worker.metrics());
                api.kill();
                parley.gemini().release("secrets");
                Client.await("the result waits")
                        .until(
                                () -> parley.broker().depths().orElseThrow().get("gemini.responses"),
                                depth -> depth > 0);
                haystack.addQueues(java.util.List.of("gemini.responses"));
                haystack.addRedis();

                ServiceProcess again = parley.startApi();
                Client other = new Client(again);
                other.awaitStatus(held, "completed");
                other.get("/api/health");
                other.get("/api/models");
                other.get("/api/messages/none");
                haystack.add("metrics", again.metrics());
                haystack.add("metrics", worker.metrics());
                viewer.events().forEach(event -> haystack.add("events", event.toString()));
                client.heard().forEach(body -> haystack.add("responses", body));
                other.heard().forEach(body -> haystack.add("responses", body));
                worker.terminate(Installation.PATIENCE);
                again.terminate(Installation.PATIENCE);
                haystack.add("logs", parley.allLogs());
            }

            assertThat(proxy.heads()).as("what the proxy was asked").anyMatch(head -> head.contains("CONNECT "));
            assertThat(haystack.places())
                    .contains(
                            "logs",
                            "metrics",
                            "events",
                            "responses",
                            "heartbeats",
                            "redis",
                            "redis channels",
                            "queue gemini.requests",
                            "queue gemini.responses",
                            "queue gemini.requests.dlq");
            assertThat(haystack.at("logs").getFirst())
                    .as("every failure was logged")
                    .contains("quota group", "failed in passing", "the model refused", "dead-lettered");
            assertThat(haystack.find(secrets(parley))).isEmpty();
        }
    }

    /** Without this the test above would also pass if it looked in the wrong places. */
    @Test
    void theSearchFindsASecretThatWasPlanted() throws Exception {
        try (Installation parley = installation();
                Haystack haystack = new Haystack(parley.redisUrl(), parley.rabbitUrl());
                RedisClient redis = RedisClient.create(parley.redisUrl())) {
            try (var connection = redis.connect()) {
                connection.sync().hset("a-hash", "field", "see " + GOOD);
                connection.sync().zadd("a-set", 1, "redis://" + Haystack.password(parley.redisUrl()));
                connection.sync().publish("a-channel", OTHER);
            }
            Client.await("the announcement").until(() -> haystack.places().contains("redis channels"));
            parley.broker()
                    .publisher(1)
                    .publishConfirmed(new Outgoing(
                            "gemini.requests.dlq",
                            "id",
                            Map.of(
                                    "reason",
                                    "at " + URI.create(parley.rabbitUrl()).getRawUserInfo()),
                            new byte[0]));
            String basic = java.util.Base64.getEncoder().encodeToString(("worker:" + PROXY_PASSWORD).getBytes());
            haystack.add("logs", "Proxy-Authorization: Basic " + basic);
            haystack.addRedis();
            haystack.addQueues(parley.broker().topology().queues());
            assertThat(haystack.find(secrets(parley)))
                    .containsExactlyInAnyOrder(
                            "a good key in redis",
                            "Redis's password in redis",
                            "another key in redis channels",
                            "RabbitMQ's password in queue gemini.requests.dlq",
                            "the proxy's password in logs");
        }
    }
}
