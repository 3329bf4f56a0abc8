package dev.parley.system;

import static dev.parley.system.Installation.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import dev.parley.dev.net.FreePorts;
import dev.parley.local.process.ServiceProcess;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.redis.Redis;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Promise 1 and 2: processes die in the middle of an answer, and the answer comes all the same, once. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KillIT {
    private static final String ANSWER = "Many hands have carried this answer, and not a letter of it was lost on the"
            + " way: the first wrote half of it, and fell 🪂; the second began anew, and came to the end.";

    private Installation parley;

    @BeforeAll
    void open() throws IOException {
        parley = Installation.fresh();
    }

    @AfterAll
    void close() {
        parley.close();
    }

    private static String prompt(String gate) {
        return "Tell me [[fake answer=\"%s\" chunks=12 chunk=100ms gate=%s at=6]]".formatted(ANSWER, gate);
    }

    private static boolean isHalf(String text) {
        return text.length() > ANSWER.length() / 3 && text.length() < ANSWER.length() && ANSWER.startsWith(text);
    }

    private void awaitHeld(String gate, int calls) {
        Client.await(calls + " calls at the gate").until(() -> parley.gemini().held(gate), held -> held == calls);
    }

    private int calls(String prompt) {
        return parley.gemini().report().prompt(prompt).orElseThrow().calls();
    }

    private void assertAnswered(Client client, Client.Sent sent) {
        JsonNode answer = client.awaitStatus(sent, "completed");
        assertThat(answer.get("content").asText()).isEqualTo(ANSWER);
        assertThat(answer.get("attempt").asInt()).isEqualTo(1);
        assertThat(client.messages(sent.chat()))
                .extracting(message -> message.get("role").asText())
                .containsExactlyInAnyOrder("user", "assistant");
    }

    @Test
    void anotherWorkerAnswersWhenOneIsKilledInMidAnswer() throws Exception {
        Client client = new Client(parley.anApi());
        ServiceProcess first = parley.aWorker();
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            String prompt = prompt("worker-killed");
            Client.Sent sent = client.send(chat, prompt);
            awaitHeld("worker-killed", 1);
            viewer.awaitText(sent.answer(), KillIT::isHalf);

            first.kill();
            parley.startWorker();
            // The fake does not see that the first has left, so both are at the gate.
            awaitHeld("worker-killed", 2);
            Client.await("another run")
                    .until(() -> viewer.runs().stream().distinct().count(), runs -> runs == 2);
            // It begins anew: the text of the dead run is gone from the page, not continued.
            viewer.awaitText(sent.answer(), KillIT::isHalf);
            assertThat(client.answer(sent).get("status").asText()).isEqualTo("generating");

            parley.gemini().release("worker-killed");
            assertThat(viewer.awaitEnd(sent.answer())
                            .json()
                            .get("message")
                            .get("content")
                            .asText())
                    .isEqualTo(ANSWER);
            assertAnswered(client, sent);
            assertThat(calls(prompt)).isEqualTo(2);
            assertThat(viewer.misfits()).isEmpty();
            assertThat(viewer.events())
                    .filteredOn(event -> event.name().equals("answer.completed"))
                    .hasSize(1);
        }
    }

    @Test
    void anApiKilledBetweenCommitAndPublishLosesNothing() throws Exception {
        parley.aWorker();
        parley.killApis();
        ServiceProcess dying =
                parley.startApi(Map.of("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:" + FreePorts.next()));
        String prompt = "Are you there? [[fake answer=\"%s\"]]".formatted(ANSWER);
        Client.Sent sent = new Client(dying).send(prompt);
        dying.kill();
        assertThat(parley.number("SELECT count(*) FROM outbox")).isEqualTo(1);

        Client other = new Client(parley.anApi());
        assertAnswered(other, sent);
        assertThat(calls(prompt)).isEqualTo(1);
        assertThat(parley.number("SELECT count(*) FROM outbox")).isZero();
    }

    @Test
    void aReaderOfAKilledApiGetsExactlyTheRestFromAnother() throws Exception {
        ServiceProcess first = parley.anApi();
        ServiceProcess second = parley.startApi();
        parley.aWorker();
        String prompt = prompt("api-killed");
        assertTheRestComesFrom(second, first, "api-killed", prompt, () -> first.kill());
    }

    @Test
    void aStoppedApiEndsItsStreamsAndLeavesWithinItsGrace() throws Exception {
        ServiceProcess first = parley.startApi(Map.of("SHUTDOWN_GRACE_SECONDS", "20"));
        parley.aWorker();
        ServiceProcess second = parley.startApi();
        String prompt = prompt("api-stopped");
        assertTheRestComesFrom(second, first, "api-stopped", prompt, () -> {
            // Far below the grace it would need if it waited for its streams.
            int code = first.terminate(PATIENCE);
            assertThat(code).as("ended by SIGTERM").isEqualTo(143);
        });
        assertThat(first.log()).contains("chat-api stopped in").doesNotContain("\"level\":\"SEVERE\"");
    }

    private interface End {
        void come() throws Exception;
    }

    private void assertTheRestComesFrom(
            ServiceProcess second, ServiceProcess first, String gate, String prompt, End end) throws Exception {
        Client client = new Client(first);
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent sent = client.send(chat, prompt);
            awaitHeld(gate, 1);
            viewer.awaitText(sent.answer(), text -> !text.isEmpty());
            end.come();
            viewer.awaitClosed();
            String before = viewer.text(sent.answer());

            Client other = new Client(second);
            try (Viewer again = viewer.reconnect(other, chat)) {
                JsonNode live = again.await("snapshot").json().get("live").get(0);
                assertThat(live.get("offset").asInt()).isEqualTo(before.length());
                parley.gemini().release(gate);
                JsonNode stored = again.awaitEnd(sent.answer()).json().get("message");
                assertThat(stored.get("content").asText()).isEqualTo(ANSWER);
                // The stored answer may overtake the last piece of the live one, which then is not shown any more.
                assertThat(ANSWER).startsWith(again.text(sent.answer()));
                assertThat(again.text(sent.answer())).startsWith(before).hasSizeGreaterThan(before.length());
                assertThat(again.misfits()).isEmpty();
                assertAnswered(other, sent);
                assertThat(calls(prompt)).isEqualTo(1);
            }
        }
    }

    @Test
    void aStoppedWorkerFinishesWhatRunsAndHandsBackWhatWaits() throws Exception {
        parley.killWorkers();
        Client client = new Client(parley.anApi());
        String runningPrompt = prompt("worker-stopped");
        String waitingPrompt = "And me? [[fake answer=\"%s\"]]".formatted(ANSWER);
        Client.Sent running = client.send(runningPrompt);
        Client.Sent waiting = client.send(waitingPrompt);
        ServiceProcess stopping;
        try (Redis redis = Redis.open(URI.create(parley.redisUrl()), Duration.ofSeconds(5));
                ScheduledExecutorService renewing = Executors.newSingleThreadScheduledExecutor()) {
            // A run of the test's own holds the second answer, so that its request waits in the worker.
            Runs runs = new Runs(redis);
            String run = UUID.randomUUID().toString();
            assertThat(runs.askToBegin(waiting.ref(), run).get()).isInstanceOf(Runs.Begin.Begun.class);
            renewing.scheduleAtFixedRate(
                    () -> runs.renew(waiting.ref(), run), 0, Runs.RENEW_EVERY.toMillis(), TimeUnit.MILLISECONDS);

            stopping = parley.startWorker();
            awaitHeld("worker-stopped", 1);
            Client.await("one request waits").until(() -> client.held("waiting"), held -> held == 1);
            stopping.signalTerminate();
            assertHandedBackAsNew(waiting);

            assertThat(stopping.isAlive()).isTrue();
            parley.gemini().release("worker-stopped");
            assertAnswered(client, running);
            assertThat(stopping.awaitExit(PATIENCE)).as("ended by SIGTERM").isEqualTo(143);
            renewing.shutdownNow();
            runs.release(waiting.ref(), run).join();
        }
        assertThat(stopping.log()).contains("gemini-worker stopped in").doesNotContain("\"level\":\"SEVERE\"");

        parley.startWorker();
        assertAnswered(client, waiting);
        assertThat(calls(runningPrompt)).isEqualTo(1);
        assertThat(calls(waitingPrompt)).isEqualTo(1);
    }

    /** The request is in the queue as a message that was never delivered: nothing of its delivery limit is spent. */
    private void assertHandedBackAsNew(Client.Sent sent) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(parley.rabbitUrl());
        try (Connection connection = factory.newConnection();
                Channel channel = connection.createChannel()) {
            GetResponse got = Client.await("the request is back")
                    .until(() -> Optional.ofNullable(channel.basicGet("gemini.requests", false)), Optional::isPresent)
                    .orElseThrow();
            assertThat(got.getProps().getMessageId()).isEqualTo(sent.ref().messageId());
            assertThat(got.getEnvelope().isRedeliver()).isFalse();
            Object deliveries = got.getProps().getHeaders().getOrDefault("x-delivery-count", 0L);
            assertThat(deliveries).isEqualTo(0L);
        }
    }
}
