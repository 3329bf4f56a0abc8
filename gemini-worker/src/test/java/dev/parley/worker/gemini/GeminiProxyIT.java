package dev.parley.worker.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.dev.gemini.FakeGemini;
import dev.parley.dev.gemini.Options;
import dev.parley.worker.gemini.CallOutcome.Cancelled;
import dev.parley.worker.gemini.CallOutcome.Finished;
import dev.parley.worker.gemini.CallOutcome.Transient;
import dev.parley.worker.gemini.CallOutcome.Transient.Kind;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Through a CONNECT proxy, over TLS, to a name that only the proxy's far end knows. */
class GeminiProxyIT {
    private static final URI TARGET = URI.create("https://gemini.test");
    private static final Duration LONG = Duration.ofMinutes(2);

    private static FakeGemini fake;
    private ConnectProxy proxy;
    private GeminiClient client;

    @BeforeAll
    static void startFake() {
        fake = FakeGemini.start(Options.defaults());
    }

    @AfterAll
    static void stopFake() {
        fake.close();
    }

    @BeforeEach
    void start() throws Exception {
        fake.reset();
        proxy = new ConnectProxy(Map.of("gemini.test", fake.httpsUri().getPort()));
        client = GeminiClient.open(options());
    }

    @AfterEach
    void stop() {
        client.close();
        proxy.close();
    }

    private GeminiOptions options() {
        return GeminiOptions.of(TARGET).withProxy(proxy.uri()).withExtraTrust(fake.certificate());
    }

    /** Of the calls' requests, without those of the looks whether the way is open. */
    private List<String> heads() {
        return proxy.heads.stream()
                .filter(head -> !head.contains("Parley looks"))
                .toList();
    }

    private static CallOutcome ask(GeminiClient client, String prompt) {
        return client.stream(Requests.KEY, Requests.asking(prompt), delta -> {}, new Cancellation());
    }

    private static void assertUnsent(CallOutcome outcome, Kind kind) {
        assertThat(outcome).isInstanceOfSatisfying(Transient.class, failed -> {
            assertThat(failed.kind()).as(failed.diagnosis()).isEqualTo(kind);
            assertThat(failed.requestSent()).isFalse();
            assertThat(failed.failure().type().toString())
                    .as("who is to blame")
                    .endsWith(kind == Kind.CONNECT_FAILED ? "model-unreachable" : "proxy-away");
        });
    }

