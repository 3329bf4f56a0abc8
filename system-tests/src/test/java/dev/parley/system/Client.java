package dev.parley.system;

import static dev.parley.system.Installation.PATIENCE;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.local.process.ServiceProcess;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;

/** A user of one API instance, who sees every status, and remembers all that was answered. Thread-safe. */
final class Client {
    static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(10))
            .build();

    private final URI base;
    private final List<String> heard = new CopyOnWriteArrayList<>();

    Client(ServiceProcess api) {
        this.base = api.uri();
    }

    record Response(int status, Map<String, List<String>> headers, JsonNode body) {}

    /** An accepted message. */
    record Sent(UUID chat, UUID message, UUID answer) {
        /** The try that the message's sending began. */
        AnswerRef ref() {
            return new AnswerRef(chat, answer, 1, 1);
        }
    }

    URI base() {
        return base;
    }

    /** Every body and every header so far. */
    List<String> heard() {
        return heard;
    }

    Response get(String path) {
        return exchange(HttpRequest.newBuilder(base.resolve(path)).GET());
    }

    Response post(String path, Object body) {
        return exchange(HttpRequest.newBuilder(base.resolve(path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(Json.bytes(body))));
    }

    Response patch(String path, Object body) {
        return exchange(HttpRequest.newBuilder(base.resolve(path))
                .header("Content-Type", "application/json")
                .method("PATCH", HttpRequest.BodyPublishers.ofByteArray(Json.bytes(body))));
    }

    Response delete(String path) {
        return exchange(HttpRequest.newBuilder(base.resolve(path)).DELETE());
    }

    private Response exchange(HttpRequest.Builder request) {
        try {
            HttpResponse<byte[]> response =
                    HTTP.send(request.timeout(PATIENCE).build(), HttpResponse.BodyHandlers.ofByteArray());
            heard.add(new String(response.body(), StandardCharsets.UTF_8));
            heard.add(response.headers().map().toString());
            return new Response(
                    response.statusCode(),
                    response.headers().map(),
                    Json.mapper().readTree(response.body()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    UUID newChat() {
        return id(accepted(post("/api/chats", Map.of())));
    }

    Sent send(UUID chat, String content) {
        JsonNode sent = accepted(post("/api/chats/" + chat + "/messages", Map.of("content", content)));
        return new Sent(chat, id(sent.get("message")), id(sent.get("answer")));
    }

    /** In a chat of its own. */
    Sent send(String content) {
        return send(newChat(), content);
    }

    private static JsonNode accepted(Response response) {
        if (response.status() != 201) {
            throw new AssertionError("not accepted: " + response);
        }
        return response.body();
    }

    private static UUID id(JsonNode node) {
        return UUID.fromString(node.get("id").asText());
    }

    JsonNode answer(Sent sent) {
        return get("/api/messages/" + sent.answer()).body();
    }

    List<JsonNode> messages(UUID chat) {
        List<JsonNode> all = new java.util.ArrayList<>();
        get("/api/chats/" + chat + "/messages?limit=100").body().get("items").forEach(all::add);
        return all;
    }

    /** Polls until the answer has this status. */
    JsonNode awaitStatus(Sent sent, String status) {
        return await("answer is " + status).until(() -> answer(sent), answer -> answer.path("status")
                .asText()
                .equals(status));
    }

    /** Polls the health until it says so. */
    JsonNode awaitHealth(String status) {
        return await("health is " + status).until(() -> get("/api/health").body(), health -> health.path("status")
                .asText()
                .equals(status));
    }

    String check(String part) {
        return get("/api/health")
                .body()
                .path("checks")
                .path(part)
                .path("status")
                .asText();
    }

    /** Requests that the workers hold, as their heartbeats tell. @param what {@code running} or {@code waiting} */
    int held(String what) {
        int sum = 0;
        for (JsonNode worker :
                get("/api/health").body().path("checks").path("workers").path("workers")) {
            sum += worker.path(what).asInt();
        }
        return sum;
    }

    static ConditionFactory await(String what) {
        return Awaitility.await(what)
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(100))
                .ignoreExceptions();
    }
}
