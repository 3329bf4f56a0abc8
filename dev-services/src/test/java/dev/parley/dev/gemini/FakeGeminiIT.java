package dev.parley.dev.gemini;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The fake seen from the wire: each fault, and a stream that is one. */
class FakeGeminiIT {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String KEY = "AIza-a-key-of-some-length";
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final FakeGemini gemini = FakeGemini.start(Options.defaults());
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE)
            .build();

    @AfterEach
    void close() {
        gemini.close();
        client.close();
    }

    // The shape of an answer

    @Test
    void anAnswerIsTheSameEveryTimeAndDiffersByPrompt() throws Exception {
        String one = text(JSON.readTree(whole("Why is the sky blue?").body()));

        assertThat(text(JSON.readTree(whole("Why is the sky blue?").body()))).isEqualTo(one);
        assertThat(text(JSON.readTree(whole("Why is grass green?").body()))).isNotEqualTo(one);
        assertThat(one).hasSizeBetween(500, 2_500).contains("> Why is the sky blue?", "|---|", "```", "$$", "## ");
    }

    @Test
    void aStreamIsTheWholeAnswerInPiecesWithOneFinishReasonAtItsEnd() throws Exception {
        List<JsonNode> chunks = events("Hello 👋🏽 [[fake chunks=9]]");

        assertThat(chunks).hasSize(9);
        assertThat(text(chunks))
                .isEqualTo(
                        text(JSON.readTree(whole("Hello 👋🏽 [[fake chunks=9]]").body())));
        assertThat(chunks.subList(0, 8))
                .noneMatch(chunk -> chunk.at("/candidates/0").has("finishReason"));
        assertThat(chunks.getLast().at("/candidates/0/finishReason").asText()).isEqualTo("STOP");
        assertThat(chunks)
                .extracting(chunk -> chunk.path("responseId").asText())
                .containsOnly(chunks.getFirst().path("responseId").asText());
        assertThat(chunks)
                .allMatch(chunk -> chunk.at("/usageMetadata/totalTokenCount").asInt() > 0);
    }

    @Test
    void withoutSseAStreamIsAJsonArray() throws Exception {
        JsonNode array = JSON.readTree(
                send("streamGenerateContent", "Hello [[fake chunks=3]]").body());

        assertThat(array).hasSize(3);
        assertThat(array.get(2).at("/candidates/0/finishReason").asText()).isEqualTo("STOP");
        JsonNode error = JSON.readTree(
                send("streamGenerateContent", "[[fake status=503]]").body());
        assertThat(error.get(0).at("/error/status").asText()).isEqualTo("UNAVAILABLE");
    }

    @Test
    void sizeAndChunksAreExactAndNeverSplitACodePoint() throws Exception {
        List<JsonNode> chunks = events("🙂🙂🙂🙂🙂🙂 [[fake size=401 chunks=200]]");

        assertThat(chunks).hasSizeBetween(190, 200);
        assertThat(text(chunks)).hasSize(401);
        assertThat(chunks).noneMatch(chunk -> {
            String text = text(chunk);
            return Character.isLowSurrogate(text.charAt(0))
                    || Character.isHighSurrogate(text.charAt(text.length() - 1));
        });
        assertThat(text(events("[[fake answer=\"One two.\"]]"))).isEqualTo("One two.");
        assertThat(text(events("Who? [[fake short]]"))).hasSize(Answers.SHORT).contains("Who?");
    }

    @Test
    void maxOutputTokensCutsTheAnswer() throws Exception {
        HttpResponse<String> response = post(
                "generateContent",
                "{\"contents\":[{\"parts\":[{\"text\":\"Hi\"}]}],\"generationConfig\":{\"maxOutputTokens\":5}}");
        JsonNode answer = JSON.readTree(response.body());

        assertThat(text(answer)).hasSize(20);
        assertThat(answer.at("/candidates/0/finishReason").asText()).isEqualTo("MAX_TOKENS");
        assertThat(answer.at("/usageMetadata/candidatesTokenCount").asInt()).isEqualTo(5);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void chunksArriveWhileTheServerStillHoldsTheRest(boolean secure) throws Exception {
        String prompt = "Wait for me [[fake chunks=5 gate=door at=2]]";
        HttpClient used = secure ? trusting() : client;
        HttpResponse<InputStream> response = used.send(
                request(secure ? gemini.httpsUri() : gemini.baseUri(), "streamGenerateContent?alt=sse", prompt(prompt)),
                BodyHandlers.ofInputStream());
        try (var lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            assertThat(lines.readLine()).startsWith("data: {");
            assertThat(lines.readLine()).isEmpty();
            assertThat(lines.readLine()).startsWith("data: {");
            await().atMost(PATIENCE).until(() -> gemini.held("door") == 1);
            assertThat(gemini.report().prompt(prompt).orElseThrow().completed()).isZero();

            gemini.release("door");

            assertThat(lines.lines().filter(line -> line.startsWith("data: "))).hasSize(3);
        }
        assertThat(gemini.report().prompt(prompt).orElseThrow())
                .isEqualTo(new Report.PromptUse(prompt, 1, 1, Map.of("200", 1)));
    }

    @Test
    void aGateBeforeTheHeadersHoldsThemBackUntilTheAdminCall() throws Exception {
        CompletableFuture<HttpResponse<String>> answer = client.sendAsync(
                request(gemini.baseUri(), "streamGenerateContent?alt=sse", prompt("[[fake gate=g at=0 short]]")),
                BodyHandlers.ofString());
        await().atMost(PATIENCE).until(() -> gemini.held("g") == 1);
        assertThat(answer).isNotDone();

        assertThat(admin("release", "{\"gate\":\"g\"}").statusCode()).isEqualTo(200);

        assertThat(answer.get().body()).contains("STOP");
    }

    // Errors instead of an answer

    @ParameterizedTest
    @CsvSource({
        "400, INVALID_ARGUMENT",
        "402, FAILED_PRECONDITION",
        "403, PERMISSION_DENIED",
        "404, NOT_FOUND",
        "429, RESOURCE_EXHAUSTED",
        "500, INTERNAL",
        "502, UNAVAILABLE",
        "503, UNAVAILABLE",
        "504, DEADLINE_EXCEEDED"
    })
    void everyStatusHasTheBodyOfTheRealOne(int code, String status) throws Exception {
        HttpResponse<String> response = stream("[[fake status=" + code + "]]");

        assertThat(response.statusCode()).isEqualTo(code);
        JsonNode error = JSON.readTree(response.body()).path("error");
        assertThat(error.path("code").asInt()).isEqualTo(code);
        assertThat(error.path("status").asText()).isEqualTo(status);
        assertThat(error.path("message").asText()).isNotBlank();
        assertThat(gemini.report().outcomes()).isEqualTo(Map.of(Integer.toString(code), 1));
    }

    @Test
    void aQuotaErrorNamesItsQuotaAndDelay() throws Exception {
        JsonNode minute = error("[[fake status=429 quota=minute retry=12.5s]]");
        JsonNode violation = detail(minute, "QuotaFailure").at("/violations/0");
        assertThat(violation.path("quotaId").asText()).contains("PerMinute");
        assertThat(violation.path("quotaMetric").asText()).startsWith("generativelanguage.googleapis.com/");
        assertThat(violation.at("/quotaDimensions/model").asText()).isEqualTo(Options.DEFAULT_MODEL);
        assertThat(violation.path("quotaValue").asText()).isEqualTo("10");
        assertThat(detail(minute, "RetryInfo").path("retryDelay").asText()).isEqualTo("12.5s");

        assertThat(detail(error("[[fake status=429 quota=day]]"), "QuotaFailure")
                        .at("/violations/0/quotaId")
                        .asText())
                .contains("PerDay");

        JsonNode bare = error("[[fake status=429 without=retryInfo,quotaFailure]]");
        assertThat(detail(bare, "QuotaFailure").isMissingNode()).isTrue();
        assertThat(detail(bare, "RetryInfo").isMissingNode()).isTrue();
        assertThat(bare.path("message").asText()).doesNotContain("retry in");
        assertThat(error("[[fake status=429 without=details]]").has("details")).isFalse();
    }

    @Test
    void anInvalidKeyIsA400WithItsReason() throws Exception {
        for (String marker : List.of("[[fake invalidKey]]", "[[fake status=400 reason=API_KEY_INVALID]]")) {
            assertThat(whole(marker).statusCode()).isEqualTo(400);
            assertThat(detail(error(marker), "ErrorInfo").path("reason").asText())
                    .isEqualTo("API_KEY_INVALID");
        }
        JsonNode disabled = error("[[fake status=403 reason=SERVICE_DISABLED]]");
        assertThat(detail(disabled, "ErrorInfo").path("reason").asText()).isEqualTo("SERVICE_DISABLED");
    }

    @Test
    void theFirstCallsFailAndThoseAfterThemSucceed() throws Exception {
        String prompt = "Try again [[fake status=503 times=2]]";

        assertThat(List.of(
                        whole(prompt).statusCode(),
                        stream(prompt).statusCode(),
                        stream(prompt).statusCode(),
                        whole("Another [[fake status=503 times=2]]").statusCode()))
                .containsExactly(503, 503, 200, 503);
        assertThat(gemini.report().prompt(prompt))
                .contains(new Report.PromptUse(prompt, 3, 1, Map.of("503", 2, "200", 1)));
    }

    // Broken connections

    @ParameterizedTest
    @ValueSource(strings = {"reset=before", "reset=middle", "cut=abrupt"})
    void aBrokenConnectionFailsTheCall(String fault) {
        for (String method : List.of("generateContent", "streamGenerateContent?alt=sse")) {
            assertThatThrownBy(() -> send(method, "[[fake " + fault + "]]")).isInstanceOf(IOException.class);
        }
        assertThat(gemini.report().outcomes()).isEqualTo(Map.of(fault.startsWith("reset") ? "reset" : "cut", 2));
    }

    @Test
    void aResetIsARealReset() throws Exception {
        assertThat(catchThrowableOfType(SocketException.class, () -> raw("[[fake reset=before]]")))
                .hasMessageContaining("reset");
        assertThat(catchThrowableOfType(SocketException.class, () -> raw("[[fake reset=middle]]")))
                .hasMessageContaining("reset");
    }

    @Test
    void anAbruptCutEndsTheConnectionAfterSomeOfTheText() throws Exception {
        String answer = raw("[[fake cut=abrupt chunks=4]]");

        assertThat(answer.split("data: ", -1)).hasSize(1 + 2);
        assertThat(answer).doesNotContain("finishReason").doesNotEndWith("0\r\n\r\n");
    }

    @Test
    void aCleanCutEndsTheStreamWithoutAFinishReason() throws Exception {
        List<JsonNode> chunks = events("[[fake cut=clean chunks=4 at=3]]");

        assertThat(chunks).hasSize(3);
        assertThat(chunks).noneMatch(chunk -> chunk.at("/candidates/0").has("finishReason"));
        assertThat(events("[[fake cut=clean answer=x]]")).hasSize(1).noneMatch(chunk -> chunk.at("/candidates/0")
                .has("finishReason"));
        assertThat(JSON.readTree(whole("[[fake cut=clean]]").body())
                        .at("/candidates/0")
                        .has("finishReason"))
                .isFalse();
        assertThat(gemini.report().outcomes()).isEqualTo(Map.of("cut", 3));
    }

    @ParameterizedTest
    @ValueSource(strings = {"hang=before", "hang=middle", "gate=never", "first=1h", "chunk=1h"})
    void closingDoesNotWaitForWhoHangs(String behaviour) {
        CompletableFuture<HttpResponse<String>> hung = client.sendAsync(
                request(gemini.baseUri(), "streamGenerateContent?alt=sse", prompt("[[fake " + behaviour + "]]")),
                BodyHandlers.ofString());
        await().atMost(PATIENCE).until(() -> gemini.report().calls() == 1);

        gemini.close();

        assertThat(hung).failsWithin(PATIENCE);
    }

    @Test
    void aHangInTheMiddleGivesTheTextBeforeIt() throws Exception {
        HttpResponse<InputStream> response = client.send(
                request(gemini.baseUri(), "streamGenerateContent?alt=sse", prompt("[[fake hang=middle chunks=2]]")),
                BodyHandlers.ofInputStream());
        var lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8));

        assertThat(lines.readLine()).startsWith("data: {");
        await().atMost(PATIENCE).until(() -> gemini.report().outcomes().containsKey("hang"));
        gemini.close();
        assertThatThrownBy(() -> {
                    while (lines.readLine() != null) {}
                })
                .isInstanceOf(IOException.class);
    }

    @Test
    void aHangEndsByItselfAfterTheLongestHang() throws Exception {
        try (var bounded = FakeGemini.start(Options.defaults().withoutHttps().withLongestHang(Duration.ofMillis(50)))) {
            assertThatThrownBy(() -> client.send(
                            request(bounded.baseUri(), "generateContent", prompt("[[fake hang=before]]")),
                            BodyHandlers.ofString()))
                    .isInstanceOf(IOException.class);
        }
    }

    // Broken content

    @Test
    void anErrorComesInsideTheStream() throws Exception {
        List<JsonNode> chunks = events("[[fake error=503 chunks=4]]");

        assertThat(chunks).hasSize(3);
        assertThat(chunks.getLast().at("/error/code").asInt()).isEqualTo(503);
        JsonNode exhausted = events("[[fake error=429 quota=day]]").getLast().path("error");
        assertThat(detail(exhausted, "QuotaFailure").at("/violations/0/quotaId").asText())
                .contains("PerDay");
        assertThat(whole("[[fake error=503]]").statusCode()).isEqualTo(503);
    }

    @Test
    void aBlockedPromptHasNoCandidate() throws Exception {
        for (JsonNode answer : List.of(
                events("[[fake blocked=PROHIBITED_CONTENT]]").getFirst(),
                JSON.readTree(whole("[[fake blocked=PROHIBITED_CONTENT]]").body()))) {
            assertThat(answer.at("/promptFeedback/blockReason").asText()).isEqualTo("PROHIBITED_CONTENT");
            assertThat(answer.has("candidates")).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"SAFETY", "MAX_TOKENS", "RECITATION"})
    void anAnswerStopsWithTheGivenReason(String reason) throws Exception {
        List<JsonNode> chunks = events("[[fake chunks=6 at=2 finish=" + reason + "]]");

        assertThat(chunks).hasSize(3);
        assertThat(chunks.getLast().at("/candidates/0/finishReason").asText()).isEqualTo(reason);
        assertThat(text(chunks)).isNotEmpty();
        JsonNode whole = JSON.readTree(
                whole("[[fake chunks=6 at=2 finish=" + reason + "]]").body());
        assertThat(whole.at("/candidates/0/finishReason").asText()).isEqualTo(reason);
        assertThat(text(whole)).isEqualTo(text(chunks));
    }

    @Test
    void anEmptyAnswerFinishesWithoutText() throws Exception {
        List<JsonNode> chunks = events("[[fake empty]]");

        assertThat(text(chunks)).isEmpty();
        assertThat(chunks.getLast().at("/candidates/0/finishReason").asText()).isEqualTo("STOP");
    }

    @Test
    void aVeryLongLineIsOneLine() throws Exception {
        HttpResponse<String> response = stream("[[fake line=3000000]]");

        assertThat(response.body().lines().mapToInt(String::length).max().orElseThrow())
                .isGreaterThan(3_000_000);
        assertThat(response.body()).contains("STOP");
        assertThat(whole("[[fake line=3000000]]").body()).hasSizeGreaterThan(3_000_000);
    }

    @Test
    void malformedJsonComesInTheStream() throws Exception {
        HttpResponse<String> response = stream("[[fake malformed]]");
        String last =
                response.body().lines().filter(line -> !line.isEmpty()).toList().getLast();

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(last).startsWith("data: {");
        assertThatThrownBy(() -> JSON.readTree(last.substring(6))).isInstanceOf(IOException.class);
        String whole = whole("[[fake malformed]]").body();
        assertThatThrownBy(() -> JSON.readTree(whole)).isInstanceOf(IOException.class);
    }

    // Checking requests

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{}; contents",
                "{\"contents\":[]}; contents",
                "{\"contents\":3}; contents",
                "{\"contents\":[{\"role\":\"user\"}]}; contents[0].parts",
                "{\"contents\":[{\"parts\":[{}]}]}; contents[0].parts[0].data",
                "{\"contents\":[{\"parts\":[{\"text\":1}]}]}; contents[0].parts[0].text",
                "{\"contents\":[{\"role\":\"system\",\"parts\":[{\"text\":\"a\"}]}]}; contents[0].role",
                "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"generationConfig\":{\"temperature\":3}};"
                        + " generation_config.temperature",
                "{\"contents\":[{\"parts\":[{\"text\":\"[[fake first=soon]]\"}]}]}; marker.first"
            })
    void aWrongRequestIsA400ThatNamesTheField(String body, String field) throws Exception {
        HttpResponse<String> response = post("generateContent", body);

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = JSON.readTree(response.body()).path("error");
        assertThat(error.path("status").asText()).isEqualTo("INVALID_ARGUMENT");
        assertThat(detail(error, "BadRequest").at("/fieldViolations/0/field").asText())
                .isEqualTo(field);
    }

    @Test
    void whatWasAskedBeforeWithoutAnAnswerIsNotAskedAgain() throws Exception {
        HttpResponse<String> response = post(
                "generateContent",
                "{\"contents\":[{\"parts\":[{\"text\":\"One [[fake status=400]]\"},{\"text\":\"Two [[fake status=503]]\"},"
                        + "{\"text\":\"Three [[fake short]]\"}]}]}");

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(text(JSON.readTree(response.body()))).contains("Three").doesNotContain("One", "Two");
    }

    @Test
    void whatIsNotJsonOrHasUnknownNamesIsA400() throws Exception {
        for (String body : List.of("{", "[]", "", "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"wrong\":1}")) {
            assertThat(post("generateContent", body).statusCode()).as(body).isEqualTo(400);
        }
        assertThat(post("generateContent", "{\"wrong\":1}").body()).contains("Unknown name \\\"wrong\\\"");
    }

    @Test
    void aKeyIsNeededInTheHeaderOrTheQuery() throws Exception {
        URI uri = gemini.baseUri().resolve("/v1beta/models/" + Options.DEFAULT_MODEL + ":generateContent");
        HttpRequest none = HttpRequest.newBuilder(uri)
                .POST(HttpRequest.BodyPublishers.ofString(prompt("Hi")))
                .build();
        assertThat(client.send(none, BodyHandlers.ofString()).statusCode()).isEqualTo(403);

        HttpRequest query = HttpRequest.newBuilder(URI.create(uri + "?key=" + KEY))
                .POST(HttpRequest.BodyPublishers.ofString(prompt("Hi")))
                .build();
        assertThat(client.send(query, BodyHandlers.ofString()).statusCode()).isEqualTo(200);
        HttpRequest list = HttpRequest.newBuilder(gemini.baseUri().resolve("/v1beta/models"))
                .build();
        assertThat(client.send(list, BodyHandlers.ofString()).statusCode()).isEqualTo(403);
    }

    // Rules, quota, report

    @Test
    void anAdminRuleHoldsForItsNumberOfCallsAndForItsKey() throws Exception {
        HttpResponse<String> set = admin("behaviour", "{\"status\":500,\"times\":2}");
        assertThat(JSON.readTree(set.body()).at("/rules/0/left").asInt()).isEqualTo(2);
        assertThat(List.of(
                        whole("a").statusCode(),
                        whole("b").statusCode(),
                        whole("c").statusCode()))
                .containsExactly(500, 500, 200);

        admin("behaviour", "{\"key\":\"" + KEY + "\",\"invalidKey\":true}");
        admin("behaviour", "{\"status\":503,\"without\":[\"details\"]}");
        assertThat(whole("d").statusCode()).isEqualTo(400);
        assertThat(client.send(
                                HttpRequest.newBuilder(
                                                request(gemini.baseUri(), "generateContent", prompt("e")),
                                                (_, _) -> true)
                                        .setHeader("x-goog-api-key", "another")
                                        .build(),
                                BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(503);
        assertThat(whole("[[fake status=404]]").statusCode()).isEqualTo(404);

        gemini.clearBehaviour();
        assertThat(whole("f").statusCode()).isEqualTo(200);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{\"status\":418}; status",
                "{\"first\":5}; first",
                "{\"colour\":\"red\"}; colour",
                "{\"status\":503,\"reset\":\"before\"}; reset",
                "{\"key\":5}; key",
                "{\"times\":null}; times"
            })
    void aWrongRuleIsA400ThatNamesTheField(String body, String field) throws Exception {
        HttpResponse<String> response = admin("behaviour", body);

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = JSON.readTree(response.body()).path("error");
        assertThat(detail(error, "BadRequest").at("/fieldViolations/0/field").asText())
                .isEqualTo(field);
        assertThat(whole("still well").statusCode()).isEqualTo(200);
    }

    @Test
    void keysOfAProjectShareItsQuotaAndTheRefusalSaysHowLongToWait() throws Exception {
        try (var limited = FakeGemini.start(Options.defaults()
                .withoutHttps()
                .withKeys(Map.of(KEY, "p", "second-key", "p", "third-key", "q"))
                .withQuota(new Quota(2, Duration.ofHours(1))))) {
            List<Integer> statuses = new ArrayList<>();
            JsonNode error = JSON.nullNode();
            for (String key : List.of(KEY, "second-key", "second-key", "third-key", "unknown")) {
                HttpResponse<String> response = client.send(
                        HttpRequest.newBuilder(
                                        request(limited.baseUri(), "generateContent", prompt("x")), (_, _) -> true)
                                .setHeader("x-goog-api-key", key)
                                .build(),
                        BodyHandlers.ofString());
                statuses.add(response.statusCode());
                error = response.statusCode() == 429
                        ? JSON.readTree(response.body()).path("error")
                        : error;
            }
            assertThat(statuses).containsExactly(200, 200, 429, 200, 400);
            assertThat(detail(error, "QuotaFailure")
                            .at("/violations/0/quotaValue")
                            .asText())
                    .isEqualTo("2");
            assertThat(detail(error, "RetryInfo").path("retryDelay").asText()).matches("35\\d\\d(\\.\\d+)?s|3600s");
            assertThat(limited.report().projects())
                    .containsExactlyInAnyOrder(
                            new Report.ProjectUse("p", 3, 1, 3), new Report.ProjectUse("q", 1, 0, 1));
            assertThat(limited.report().worst()).isEqualTo(3);
        }
    }

    @Test
    void theReportTellsAllButTheKeysAndIsForgottenOnReset() throws Exception {
        whole("counted");
        whole("counted");
        HttpRequest get = HttpRequest.newBuilder(gemini.baseUri().resolve("/admin/report"))
                .build();
        String body = client.send(get, BodyHandlers.ofString()).body();
        JsonNode report = JSON.readTree(body);

        assertThat(body).doesNotContain(KEY);
        assertThat(report.at("/keys/0/key").asText()).startsWith("AIza…");
        assertThat(report.at("/keys/0/calls").asInt()).isEqualTo(2);
        assertThat(report.at("/keys/0/worst").asInt()).isEqualTo(2);
        assertThat(report.at("/prompts/0/prompt").asText()).isEqualTo("counted");
        assertThat(report.at("/prompts/0/completed").asInt()).isEqualTo(2);
        assertThat(report.at("/outcomes/200").asInt()).isEqualTo(2);
        assertThat(report.at("/windowMillis").asInt()).isEqualTo(60_000);

        assertThat(admin("reset", "").statusCode()).isEqualTo(200);
        assertThat(gemini.report())
                .isEqualTo(new Report(60_000, List.of(), List.of(), List.of(), 0, Map.of(), Map.of()));
    }

    // HTTPS

    @Test
    void theCertificateIsTrustedForItsNameAndOnlyByWhoTrustsIt() throws Exception {
        HttpResponse<String> answer =
                trusting().send(request(gemini.httpsUri(), "generateContent", prompt("Hi")), BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThatThrownBy(() -> client.send(
                        request(gemini.httpsUri(), "generateContent", prompt("Hi")), BodyHandlers.ofString()))
                .isInstanceOf(SSLHandshakeException.class);

        try (var socket = (SSLSocket) trust().getSocketFactory()
                .createSocket(new Socket("127.0.0.1", gemini.httpsUri().getPort()), "gemini.test", 0, true)) {
            var parameters = new SSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            parameters.setServerNames(List.of(new SNIHostName("gemini.test")));
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            assertThat(socket.getSession().isValid()).isTrue();
        }
    }

    @Test
    void aResetWorksOverHttpsToo() throws Exception {
        HttpClient trusting = trusting();
        for (String where : List.of("before", "middle")) {
            assertThatThrownBy(() -> trusting.send(
                            request(
                                    gemini.httpsUri(),
                                    "streamGenerateContent?alt=sse",
                                    prompt("[[fake reset=" + where + "]]")),
                            BodyHandlers.ofString()))
                    .isInstanceOf(IOException.class);
        }
    }

    private HttpClient trusting() throws Exception {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .sslContext(trust())
                .build();
    }

    private SSLContext trust() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry(
                "fake",
                CertificateFactory.getInstance("X.509")
                        .generateCertificate(
                                new ByteArrayInputStream(gemini.certificate().getBytes(StandardCharsets.US_ASCII))));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    private HttpResponse<String> whole(String prompt) throws Exception {
        return send("generateContent", prompt);
    }

    private HttpResponse<String> stream(String prompt) throws Exception {
        return send("streamGenerateContent?alt=sse", prompt);
    }

    private HttpResponse<String> send(String method, String prompt) throws Exception {
        return post(method, prompt(prompt));
    }

    private HttpResponse<String> post(String method, String body) throws Exception {
        return client.send(request(gemini.baseUri(), method, body), BodyHandlers.ofString());
    }

    private HttpResponse<String> admin(String call, String body) throws Exception {
        return client.send(
                HttpRequest.newBuilder(gemini.baseUri().resolve("/admin/" + call))
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .timeout(PATIENCE)
                        .build(),
                BodyHandlers.ofString());
    }

    private static HttpRequest request(URI base, String method, String body) {
        return HttpRequest.newBuilder(base.resolve("/v1beta/models/" + Options.DEFAULT_MODEL + ":" + method))
                .header("x-goog-api-key", KEY)
                .header("x-goog-api-client", "test")
                .header("content-type", "application/json")
                .timeout(PATIENCE)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    private static String prompt(String text) {
        var body = JSON.createObjectNode();
        var content = body.putArray("contents").addObject().put("role", "user");
        content.putArray("parts").addObject().put("text", text);
        return body.toString();
    }

    /** The bytes of a response as they are, until the connection ends. */
    private String raw(String prompt) throws IOException {
        byte[] body = prompt(prompt).getBytes(StandardCharsets.UTF_8);
        try (var socket = new Socket("127.0.0.1", gemini.baseUri().getPort())) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            socket.getOutputStream()
                    .write(("POST /v1beta/models/" + Options.DEFAULT_MODEL
                                    + ":streamGenerateContent?alt=sse HTTP/1.1\r\nHost: localhost\r\nx-goog-api-key: "
                                    + KEY + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length
                                    + "\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().write(body);
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private List<JsonNode> events(String prompt) throws Exception {
        HttpResponse<String> response = stream(prompt);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type")).contains("text/event-stream");
        List<JsonNode> events = new ArrayList<>();
        for (String line : response.body().lines().filter(l -> !l.isEmpty()).toList()) {
            assertThat(line).startsWith("data: ");
            events.add(JSON.readTree(line.substring(6)));
        }
        return events;
    }

    private JsonNode error(String prompt) throws Exception {
        return JSON.readTree(whole(prompt).body()).path("error");
    }

    private static JsonNode detail(JsonNode error, String type) {
        for (JsonNode detail : error.path("details")) {
            if (detail.path("@type").asText().equals("type.googleapis.com/google.rpc." + type)) {
                return detail;
            }
        }
        return JSON.missingNode();
    }

    private static String text(JsonNode answer) {
        return answer.at("/candidates/0/content/parts/0/text").asText();
    }

    private static String text(List<JsonNode> chunks) {
        return String.join("", chunks.stream().map(FakeGeminiIT::text).toList());
    }
}
