package dev.parley.worker.gemini;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.parley.dev.gemini.FakeGemini;
import dev.parley.dev.gemini.Options;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import dev.parley.worker.gemini.CallOutcome.Cancelled;
import dev.parley.worker.gemini.CallOutcome.Failed;
import dev.parley.worker.gemini.CallOutcome.Final;
import dev.parley.worker.gemini.CallOutcome.FinishReason;
import dev.parley.worker.gemini.CallOutcome.Finished;
import dev.parley.worker.gemini.CallOutcome.KeyTrouble;
import dev.parley.worker.gemini.CallOutcome.Transient;
import dev.parley.worker.gemini.CallOutcome.Transient.Kind;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GeminiClientIT {
    private static final Duration SHORT = Duration.ofMillis(300);
    private static final Duration LONG = Duration.ofMinutes(2);

    private static FakeGemini fake;
    private static GeminiClient client;
    private final List<String> deltas = new ArrayList<>();

    @BeforeAll
    static void start() {
        fake = FakeGemini.start(Options.defaults().withoutHttps());
        client = GeminiClient.open(GeminiOptions.of(fake.baseUri()));
    }

    @AfterAll
    static void stop() {
        client.close();
        fake.close();
    }

    @BeforeEach
    void forget() {
        fake.reset();
    }

    private CallOutcome ask(String prompt) {
        return ask(client, prompt);
    }

    private CallOutcome ask(GeminiClient with, String prompt) {
        return with.stream(Requests.KEY, Requests.asking(prompt), deltas::add, new Cancellation());
    }

    private static DeltaListener noting(List<String> heard) {
        return new DeltaListener() {
            @Override
            public void onSending() {
                heard.add("sending");
            }

            @Override
            public void onText(String delta) {
                heard.add(delta);
            }
        };
    }

    private static GeminiClient with(Duration connect, Duration firstByte, Duration idle, Duration total) {
        return GeminiClient.open(GeminiOptions.of(fake.baseUri()).withTimeouts(connect, firstByte, idle, total));
    }

    @Test
    void anAnswerArrivesInDeltasThatJoinToItsText() {
        CallOutcome outcome = ask("Hello [[fake answer=\"one two three four\" chunks=4]]");

        assertThat(outcome).isInstanceOfSatisfying(Finished.class, finished -> {
            assertThat(finished.text()).isEqualTo("one two three four");
            assertThat(finished.reason()).isEqualTo(FinishReason.STOP);
            assertThat(finished.model()).isEqualTo(Requests.MODEL);
            assertThat(finished.usage().inputTokens()).isPositive();
            assertThat(finished.usage().outputTokens()).isPositive();
            assertThat(finished.notice()).isEmpty();
        });
        assertThat(deltas).hasSize(4);
        assertThat(String.join("", deltas)).isEqualTo("one two three four");
    }

    @Test
    void aDeltaIsHeardWhileTheRestIsStillToCome() throws Exception {
        CountDownLatch heard = new CountDownLatch(1);
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<CallOutcome> call = executor.submit(() -> client.stream(
                    Requests.KEY,
                    Requests.asking("[[fake answer=\"first second\" chunks=2 gate=half at=1]]"),
                    delta -> heard.countDown(),
                    new Cancellation()));
            assertThat(heard.await(1, TimeUnit.MINUTES)).isTrue();
            assertThat(call.isDone()).isFalse();
            fake.release("half");
            assertThat(call.get()).isInstanceOf(Finished.class);
        }
    }

    @Test
    void theNextCallUsesTheSameConnection() {
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(fake.baseUri()))) {
            for (int i = 0; i < 3; i++) {
                assertThat(ask(own, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
                assertThat(own.idleConnections()).isEqualTo(1);
            }
        }
    }

    @Test
    void aCallWhosePermissionIsOverIsNotSentAndItsConnectionServesTheNextOne() {
        String prompt = "too late [[fake answer=hello]]";
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(fake.baseUri()))) {
            List<String> heard = new ArrayList<>();
            CallOutcome outcome =
                    own.stream(Requests.KEY, Requests.asking(prompt), noting(heard), new Cancellation(), () -> false);
            assertThat(outcome).isInstanceOfSatisfying(Transient.class, late -> {
                assertThat(late.kind()).isEqualTo(Kind.TOO_LATE);
                assertThat(late.requestSent()).isFalse();
            });
            assertThat(heard).isEmpty();
            assertThat(fake.report().prompt(prompt)).isEmpty();
            assertThat(own.idleConnections()).isEqualTo(1);

            assertThat(own.stream(Requests.KEY, Requests.asking(prompt), noting(heard), new Cancellation()))
                    .isInstanceOf(Finished.class);
            assertThat(heard).startsWith("sending").containsOnlyOnce("sending");
            assertThat(own.idleConnections()).isEqualTo(1);
        }
    }

    @Test
    void aConversationWithTurnsOfOneRoleInARowIsUnderstood() {
        CallOutcome outcome = client.stream(
                Requests.KEY,
                Requests.of(
                        Requests.MODEL,
                        Optional.of("Be brief."),
                        new Sampling(Optional.of(0.5), Optional.of(1000)),
                        new Turn(Role.USER, "one"),
                        new Turn(Role.USER, "two"),
                        new Turn(Role.MODEL, ""),
                        new Turn(Role.MODEL, "three"),
                        new Turn(Role.USER, "half a pair \ud83d here [[fake answer=ok]]")),
                deltas::add,
                new Cancellation());

        assertThat(outcome).isInstanceOf(Finished.class);
    }

    @Test
    void charactersBeyondTheBasicPlaneArriveWholeHoweverTheStreamIsCut() {
        String answer = "a😀ß漢👩‍👩‍👧‍👦z".repeat(20);
        CallOutcome outcome = ask("[[fake answer=\"" + answer + "\" chunks=1000]]");

        assertThat(outcome).isInstanceOfSatisfying(Finished.class, finished -> assertThat(finished.text())
                .isEqualTo(answer));
        assertThat(deltas).allSatisfy(delta -> {
            assertThat(Character.isLowSurrogate(delta.charAt(0))).isFalse();
            assertThat(Character.isHighSurrogate(delta.charAt(delta.length() - 1)))
                    .isFalse();
        });
    }

    @ParameterizedTest
    @CsvSource({
        "status=429, COOL, RATE_LIMITED, PT30S, false",
        "status=429 retry=45.8s, COOL, RATE_LIMITED, PT45.8S, false",
        "status=429 quota=day retry=12s, COOL, DAILY_QUOTA, PT12S, true",
        "status=429 quota=day without=retryInfo, COOL, DAILY_QUOTA, , true",
        "status=429 without=quotaFailure, COOL, RATE_LIMITED, PT30S, false",
        "'status=429 without=retryInfo,quotaFailure', COOL, RATE_LIMITED, , false",
        "status=429 without=details, COOL, RATE_LIMITED, , false",
        "error=429 retry=7s, COOL, RATE_LIMITED, PT7S, false",
        "error=429 quota=day, COOL, DAILY_QUOTA, PT30S, true",
        "invalidKey, DISABLE, INVALID_KEY, , false",
        "status=402, DISABLE, ACCOUNT_EXHAUSTED, , false",
        "status=403, DISABLE, KEY_FORBIDDEN, , false",
        "error=403, DISABLE, KEY_FORBIDDEN, , false",
    })
    void aKeysTroubleNamesTheRemedy(
            String fault, KeyTrouble.Remedy remedy, KeyTrouble.Reason reason, Duration delay, boolean perDay) {
        CallOutcome outcome = ask("[[fake " + fault + "]]");

        assertThat(outcome).isInstanceOfSatisfying(KeyTrouble.class, trouble -> {
            assertThat(trouble.remedy()).isEqualTo(remedy);
            assertThat(trouble.reason()).isEqualTo(reason);
            assertThat(trouble.retryDelay()).isEqualTo(Optional.ofNullable(delay));
            assertThat(trouble.perDay()).isEqualTo(perDay);
            assertThat(trouble.requestSent()).isTrue();
        });
    }

    @ParameterizedTest
    @CsvSource({
        "status=500, SERVER_ERROR",
        "status=502, BAD_GATEWAY",
        "status=503, OVERLOADED",
        "status=503 without=details, OVERLOADED",
        "status=504, UPSTREAM_TIMEOUT",
        "error=500, SERVER_ERROR",
        "error=503, OVERLOADED",
        "error=504, UPSTREAM_TIMEOUT",
        "reset=before, CONNECTION_LOST",
        "reset=middle, CONNECTION_LOST",
        "cut=clean, CUT_STREAM",
        "malformed, UNREADABLE",
    })
    void whatPassesIsTransient(String fault, Kind kind) {
        CallOutcome outcome = ask("[[fake " + fault + "]]");

        assertThat(outcome).isInstanceOfSatisfying(Transient.class, passing -> {
            assertThat(passing.kind()).as(passing.diagnosis()).isEqualTo(kind);
            assertThat(passing.requestSent()).isTrue();
        });
    }

    @Test
    void aStreamCutOffIsTransient() {
        assertThat(ask("[[fake cut=abrupt]]"))
                .isInstanceOfSatisfying(Transient.class, failed -> assertThat(failed.kind())
                        .isIn(Kind.CUT_STREAM, Kind.CONNECTION_LOST));
    }

    @ParameterizedTest
    @CsvSource({
        "status=400, request-refused",
        "status=404, model-not-found",
        "error=400, request-refused",
        "error=404, model-not-found",
        "blocked=SAFETY, prompt-blocked",
        "blocked=PROHIBITED_CONTENT, prompt-blocked",
        "finish=SAFETY, answer-blocked",
        "finish=PROHIBITED_CONTENT, answer-blocked",
        "finish=RECITATION, answer-recitation",
        "finish=LANGUAGE, answer-language",
        "finish=OTHER, answer-stopped",
        "finish=SOMETHING_NEW, answer-stopped",
        "empty, answer-empty",
    })
    void whatWillNotPassIsFinalWithASentenceForTheUser(String fault, String type) {
        CallOutcome outcome = ask("[[fake " + fault + "]]");

        assertThat(outcome).isInstanceOfSatisfying(Final.class, failed -> {
            assertThat(failed.failure().type()).isEqualTo("urn:parley:problem:" + type);
            assertThat(failed.failure().detail()).endsWith(".").doesNotContain("HTTP", "40", "Exception");
            assertThat(failed.requestSent()).isTrue();
        });
    }

    @Test
    void aModelThatIsNotThereIsNamed() {
        var request = Requests.of("gemini-0.1-nano", Optional.empty(), Sampling.DEFAULT, new Turn(Role.USER, "Hello"));
        assertThat(client.stream(Requests.KEY, request, deltas::add, new Cancellation()))
                .isInstanceOfSatisfying(
                        Final.class,
                        failed -> assertThat(failed.failure().detail()).contains("gemini-0.1-nano"));
    }

    @Test
    void aModelNameThatCouldLeadElsewhereIsNeverSent() {
        var request = Requests.of("../../admin", Optional.empty(), Sampling.DEFAULT, new Turn(Role.USER, "Hello"));
        assertThat(client.stream(Requests.KEY, request, deltas::add, new Cancellation()))
                .isInstanceOfSatisfying(
                        Final.class, failed -> assertThat(failed.requestSent()).isFalse());
    }

    @Test
    void anAnswerAtTheTokenLimitIsFinishedWithANotice() {
        assertThat(ask("[[fake finish=MAX_TOKENS answer=\"one two three\"]]"))
                .isInstanceOfSatisfying(Finished.class, finished -> {
                    assertThat(finished.reason()).isEqualTo(FinishReason.MAX_TOKENS);
                    assertThat(finished.text()).isEqualTo(String.join("", deltas));
                    assertThat(finished.notice()).contains(Sentences.CUT_AT_LIMIT);
                });
    }

    @Test
    void aLineOfAnySizeWithinTheBoundIsRead() {
        assertThat(ask("[[fake line=900000]]")).isInstanceOfSatisfying(Finished.class, finished -> assertThat(
                        finished.text().length())
                .isGreaterThan(900_000));
    }

    @Test
    void aLineAboveTheBoundEndsTheCall() {
        GeminiOptions options = GeminiOptions.of(fake.baseUri()).withBounds(10_000, 1 << 20, 1_000_000);
        try (GeminiClient own = GeminiClient.open(options)) {
            assertThat(ask(own, "[[fake line=20000]]"))
                    .isInstanceOfSatisfying(
                            Transient.class, failed -> assertThat(failed.kind()).isEqualTo(Kind.UNREADABLE));
        }
    }

    @Test
    void aResponseAboveTheBoundEndsTheCallBeforeItIsInMemory() {
        GeminiOptions options = GeminiOptions.of(fake.baseUri()).withBounds(10_000_000, 100_000, 1_000_000);
        try (GeminiClient own = GeminiClient.open(options)) {
            assertThat(ask(own, "[[fake line=5000000]]"))
                    .isInstanceOfSatisfying(Transient.class, failed -> assertThat(failed.diagnosis())
                            .contains("100000 bytes"));
        }
    }

    @Test
    void anAnswerAboveTheBoundIsFinal() {
        GeminiOptions options = GeminiOptions.of(fake.baseUri()).withBounds(1 << 20, 1 << 20, 100);
        try (GeminiClient own = GeminiClient.open(options)) {
            assertThat(ask(own, "[[fake size=5000 chunks=50]]"))
                    .isInstanceOfSatisfying(
                            Final.class, failed -> assertThat(failed.failure()).isEqualTo(Sentences.TOO_LONG));
            assertThat(String.join("", deltas).length()).isLessThanOrEqualTo(100);
        }
    }

    @Test
    void aModelThatNeverBeginsEndsByTheFirstByteTimeout() {
        try (GeminiClient own = with(LONG, SHORT, LONG, LONG)) {
            assertThat(ask(own, "[[fake hang=before]]")).isInstanceOfSatisfying(Transient.class, failed -> {
                assertThat(failed.kind()).isEqualTo(Kind.FIRST_BYTE_TIMEOUT);
                assertThat(failed.requestSent()).isTrue();
            });
        }
    }

    @Test
    void aStreamThatHangsEndsByTheIdleTimeout() {
        try (GeminiClient own = with(LONG, LONG, SHORT, LONG)) {
            assertThat(ask(own, "[[fake hang=middle]]"))
                    .isInstanceOfSatisfying(
                            Transient.class, failed -> assertThat(failed.kind()).isEqualTo(Kind.IDLE_TIMEOUT));
            assertThat(deltas).isNotEmpty();
        }
    }

    @Test
    void aStreamThatNeverEndsEndsByTheTotalTimeout() {
        try (GeminiClient own = with(LONG, LONG, LONG, SHORT)) {
            assertThat(ask(own, "[[fake size=100000 chunks=10000 chunk=10ms]]"))
                    .isInstanceOfSatisfying(
                            Transient.class, failed -> assertThat(failed.kind()).isEqualTo(Kind.TOTAL_TIMEOUT));
        }
    }

    @Test
    void aServerThatTakesNoConnectionsGetsNoRequest() throws Exception {
        int port;
        try (ServerSocket taken = new ServerSocket(0)) {
            port = taken.getLocalPort();
        }
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(URI.create("http://127.0.0.1:" + port)))) {
            assertThat(ask(own, "Hello")).isInstanceOfSatisfying(Transient.class, failed -> {
                assertThat(failed.kind()).isEqualTo(Kind.CONNECT_FAILED);
                assertThat(failed.requestSent()).isFalse();
            });
        }
    }

    @Test
    void aNameThatDoesNotExistGetsNoRequest() {
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(URI.create("http://nobody.invalid")))) {
            assertThat(ask(own, "Hello"))
                    .isInstanceOfSatisfying(Failed.class, failed -> assertThat(failed.requestSent())
                            .isFalse());
        }
    }

    @Test
    void cancellingEndsACallThatWaitsForItsFirstByte() throws Exception {
        Cancellation cancellation = new Cancellation();
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<CallOutcome> call = executor.submit(() -> client.stream(
                    Requests.KEY, Requests.asking("[[fake gate=never at=0]]"), deltas::add, cancellation));
            await().until(() -> fake.held("never") == 1);
            cancellation.cancel("the user left");
            assertThat(call.get()).isEqualTo(new Cancelled(true, ""));
        }
    }

    @Test
    void cancellingEndsACallInMidStreamAndKeepsItsText() throws Exception {
        Cancellation cancellation = new Cancellation();
        CountDownLatch heard = new CountDownLatch(1);
        // From a platform thread, where an interrupt would not wake the read.
        try (var executor = Executors.newSingleThreadExecutor()) {
            Future<CallOutcome> call = executor.submit(() -> client.stream(
                    Requests.KEY,
                    Requests.asking("[[fake answer=\"first second\" chunks=2 gate=never at=1]]"),
                    delta -> {
                        deltas.add(delta);
                        heard.countDown();
                    },
                    cancellation));
            assertThat(heard.await(1, TimeUnit.MINUTES)).isTrue();
            cancellation.cancel("the user left");
            assertThat(call.get()).isEqualTo(new Cancelled(true, String.join("", deltas)));
        }
    }

    @Test
    void aCallCancelledBeforeItBeginsIsNeverSent() {
        Cancellation cancellation = new Cancellation();
        cancellation.cancel("at once");
        assertThat(client.stream(Requests.KEY, Requests.asking("Hello"), deltas::add, cancellation))
                .isEqualTo(new Cancelled(false, ""));
    }

    @Test
    void closingTheClientEndsItsCalls() throws Exception {
        GeminiClient own = GeminiClient.open(GeminiOptions.of(fake.baseUri()));
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<CallOutcome> call = executor.submit(() -> ask(own, "[[fake gate=never at=0]]"));
            await().until(() -> fake.held("never") == 1);
            own.close();
            assertThat(call.get()).isInstanceOf(Cancelled.class);
        }
    }

    @Test
    void anInterruptEndsACallAndStaysSet() throws Exception {
        var result = new CompletableFuture<Object>();
        Thread thread = Thread.ofVirtual().start(() -> {
            CallOutcome outcome = ask("[[fake gate=never at=0]]");
            result.complete(List.of(outcome, Thread.currentThread().isInterrupted()));
        });
        await().until(() -> fake.held("never") == 1);
        thread.interrupt();
        assertThat(result.get()).isEqualTo(List.of(new Cancelled(true, ""), true));
    }

    @Test
    void whatTheListenerThrowsReachesTheCallerAndTheConnectionIsNotUsedAgain() {
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(fake.baseUri()))) {
            assertThatThrownBy(() -> own.stream(
                            Requests.KEY,
                            Requests.asking("[[fake size=1000 chunks=10]]"),
                            delta -> {
                                throw new IllegalStateException("the lease is lost");
                            },
                            new Cancellation()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("the lease is lost");
            assertThat(own.idleConnections()).isZero();
        }
    }

    @Test
    void afterAFailureTheNextCallWorks() {
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(fake.baseUri()))) {
            for (String fault : List.of("status=503", "reset=before", "cut=abrupt", "malformed", "error=503")) {
                assertThat(ask(own, "[[fake " + fault + "]]")).isInstanceOf(Transient.class);
                assertThat(ask(own, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
            }
        }
    }

    @Test
    void twoHundredStreamsAtOnceArriveWhole() throws Exception {
        int streams = 200;
        try (GeminiClient own = GeminiClient.open(
                        GeminiOptions.of(fake.baseUri()).withConnections(streams, Duration.ofMinutes(1)));
                var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<CallOutcome>> calls = IntStream.range(0, streams)
                    .mapToObj(i -> executor.submit(() -> own.stream(
                            Requests.KEY,
                            Requests.asking(
                                    "[[fake answer=\"number " + i + " of many words\" chunks=5 gate=all at=2]]"),
                            delta -> {},
                            new Cancellation())))
                    .toList();
            // All are in mid-stream together before one may end.
            await().atMost(Duration.ofMinutes(2)).until(() -> fake.held("all") == streams);
            fake.release("all");
            for (int i = 0; i < streams; i++) {
                String expected = "number " + i + " of many words";
                assertThat(calls.get(i).get())
                        .isInstanceOfSatisfying(Finished.class, finished -> assertThat(finished.text())
                                .isEqualTo(expected));
            }
            assertThat(own.idleConnections()).isEqualTo(streams);
        }
    }

    @Test
    void moreCallsThanConnectionsWaitAndFailUnsent() throws Exception {
        GeminiOptions options =
                GeminiOptions.of(fake.baseUri()).withConnections(1, LONG).withTimeouts(SHORT, LONG, LONG, LONG);
        Cancellation cancellation = new Cancellation();
        try (GeminiClient own = GeminiClient.open(options);
                var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            executor.submit(() ->
                    own.stream(Requests.KEY, Requests.asking("[[fake gate=never at=0]]"), delta -> {}, cancellation));
            await().until(() -> fake.held("never") == 1);
            assertThat(ask(own, "Hello")).isInstanceOfSatisfying(Transient.class, failed -> {
                assertThat(failed.kind()).isEqualTo(Kind.CONNECT_TIMEOUT);
                assertThat(failed.requestSent()).isFalse();
            });
            cancellation.cancel("done");
        }
    }

    @Test
    void anUnusedConnectionIsNotKeptForEver() {
        GeminiOptions options = GeminiOptions.of(fake.baseUri()).withConnections(5, Duration.ofMillis(200));
        try (GeminiClient own = GeminiClient.open(options)) {
            assertThat(ask(own, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
            await().until(() -> own.idleConnections() == 0);
            assertThat(ask(own, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
        }
    }

    @Test
    void aConnectionThatTheServerClosedMeanwhileIsNotUsed() {
        FakeGemini mortal = FakeGemini.start(Options.defaults().withoutHttps());
        URI uri = mortal.baseUri();
        try (GeminiClient own = GeminiClient.open(GeminiOptions.of(uri))) {
            assertThat(ask(own, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
            mortal.close();
            mortal = FakeGemini.start(Options.defaults().withoutHttps().withPort(uri.getPort()));
            // The first one may have been sent before the close was noticed; it never hangs, and the next one works.
            ask(own, "[[fake answer=hello]]");
            assertThat(ask(own, "[[fake answer=hello]]")).isInstanceOf(Finished.class);
        } finally {
            mortal.close();
        }
    }

    @Test
    void noOutcomeAndNoOptionsHoldTheKey() {
        for (String fault : List.of("invalidKey", "status=403", "status=429", "reset=before", "status=400")) {
            assertThat(ask("[[fake " + fault + "]]").toString()).doesNotContain(Requests.KEY.secret());
        }
        assertThat(Requests.KEY.toString()).startsWith("key:").hasSize(12).doesNotContain(Requests.KEY.secret());
        assertThat(GeminiOptions.of(fake.baseUri())
                        .withProxy(URI.create("http://user:sesame@proxy:1"))
                        .toString())
                .doesNotContain("sesame");
    }
}
