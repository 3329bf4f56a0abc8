package dev.parley.system;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.message.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;

/**
 * Watches a chat over SSE and puts the live text together as a page does. A piece that does not begin where the text
 * ends is noted, as it would show as a hole or a repetition. Thread-safe.
 */
final class Viewer implements AutoCloseable {
    /** @param data as it came */
    record Event(Optional<String> id, String name, String data) {
        JsonNode json() {
            try {
                return Json.mapper().readTree(data);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private record Text(String run, String soFar) {}

    private final InputStream stream;
    private final List<Event> events = new CopyOnWriteArrayList<>();
    private final List<String> misfits = new CopyOnWriteArrayList<>();
    private final List<String> runs = new CopyOnWriteArrayList<>();
    private final Map<String, Text> texts = new ConcurrentHashMap<>();
    private volatile Optional<String> lastId;
    private volatile boolean ended;

    private Viewer(InputStream stream, Optional<Viewer> before) {
        this.stream = stream;
        this.lastId = before.flatMap(viewer -> viewer.lastId);
        before.ifPresent(viewer -> texts.putAll(viewer.texts));
    }

    static Viewer of(Client client, UUID chat) {
        return open(client, chat, Optional.empty());
    }

    /** Comes back, perhaps to another instance, with what this one has seen. */
    Viewer reconnect(Client client, UUID chat) {
        return open(client, chat, Optional.of(this));
    }

    private static Viewer open(Client client, UUID chat, Optional<Viewer> before) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(client.base() + "/api/events?chat=" + chat))
                .GET();
        before.flatMap(viewer -> viewer.lastId).ifPresent(id -> request.header("Last-Event-ID", id));
        try {
            HttpResponse<InputStream> response =
                    Client.HTTP.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            if (response.statusCode() != 200) {
                throw new AssertionError("events answered " + response.statusCode());
            }
            Viewer viewer = new Viewer(response.body(), before);
            Thread.ofVirtual().start(viewer::read);
            viewer.await("snapshot");
            return viewer;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private void read() {
        Optional<String> id = Optional.empty();
        String name = "";
        String data = "";
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            for (String line; (line = reader.readLine()) != null; ) {
                if (line.startsWith("id: ")) {
                    id = Optional.of(line.substring(4));
                } else if (line.startsWith("event: ")) {
                    name = line.substring(7);
                } else if (line.startsWith("data: ")) {
                    data = line.substring(6);
                } else if (line.isEmpty() && !name.isEmpty()) {
                    take(new Event(id, name, data));
                    id = Optional.empty();
                    name = "";
                }
            }
        } catch (IOException e) {
            // Killed or closed in the middle: that is what these tests do.
        } finally {
            ended = true;
        }
    }

    private void take(Event event) {
        JsonNode json = event.json();
        switch (event.name()) {
            case "snapshot" -> json.get("live").forEach(this::snapshot);
            case "answer.started" ->
                begin(json.get("answerId").asText(), json.get("run").asText(), "");
            case "answer.delta" -> delta(json);
            default -> {}
        }
        event.id().ifPresent(id -> lastId = Optional.of(id));
        events.add(event);
    }

    private void snapshot(JsonNode live) {
        String answer = live.get("answerId").asText();
        String run = live.get("run").asText();
        int offset = live.get("offset").asInt();
        String before =
                offset == 0 ? "" : texts.getOrDefault(answer, new Text("", "")).soFar();
        if (before.length() != offset) {
            misfits.add("snapshot at " + offset + " after " + before.length());
        }
        begin(answer, run, before + live.get("text").asText());
    }

    private void begin(String answer, String run, String text) {
        runs.add(run);
        texts.put(answer, new Text(run, text));
    }

    private void delta(JsonNode delta) {
        Text text = texts.getOrDefault(delta.get("answerId").asText(), new Text("", ""));
        int offset = delta.get("offset").asInt();
        boolean same = text.run().equals(delta.get("run").asText());
        if (same && offset == text.soFar().length()) {
            texts.put(
                    delta.get("answerId").asText(),
                    new Text(text.run(), text.soFar() + delta.get("text").asText()));
        } else {
            misfits.add("piece of run " + delta.get("run").asText() + " at " + offset + " after "
                    + text.soFar().length() + " of " + text.run());
        }
    }

    /** The live text of an answer as it stands on the page. */
    String text(UUID answer) {
        return texts.getOrDefault(answer.toString(), new Text("", "")).soFar();
    }

    List<Event> events() {
        return events;
    }

    /** Ids of the runs seen, in order; one that was seen again is named again. */
    List<String> runs() {
        return runs;
    }

    /** Pieces that did not fit; none, if promise 4 is kept. */
    List<String> misfits() {
        return misfits;
    }

    Event await(String name) {
        return await(name, event -> true);
    }

    /** The first event of this name, past or to come, that fits. */
    Event await(String name, Predicate<JsonNode> fits) {
        return Client.await("event " + name)
                .until(
                        () -> events.stream()
                                .filter(event -> event.name().equals(name) && fits.test(event.json()))
                                .findFirst(),
                        Optional::isPresent)
                .orElseThrow();
    }

    Event awaitEnd(UUID answer) {
        return await("answer.completed", json -> json.get("answerId").asText().equals(answer.toString()));
    }

    void awaitText(UUID answer, Predicate<String> fits) {
        Client.await("live text").until(() -> text(answer), fits);
    }

    /** Until the connection is over. */
    void awaitClosed() {
        Client.await("the stream's end").until(() -> ended);
    }

    @Override
    public void close() {
        try {
            stream.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
