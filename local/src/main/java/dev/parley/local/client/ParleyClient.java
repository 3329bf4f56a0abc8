package dev.parley.local.client;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.message.Json;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.webclient.api.HttpClientRequest;
import io.helidon.webclient.api.HttpClientResponse;
import io.helidon.webclient.api.WebClient;
import io.helidon.webclient.http1.Http1Client;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * A browser's part of the conversation with Parley, without the browser; for benches and system tests. Thread-safe.
 *
 * <p>On the worker's HTTP client, which works on the caller's thread: the JDK's hands each request through two more, and on a
 * machine with two cores they take the time of what is measured.
 */
public final class ParleyClient {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int MOST_IDLE_CONNECTIONS = 1_000;

    private final WebClient http = http();
    private final URI base;

    public ParleyClient(URI base) {
        this.base = base;
    }

    /** As this class has it, for whoever calls something else beside Parley. */
    public static WebClient http() {
        return WebClient.builder()
                .servicesDiscoverServices(false)
                .shareConnectionCache(false)
                .connectionCacheSize(MOST_IDLE_CONNECTIONS)
                .protocolPreference(List.of(Http1Client.PROTOCOL_ID))
                .sendExpectContinue(false)
                .connectTimeout(Duration.ofSeconds(5))
                .readTimeout(PATIENCE)
                .build();
    }

    public JsonNode post(String path, Object body) throws IOException {
        return post(path, body, Map.of());
    }

    /** With more headers, such as an Idempotency-Key, by which a request can be repeated. */
    public JsonNode post(String path, Object body, Map<String, String> headers) throws IOException {
        HttpClientRequest request = http.post().uri(base.resolve(path)).header(HeaderValues.CONTENT_TYPE_JSON);
        headers.forEach((name, value) -> request.header(HeaderNames.create(name), value));
        byte[] bytes = Json.bytes(body);
        return read(path, request, it -> it.submit(bytes));
    }

    public JsonNode get(String path) throws IOException {
        return read(path, http.get().uri(base.resolve(path)), HttpClientRequest::request);
    }

    private static JsonNode read(
            String path, HttpClientRequest request, Function<HttpClientRequest, HttpClientResponse> send)
            throws IOException {
        try (HttpClientResponse response = send.apply(request)) {
            byte[] body = response.as(byte[].class);
            if (response.status().code() >= 300) {
                throw new IOException(path + " answered " + response.status().code() + ": "
                        + new String(body, StandardCharsets.UTF_8));
            }
            return Json.mapper().readTree(body);
        } catch (RuntimeException e) {
            // A connection that breaks shows as one of many.
            throw new IOException(path + " was not answered", e);
        }
    }

    public String newChat() throws IOException {
        return post("/api/chats", Map.of()).get("id").asText();
    }

    /** An event as it arrived. @param at {@link System#nanoTime()} */
    public record Event(String name, String data, long at) {}

    /** Opens a chat's events, on a connection of their own, and waits for the snapshot. */
    public Events events(String chat) throws IOException, InterruptedException {
        HttpClientResponse response;
        try {
            response = http.get()
                    .uri(base.resolve("/api/events?chat=" + chat))
                    .keepAlive(false)
                    // Whoever waits for an event has a bound of his own.
                    .readTimeout(Duration.ZERO)
                    .request();
        } catch (RuntimeException e) {
            throw new IOException("the events were not answered", e);
        }
        if (response.status().code() != 200) {
            response.close();
            throw new IOException("events answered " + response.status().code());
        }
        Events events = new Events(response, new LinkedBlockingQueue<>());
        Thread.ofVirtual().start(events::read);
        events.await("snapshot");
        return events;
    }

    public record Events(HttpClientResponse response, BlockingQueue<Event> queue) implements AutoCloseable {
        private void read() {
            String name = "";
            String data = "";
            try (BufferedReader reader =
                    new BufferedReader(new InputStreamReader(response.inputStream(), StandardCharsets.UTF_8))) {
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
            } catch (IOException | RuntimeException e) {
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
        public void close() {
            // The response and not its reader, whose lock is held by the thread that waits for the next line.
            response.close();
        }
    }
}
