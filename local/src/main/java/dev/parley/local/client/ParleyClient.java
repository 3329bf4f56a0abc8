package dev.parley.local.client;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.message.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A browser's part of the conversation with Parley, without the browser; for benches and system tests. Thread-safe. */
public final class ParleyClient {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(5))
            .build();
    private final URI base;

    public ParleyClient(URI base) {
        this.base = base;
    }

    public JsonNode post(String path, Object body) throws IOException, InterruptedException {
        return post(path, body, Map.of());
    }

    /** With more headers, such as an Idempotency-Key, by which a request can be repeated. */
    public JsonNode post(String path, Object body, Map<String, String> headers)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = request(path)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(Json.bytes(body)));
        headers.forEach(request::header);
        return read(path, http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray()));
    }

    public JsonNode get(String path) throws IOException, InterruptedException {
        return read(path, http.send(request(path).GET().build(), HttpResponse.BodyHandlers.ofByteArray()));
    }

    private static JsonNode read(String path, HttpResponse<byte[]> response) throws IOException {
        if (response.statusCode() >= 300) {
            throw new IOException(path + " answered " + response.statusCode() + ": "
                    + new String(response.body(), StandardCharsets.UTF_8));
        }
        return Json.mapper().readTree(response.body());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(base.resolve(path)).timeout(PATIENCE);
    }

    public String newChat() throws IOException, InterruptedException {
        return post("/api/chats", Map.of()).get("id").asText();
    }

    /** An event as it arrived. @param at {@link System#nanoTime()} */
    public record Event(String name, String data, long at) {}

    /** Opens a chat's events and waits for the snapshot. */
    public Events events(String chat) throws IOException, InterruptedException {
        HttpResponse<InputStream> response = http.send(
                HttpRequest.newBuilder(base.resolve("/api/events?chat=" + chat))
                        .GET()
                        .build(),
                HttpResponse.BodyHandlers.ofInputStream());
        if (response.statusCode() != 200) {
            throw new IOException("events answered " + response.statusCode());
        }
        Events events = new Events(response.body(), new LinkedBlockingQueue<>());
        Thread.ofVirtual().start(events::read);
        events.await("snapshot");
        return events;
    }

    public record Events(InputStream stream, BlockingQueue<Event> queue) implements AutoCloseable {
        private void read() {
            String name = "";
            String data = "";
            try (BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line; (line = reader.readLine()) != null; ) {
                    if (line.isEmpty()) {
                        if (!name.isEmpty()) {
                            queue.add(new Event(name, data, System.nanoTime()));
                        }
                        name = "";
                    } else if (line.startsWith("event:")) {
                        name = line.substring("event:".length()).strip();
                    } else if (line.startsWith("data:")) {
                        data = line.substring("data:".length()).strip();
                    }
                }
            } catch (IOException e) {
                queue.add(new Event("closed", e.toString(), System.nanoTime()));
            }
        }

        /** The next event of one of these names; others are passed over. */
        public Event await(String... names) throws IOException, InterruptedException {
            while (true) {
                Event event = queue.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                if (event == null
                        || event.name().equals("closed")
                        || event.name().equals("answer.failed")) {
                    throw new IOException("waited for " + List.of(names) + " and got " + event);
                }
                if (List.of(names).contains(event.name())) {
                    return event;
                }
            }
        }

        @Override
        public void close() throws IOException {
            // The stream and not its reader, whose lock is held by the thread that waits for the next line.
            stream.close();
        }
    }
}
