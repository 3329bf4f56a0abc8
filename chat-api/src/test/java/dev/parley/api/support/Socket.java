package dev.parley.api.support;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.message.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/** A browser's end of {@code /api/ws}. */
public final class Socket implements AutoCloseable {
    public final List<JsonNode> events = new CopyOnWriteArrayList<>();
    private final HttpClient http = HttpClient.newHttpClient();
    private volatile WebSocket socket;
    private volatile Optional<Integer> closed = Optional.empty();

    private Socket() {}

    /** @throws IOException when the handshake is refused */
    public static Socket open(int port, Optional<String> origin) throws IOException {
        Socket socket = new Socket();
        WebSocket.Builder builder = socket.http.newWebSocketBuilder();
        origin.ifPresent(from -> builder.header("Origin", from));
        try {
            socket.socket = builder.buildAsync(URI.create("ws://127.0.0.1:" + port + "/api/ws"), socket.new Ear())
                    .join();
        } catch (CompletionException e) {
            socket.http.close();
            throw new IOException("Handshake refused: " + e.getCause(), e);
        }
        return socket;
    }

    private final class Ear implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                try {
                    events.add(Json.mapper().readTree(text.toString()));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                text.setLength(0);
            }
            from.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket from, int status, String reason) {
            closed = Optional.of(status);
            return null;
        }
    }

    public void send(String text) {
        socket.sendText(text, true).join();
    }

    public Optional<Integer> closed() {
        return closed;
    }

    public List<JsonNode> named(String name) {
        return events.stream()
                .filter(event -> event.path("event").asText().equals(name))
                .toList();
    }

    public List<String> names() {
        return events.stream().map(event -> event.path("event").asText()).toList();
    }

    private List<JsonNode> of(UUID chat) {
        return events.stream()
                .filter(event -> event.path("chat").asText().equals(chat.toString()))
                .toList();
    }

    public List<String> names(UUID chat) {
        return of(chat).stream().map(event -> event.path("event").asText()).toList();
    }

    /** All live text of a chat, in the order in which it came. */
    public String deltas(UUID chat) {
        return of(chat).stream()
                .filter(event -> event.path("event").asText().equals("answer.delta"))
                .map(event -> event.at("/data/text").asText())
                .collect(Collectors.joining());
    }

    @Override
    public void close() {
        socket.abort();
        http.shutdownNow();
    }
}
