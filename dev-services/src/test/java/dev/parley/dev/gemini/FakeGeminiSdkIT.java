package dev.parley.dev.gemini;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.genai.Client;
import com.google.genai.errors.ApiException;
import com.google.genai.types.FinishReason;
import com.google.genai.types.GenerateContentConfig;
import com.google.genai.types.GenerateContentResponse;
import com.google.genai.types.HttpOptions;
import com.google.genai.types.HttpRetryOptions;
import com.google.genai.types.ListModelsConfig;
import com.google.genai.types.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Google's own client against the fake: what it understands is not only our idea of Gemini. */
class FakeGeminiSdkIT {
    private static final String MODEL = Options.DEFAULT_MODEL;

    private final FakeGemini gemini = FakeGemini.start(Options.defaults()
            .withoutHttps()
            .withKeys(Map.of("key-of-alice", "one"))
            .withQuota(Quota.perMinute(3)));
    private final Client client = client("key-of-alice");

    private Client client(String key) {
        return Client.builder()
                .apiKey(key)
                .vertexAI(false)
                .httpOptions(HttpOptions.builder()
                        .baseUrl(gemini.baseUri().toString())
                        .timeout(20_000)
                        .retryOptions(HttpRetryOptions.builder().attempts(1).build())
                        .build())
                .build();
    }

    @AfterEach
    void close() {
        client.close();
        gemini.close();
    }

    @Test
    void aPlainCallIsAnswered() {
        GenerateContentResponse answer = client.models.generateContent(
                MODEL,
                "What is a lease?",
                GenerateContentConfig.builder().temperature(0.5f).build());

        assertThat(answer.text()).contains("What is a lease?", "|---|", "```", "$$");
        assertThat(answer.finishReason().knownEnum()).isEqualTo(FinishReason.Known.STOP);
        assertThat(answer.modelVersion()).contains(MODEL);
        assertThat(answer.responseId()).isPresent();
        var usage = answer.usageMetadata().orElseThrow();
        assertThat(usage.totalTokenCount().orElseThrow())
                .isEqualTo(usage.promptTokenCount().orElseThrow()
                        + usage.candidatesTokenCount().orElseThrow());
    }

    @Test
    void aStreamAddsUpToThePlainAnswer() {
        String prompt = "Tell me of outboxes [[fake chunks=7]]";
        List<GenerateContentResponse> parts = new ArrayList<>();
        try (var stream = client.models.generateContentStream(MODEL, prompt, null)) {
            stream.forEach(parts::add);
        }

        assertThat(parts).hasSize(7);
        assertThat(String.join(
                        "", parts.stream().map(GenerateContentResponse::text).toList()))
                .isEqualTo(client.models.generateContent(MODEL, prompt, null).text());
        assertThat(parts.getLast().finishReason().knownEnum()).isEqualTo(FinishReason.Known.STOP);
        assertThat(gemini.report().prompt(prompt).orElseThrow().completed()).isEqualTo(2);
    }

    @Test
    void whatIsOverTheQuotaIsRefused() {
        for (int i = 0; i < 3; i++) {
            client.models.generateContent(MODEL, "call " + i, null);
        }

        ApiException refused = catchThrowableOfType(
                ApiException.class, () -> client.models.generateContent(MODEL, "one too many", null));

        assertThat(refused.code()).isEqualTo(429);
        assertThat(refused.status()).isEqualTo("RESOURCE_EXHAUSTED");
        assertThat(refused.message()).contains("Please retry in ");
        assertThat(gemini.report().key("key-of-alice"))
                .contains(new Report.KeyUse(Ledger.mask("key-of-alice"), "one", 4, 1, 4));
    }

    @Test
    void anErrorIsUnderstood() {
        ApiException failed = catchThrowableOfType(
                ApiException.class, () -> client.models.generateContent(MODEL, "[[fake status=503]]", null));
        assertThat(failed.code()).isEqualTo(503);
        assertThat(failed.status()).isEqualTo("UNAVAILABLE");
        assertThat(failed.message()).isEqualTo("The model is overloaded. Please try again later.");

        ApiException streamed = catchThrowableOfType(ApiException.class, () -> client.models
                .generateContentStream(MODEL, "[[fake status=500]]", null)
                .close());
        assertThat(streamed.code()).isEqualTo(500);
        assertThat(streamed.status()).isEqualTo("INTERNAL");
    }

    @Test
    void anUnknownKeyAndAnUnknownModelAreRefused() {
        try (Client stranger = client("nobody")) {
            ApiException refused = catchThrowableOfType(
                    ApiException.class, () -> stranger.models.generateContent(MODEL, "Hello", null));
            assertThat(refused.code()).isEqualTo(400);
            assertThat(refused.message()).contains("API key not valid");
        }
        ApiException missing = catchThrowableOfType(
                ApiException.class, () -> client.models.generateContent("gemini-0", "Hello", null));
        assertThat(missing.code()).isEqualTo(404);
        assertThat(missing.status()).isEqualTo("NOT_FOUND");
    }

    @Test
    void tokensAreCountedAsTheAnswerCountsThem() {
        String prompt = "How many tokens are these?";
        int counted =
                client.models.countTokens(MODEL, prompt, null).totalTokens().orElseThrow();

        assertThat(counted)
                .isEqualTo(client.models
                        .generateContent(MODEL, prompt, null)
                        .usageMetadata()
                        .flatMap(usage -> usage.promptTokenCount())
                        .orElseThrow());
    }

    @Test
    void modelsAreListedPageByPage() {
        var models = new ArrayList<Model>();
        client.models.list(ListModelsConfig.builder().pageSize(4).build()).forEach(models::add);

        assertThat(models.stream().map(model -> model.name().orElseThrow().replace("models/", "")))
                .containsExactlyElementsOf(Options.defaults().models());
        assertThat(client.models.get(MODEL, null).inputTokenLimit()).contains(1_048_576);
    }
}
