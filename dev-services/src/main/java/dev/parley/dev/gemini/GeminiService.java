package dev.parley.dev.gemini;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.parley.dev.gemini.Generation.Form;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** {@code /v1beta/models}: the four methods of the Gemini API that Parley uses. */
final class GeminiService implements HttpService {
    private static final HeaderName KEY = HeaderNames.create("x-goog-api-key");

    private final Options options;
    private final Models models;
    private final ObjectMapper json;
    private final Ledger ledger;
    private final Generation.Tools tools;
    private final AtomicLong calls = new AtomicLong();

    GeminiService(Options options, ObjectMapper json, Ledger ledger, Waits waits, Connections connections) {
        this.options = options;
        this.models = new Models(options.models());
        this.json = json;
        this.ledger = ledger;
        this.tools = new Generation.Tools(
                json,
                ledger,
                waits,
                connections,
                options.quota().map(Quota::requests).orElse(0));
    }

    @Override
    public void routing(HttpRules rules) {
        rules.get("/", this::list).get("/{model}", this::model).post("/{target}", this::call);
    }

    private void list(ServerRequest request, ServerResponse response) {
        key(request);
        Generation.send(
                response,
                models.page(
                        request.query().first("pageSize").orElse(""),
                        request.query().first("pageToken").orElse("")),
                json);
    }

    private void model(ServerRequest request, ServerResponse response) {
        key(request);
        String name = request.path().pathParameters().get("model");
        if (!models.has(name)) {
            throw ApiError.unknownModel(name, "getModel").refusal();
        }
        Generation.send(response, models.model(name), json);
    }

    private void call(ServerRequest request, ServerResponse response) {
        String target = request.path().pathParameters().get("target");
        int colon = target.lastIndexOf(':');
        String model = colon < 0 ? target : target.substring(0, colon);
        switch (colon < 0 ? "" : target.substring(colon + 1)) {
            case "generateContent" -> generate(request, response, model, Form.WHOLE);
            case "streamGenerateContent" ->
                generate(
                        request,
                        response,
                        model,
                        request.query().first("alt").filter("sse"::equals).isPresent() ? Form.EVENTS : Form.ARRAY);
            case "countTokens" -> countTokens(request, response, model);
            default -> throw ApiError.unknownModel(target, "this method").refusal();
        }
    }

    private void generate(ServerRequest request, ServerResponse response, String model, Form form) {
        Optional<String> prompt = Optional.empty();
        Generation generation;
        try {
            String key = key(request);
            Optional<Duration> over = ledger.arrive(key);
            byte[] body = body(request);
            exists(model, "generateContent");
            GenerateRequest asked = GenerateRequest.read(body, json);
            prompt = Optional.of(asked.prompt());
            ledger.called(asked.prompt());
            if (over.isPresent()) {
                throw ApiError.of(
                                new Fault.Status(429, Fault.Quota.MINUTE, over.get(), Set.of(), Optional.empty()),
                                model,
                                tools.limit())
                        .refusal();
            }
            Behaviour behaviour = ledger.behaviour(key, asked.prompt(), marker(asked.prompt()));
            generation = new Generation(request, response, form, model, asked, behaviour, nextId(), tools);
        } catch (ApiError.Refusal refusal) {
            ledger.ended(prompt, Integer.toString(refusal.error().code()), false);
            Generation.send(response, refusal.error(), form, json);
            return;
        }
        generation.run();
    }

    private static Optional<Behaviour> marker(String prompt) {
        try {
            return Behaviour.ofPrompt(prompt);
        } catch (InvalidBehaviour e) {
            throw ApiError.invalid("marker." + e.field(), e.getMessage()).refusal();
        }
    }

    private void countTokens(ServerRequest request, ServerResponse response, String model) {
        key(request);
        byte[] body = body(request);
        exists(model, "countTokens");
        GenerateRequest asked = GenerateRequest.readCount(body, json);
        ObjectNode count = json.createObjectNode().put("totalTokens", asked.promptTokens());
        count.putArray("promptTokensDetails")
                .addObject()
                .put("modality", "TEXT")
                .put("tokenCount", asked.promptTokens());
        Generation.send(response, count, json);
    }

    private void exists(String model, String method) {
        if (!models.has(model)) {
            throw ApiError.unknownModel(model, method).refusal();
        }
    }

    private String key(ServerRequest request) {
        String key = request.headers()
                .first(KEY)
                .or(() -> request.query().first("key").asOptional())
                .orElse("");
        if (key.isEmpty()) {
            throw ApiError.missingKey().refusal();
        }
        if (!options.keys().isEmpty() && !options.keys().containsKey(key)) {
            throw ApiError.invalidKey().refusal();
        }
        return key;
    }

    private static byte[] body(ServerRequest request) {
        return request.content().hasEntity() ? request.content().as(byte[].class) : new byte[0];
    }

    /** An id of the real ones' shape, new for every answer. */
    private String nextId() {
        return Ledger.hash(Long.toString(calls.incrementAndGet())).substring(0, 22);
    }
}