    @Test
    void whileTheProxyRefusesOneLookAtATimeAsksItAndEveryWaitEndsWithItsReturn() throws Exception {
        WayOut wayOut = client.wayOut();
        Awaitility.await().until(() -> proxy.heads.size() == 1);
        assertThat(wayOut.open()).isTrue();
        proxy.status.set(502);
        assertUnsent(ask(client, "Hello"), Kind.PROXY_FAILED);
        assertThat(wayOut.away()).isTrue();
        assertThat(wayOut.await(Duration.ofMillis(50), new Cancellation())).isFalse();
        Cancellation cancelled = new Cancellation();
        cancelled.cancel("the user left");
        assertThat(wayOut.await(LONG, cancelled)).isFalse();
        long failures = wayOut.failures();
        Awaitility.await().until(() -> wayOut.failures() > failures);
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Boolean>> waits = IntStream.range(0, 20)
                    .mapToObj(i -> executor.submit(() -> wayOut.await(LONG, new Cancellation())))
                    .toList();
            proxy.status.set(200);
            for (Future<Boolean> wait : waits) {
                assertThat(wait.get()).isTrue();
            }
        }
        assertThat(wayOut.away()).isFalse();
        assertThat(ask(client, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
    }

    @Test
    void aConnectionThatBreaksIsLookedIntoBeforeTheNextCall() throws Exception {
        WayOut wayOut = client.wayOut();
        assertThat(ask(client, "[[fake answer=\"first second\" chunks=2 reset=middle]]"))
                .isInstanceOfSatisfying(Transient.class, failed -> assertThat(failed.requestSent())
                        .isTrue());
        assertThat(wayOut.await(LONG, new Cancellation())).isTrue();
        assertThat(wayOut.failures()).as("the model broke it, not the proxy").isZero();
    }

    @Test
    void withoutAProxyTheWayIsAlwaysOpen() {
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(URI.create("http://127.0.0.1:1")))) {
            assertThat(ask(own, "Hello")).isInstanceOf(Transient.class);
            assertThat(own.wayOut().open()).isTrue();
            assertThat(own.wayOut().failures()).isZero();
        }
    }

    @Test
    void theFarEndResolvesTheNameAndOneTunnelServesManyCalls() {
        for (int i = 0; i < 3; i++) {
            assertThat(ask(client, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
        }
        assertThat(heads()).hasSize(1).first().asString().startsWith("CONNECT gemini.test:443 ");
    }

    @Test
    void theProxyIsToldItsPasswordAndTheModelIsNot() {
        URI withPassword = URI.create(proxy.uri().toString().replace("//", "//me:s%40same@"));
        try (GeminiClient own = GeminiClient.open(options().withProxy(withPassword))) {
            assertThat(ask(own, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
        }
        assertThat(heads().getFirst())
                .containsIgnoringCase("Proxy-Authorization: Basic bWU6c0BzYW1l")
                .doesNotContain(Requests.KEY.secret());
    }

    @Test
    void aRefusedTunnelIsTheProxysFailureAndNothingWasSent() {
        proxy.status.set(502);
        assertUnsent(ask(client, "Hello"), Kind.PROXY_FAILED);
        proxy.status.set(407);
        assertUnsent(ask(client, "Hello"), Kind.PROXY_FAILED);
        proxy.status.set(200);
        assertThat(ask(client, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
    }

    @Test
    void aDeadProxyIsTheProxysFailureAndNothingWasSent() {
        proxy.close();
        assertUnsent(ask(client, "Hello"), Kind.PROXY_FAILED);
    }

    @Test
    void aProxyThatNeverAnswersEndsByTheConnectTimeout() {
        proxy.status.set(0);
        try (GeminiClient own = GeminiClient.open(options().withTimeouts(Duration.ofMillis(300), LONG, LONG, LONG))) {
            assertUnsent(ask(own, "Hello"), Kind.CONNECT_TIMEOUT);
        }
    }

    @Test
    void cancellingEndsACallThatStillConnects() throws Exception {
        proxy.status.set(0);
        Cancellation cancellation = new Cancellation();
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<CallOutcome> call = executor.submit(
                    () -> client.stream(Requests.KEY, Requests.asking("Hello"), delta -> {}, cancellation));
            Awaitility.await().until(() -> heads().size() == 1);
            cancellation.cancel("the user left");
            assertThat(call.get()).isEqualTo(new Cancelled(false, ""));
        }
    }

    @Test
    void aProxyThatDiesInMidStreamSpendsAnAttempt() throws Exception {
        CountDownLatch heard = new CountDownLatch(1);
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<CallOutcome> call = executor.submit(() -> client.stream(
                    Requests.KEY,
                    Requests.asking("[[fake answer=\"first second\" chunks=2 gate=never at=1]]"),
                    delta -> heard.countDown(),
                    new Cancellation()));
            assertThat(heard.await(1, TimeUnit.MINUTES)).isTrue();
            proxy.close();
            assertThat(call.get()).isInstanceOfSatisfying(Transient.class, failed -> {
                assertThat(failed.kind()).isIn(Kind.CONNECTION_LOST, Kind.CUT_STREAM);
                assertThat(failed.requestSent()).isTrue();
            });
        }
    }

    @Test
    void aCertificateThatNobodyVouchesForIsNotSentTheKey() {
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(TARGET).withProxy(proxy.uri()))) {
            assertUnsent(ask(own, "Hello"), Kind.CONNECT_FAILED);
        }
    }

    @Test
    void manyStreamsAtOnceArriveThroughTheProxy() throws Exception {
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<CallOutcome>> calls = IntStream.range(0, 50)
                    .mapToObj(i -> executor.submit(() -> ask(client, "[[fake answer=hello chunks=3 chunk=5ms]]")))
                    .toList();
            for (Future<CallOutcome> call : calls) {
                assertThat(call.get()).isInstanceOf(Finished.class);
            }
        }
    }
}
