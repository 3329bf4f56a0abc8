package dev.parley.system;

import static dev.parley.system.Installation.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.dev.server.DevServer;
import dev.parley.dev.server.Hysteria;
import dev.parley.local.process.ServiceProcess;
import java.io.ByteArrayInputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real traffic: worker → Hysteria2 client (HTTP CONNECT) → Hysteria2 server → fake Gemini over TLS, under a name that only the
 * server knows. What goes away is the proxy and never the model, so users are told so, and a short absence costs nothing.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HysteriaIT {
    private static final String HOST = "gemini.test";
    private static final int CROWD = 200;
    private static final String ANSWER = "The way out may close behind a sentence — and open again: "
            + "the answer goes on to its very last word, and is told once.";
    private static final String PASSWORD = "changeit";

    private Optional<String> missing = Optional.empty();
    private Installation parley;
    private Hysteria hysteria;
    private DevServer near;
    private Client client;
    private ServiceProcess worker;

    /** Longer than any test: the pair may have to be built first. */
    @BeforeAll
    @Timeout(value = 12, unit = TimeUnit.MINUTES)
    void open(@TempDir Path folder) throws Exception {
        missing = Hysteria.missing();
        if (missing.isPresent()) {
            return;
        }
        parley = Installation.freshWithTls();
        int port = parley.gemini().httpsUri().getPort();
        hysteria = Hysteria.start(folder.resolve("hysteria"), HOST, port);
        near = hysteria.client();
        Path trust = trustStore(folder.resolve("trust.p12"), parley.gemini().certificate());
        parley.with("GEMINI_BASE_URL", "https://%s:%d".formatted(HOST, port))
                .with("HTTP_PROXY", near.url())
                .with("WORKER_PREFETCH_COUNT", Integer.toString(CROWD + 20))
                .with(
                        "JAVA_TOOL_OPTIONS",
                        "-Djavax.net.ssl.trustStore=%s -Djavax.net.ssl.trustStorePassword=%s"
                                .formatted(trust, PASSWORD));
        client = new Client(parley.startApi());
    }

    /** What a machine's own store does for a deployment. */
    private static Path trustStore(Path file, String pem) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setCertificateEntry(
                "fake-gemini",
                CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII))));
        try (OutputStream out = Files.newOutputStream(file)) {
            store.store(out, PASSWORD.toCharArray());
        }
        return file;
    }

    @AfterAll
    void close() {
        // Both are missing where the tests were skipped.
        if (parley != null) {
            parley.close();
        }
        if (hysteria != null) {
            hysteria.close();
        }
    }

    /** Whatever the last test broke is whole again. */
    @BeforeEach
    void mend() throws Exception {
        // Here and not before all tests, where a report would show none instead of seven that were skipped.
        assumeTrue(missing.isEmpty(), () -> "nothing was sent through a real Hysteria2: " + missing.orElseThrow());
        hysteria.server().start();
        near.start();
        if (worker == null || !worker.isAlive()) {
            worker = parley.startWorker();
        }
        client.awaitHealth("healthy");
    }

    private static String prompt(String gate) {
        return "Tell me [[fake answer=\"%s\" chunks=6 gate=%s at=3]]".formatted(ANSWER, gate);
    }

    private void awaitHeld(String gate, int calls) {
        Client.await("calls at the gate").until(() -> parley.gemini().held(gate), held -> held == calls);
    }

    private int calls(String prompt) {
        return parley.gemini().report().prompt(prompt).orElseThrow().calls();
    }

    private void awaitMetric(String name, double value) {
        Client.await(name).until(() -> Metrics.of(worker).sum(name), sample -> sample == value);
    }

    private void assertAnsweredAtOnce(Client.Sent sent) {
        JsonNode answer = client.awaitStatus(sent, "completed");
        assertThat(answer.get("content").asText()).isEqualTo(ANSWER);
        assertThat(answer.get("attempt").asInt()).as("attempts").isEqualTo(1);
        assertThat(client.messages(sent.chat())).hasSize(2);
    }

    @Test
    void aStreamIsShownWhileItComesAndItsNameIsResolvedAtTheFarEnd() {
        assertThatThrownBy(() -> InetAddress.getByName(HOST)).isInstanceOf(UnknownHostException.class);
        String prompt = prompt("live");
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent sent = client.send(chat, prompt);
            awaitHeld("live", 1);
            // The model has not gone on yet, so nothing on the way waits for more.
            viewer.awaitText(sent.answer(), text -> text.length() >= ANSWER.length() / 3);
            assertThat(ANSWER).startsWith(viewer.text(sent.answer())).isNotEqualTo(viewer.text(sent.answer()));
            parley.gemini().release("live");
            viewer.awaitEnd(sent.answer());
            assertThat(viewer.misfits()).isEmpty();
            assertAnsweredAtOnce(sent);
        }
        assertThat(calls(prompt)).isEqualTo(1);
    }

    /** Slow machines: a worker whose permissions run out on their way takes Redis for away and waits a quota window. */
    @Test
    @Timeout(value = 6, unit = TimeUnit.MINUTES)
    void twoHundredStreamsAtOnceArriveWhole() throws Exception {
        List<Client.Sent> all = new ArrayList<>();
        try (var executor = Executors.newFixedThreadPool(2)) {
            List<Future<Client.Sent>> sending = IntStream.range(0, CROWD)
                    .mapToObj(i -> executor.submit(() -> client.send(prompt("crowd") + " number " + i)))
                    .toList();
            for (Future<Client.Sent> each : sending) {
                all.add(each.get());
            }
        }
        Client.await("all at the gate")
                .atMost(PATIENCE.multipliedBy(2))
                .until(() -> parley.gemini().held("crowd"), held -> held == CROWD);
        parley.gemini().release("crowd");
        all.forEach(this::assertAnsweredAtOnce);
        assertThat(IntStream.range(0, CROWD).map(i -> calls(prompt("crowd") + " number " + i)))
                .containsOnly(1);
    }

    @Test
    void aServerKilledAndRestartedInMidStreamCostsNoAttemptAndTheAnswerIsToldOnce() {
        assertToldOnceAcross(hysteria.server(), "server");
    }

    @Test
    void aClientKilledAndRestartedInMidStreamCostsNoAttemptAndTheAnswerIsToldOnce() {
        assertToldOnceAcross(near, "client");
    }

    private void assertToldOnceAcross(DevServer end, String name) {
        String prompt = prompt(name);
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent sent = client.send(chat, prompt);
            awaitHeld(name, 1);
            viewer.awaitText(sent.answer(), text -> !text.isEmpty());
            end.kill();
            end.start();
            // The cut call stays held: the fake does not see that its reader has left.
            awaitHeld(name, 2);
            parley.gemini().release(name);
            viewer.awaitEnd(sent.answer());
            assertAnsweredAtOnce(sent);
            assertThat(ANSWER).startsWith(viewer.text(sent.answer()));
            assertThat(viewer.misfits()).isEmpty();
            assertThat(viewer.events()).extracting(Viewer.Event::name).doesNotContain("answer.retrying");
        }
        assertThat(calls(prompt)).as("the cut one and the one that answered").isEqualTo(2);
    }

    @Test
    void aShortAbsenceIsWaitedForAndCostsNoAttempt() {
        String prompt = prompt("short");
        parley.gemini().release("short");
        near.kill();
        UUID chat = client.newChat();
        try (Viewer viewer = Viewer.of(client, chat)) {
            Client.Sent sent = client.send(chat, prompt);
            awaitMetric("parley_proxy_up", 0);
            assertThat(Metrics.of(worker).sum("parley_proxy_failures_total")).isPositive();
            near.start();
            assertAnsweredAtOnce(sent);
            assertThat(viewer.events()).extracting(Viewer.Event::name).doesNotContain("answer.retrying");
        }
        awaitMetric("parley_proxy_up", 1);
        assertThat(calls(prompt)).isEqualTo(1);
    }

    @Test
    void whileTheExitIsUnreachableTheLadderIsClimbedAndEverybodyIsToldThatItIsTheProxy() {
        hysteria.server().stop();
        assertBlamedOnTheProxy("unreachable", () -> hysteria.server().start());
    }

    @Test
    void aWrongPasswordLooksLikeAProxyThatIsAway() throws Exception {
        worker.kill();
        DevServer wrong = hysteria.clientWithWrongPassword();
        worker = parley.startWorker(Map.of("HTTP_PROXY", wrong.url()));
        assertBlamedOnTheProxy("password", () -> {
            worker.kill();
            worker = parley.startWorker();
        });
        wrong.stop();
    }

    private interface Mending {
        void run() throws Exception;
    }

    private void assertBlamedOnTheProxy(String gate, Mending mending) {
        parley.gemini().release(gate);
        Client.Sent sent = client.send(prompt(gate));
        JsonNode health = client.awaitHealth("degraded");
        assertThat(health.at("/checks/workers/status").asText()).isEqualTo("down");
        assertThat(health.at("/checks/workers/detail").asText()).contains("proxy away");
        assertThat(health.at("/checks/workers/workers"))
                .anyMatch(each -> each.path("trouble").asText().equals("proxy away"));
        assertThat(health.at("/checks/postgres/status").asText()).isEqualTo("up");
        assertThat(worker.ready()).contains("\"up\"").contains("proxy away");

        JsonNode waiting = client.awaitStatus(sent, "retrying");
        assertThat(waiting.at("/error/type").asText()).endsWith("proxy-away");
        assertThat(waiting.get("attempt").asInt()).isEqualTo(2);
        assertThat(parley.gemini().report().prompt(prompt(gate)))
                .as("calls to the model")
                .isEmpty();
        try {
            mending.run();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        JsonNode answer = client.awaitStatus(sent, "completed");
        assertThat(answer.get("content").asText()).isEqualTo(ANSWER);
        assertThat(calls(prompt(gate))).isEqualTo(1);
    }
}
