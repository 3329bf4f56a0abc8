package dev.parley.api.support;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.message.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** One open stream of a chat's events, read as a browser does; every event is judged by the contract. */
public final class Sse implements AutoCloseable {
    private static final Map<String, String> SCHEMAS = Map.ofEntries(
            Map.entry("snapshot", "Snapshot"),
            Map.entry("message.created", "MessageEvent"),
            Map.entry("answer.queued", "MessageEvent"),
            Map.entry("answer.retrying", "MessageEvent"),
            Map.entry("answer.completed", "MessageEvent"),
            Map.entry("answer.failed", "MessageEvent"),
            Map.entry("answer.cancelled", "MessageEvent"),
            Map.entry("answer.started", "AnswerStarted"),
            Map.entry("answer.delta", "AnswerDelta"),
            Map.entry("chat.updated", "ChatEvent"),
            Map.entry("chat.deleted", "ChatDeleted"),
            Map.entry("notice", "Notice"));

    /** An event. @param id empty when it has none */
    public record Event(Optional<String> id, String name, JsonNode data) {}

    public final List<Event> events = new CopyOnWriteArrayList<>();
    public final AtomicInteger comments = new AtomicInteger();
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final HttpResponse<InputStream> response;
    private final Contract contract = new Contract();
    private final List<AssertionError> broken = new CopyOnWriteArrayList<>();
    private volatile boolean ended;

    private Sse(int port, UUID chat, Optional<String> lastEventId) throws IOException, InterruptedException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/events?chat=" + chat));
        lastEventId.ifPresent(id -> request.header("Last-Event-ID", id));
        response = client.send(request.build(), BodyHandlers.ofInputStream());
        Thread.ofVirtual().start(this::read);
    }

    public static Sse open(int port, UUID chat) throws IOException, InterruptedException {
        return new Sse(port, chat, Optional.empty());
    }

    public static Sse resume(int port, UUID chat, String lastEventId) throws IOException, InterruptedException {
        return new Sse(port, chat, Optional.of(lastEventId));
    }

    public HttpResponse<InputStream> response() {
        return response;
    }

    /** Whether the server has ended the stream. */
    public boolean ended() {
        return ended;
    }

    private void read() {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            Optional<String> id = Optional.empty();
            String name = "";
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith(":")) {
                    comments.incrementAndGet();
                } else if (line.startsWith("id: ")) {
                    id = Optional.of(line.substring(4));
                } else if (line.startsWith("event: ")) {
                    name = line.substring(7);
                } else if (line.startsWith("data: ")) {
                    judge(name, line.substring(6));
                    events.add(new Event(id, name, Json.mapper().readTree(line.substring(6))));
                    id = Optional.empty();
                }
            }
        } catch (IOException | UncheckedIOException e) {
            // The end, whoever made it.
        } finally {
            ended = true;
        }
    }

    private void judge(String name, String data) {
        try {
            contract.checkSchema(SCHEMAS.getOrDefault(name, "no schema for " + name), data);
        } catch (AssertionError e) {
            broken.add(e);
        }
    }

    /** @throws AssertionError when an event was not as the contract says */
    public void assertContract() {
        broken.forEach(error -> {
            throw error;
        });
    }

    public List<String> names() {
        return events.stream().map(Event::name).toList();
    }

    public List<Event> named(String name) {
        return events.stream().filter(event -> event.name().equals(name)).toList();
    }

    /** The id that a browser would send back. */
    public String lastId() {
        return events.stream()
                .flatMap(event -> event.id().stream())
                .reduce((a, b) -> b)
                .orElse("");
    }

    /**
     * The answer's live text as a page would have it now, which began with this text.
     *
     * @throws AssertionError when a piece does not begin where the text before it ends: something came twice or is missing
     */
    public String text(UUID answer, String before) {
        StringBuilder text = new StringBuilder(before);
        for (Event event : events) {
            switch (event.name()) {
                case "snapshot" ->
                    event.data().get("live").forEach(live -> {
                        if (live.get("answerId").asText().equals(answer.toString())) {
                            text.setLength(live.get("offset").asInt());
                            text.append(live.get("text").asText());
                        }
                    });
                case "answer.started" -> {
                    if (event.data().get("answerId").asText().equals(answer.toString())) {
                        text.setLength(0);
                    }
                }
                case "answer.delta" -> {
                    if (event.data().get("answerId").asText().equals(answer.toString())) {
                        int offset = event.data().get("offset").asInt();
                        // Only the first piece of another run replaces what is there.
                        if (offset != text.length() && offset != 0) {
                            throw new AssertionError("a piece at " + offset + " after " + text.length());
                        }
                        text.setLength(offset);
                        text.append(event.data().get("text").asText());
                    }
                }
                default -> {}
            }
        }
        return text.toString();
    }

    @Override
    public void close() {
        client.shutdownNow();
        assertContract();
    }
}
