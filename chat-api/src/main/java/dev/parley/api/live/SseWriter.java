package dev.parley.api.live;

import dev.parley.api.http.SendGuard;
import io.helidon.webserver.http.ServerResponse;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Writes a response as server-sent events. Helidon's own sink cannot write a comment alone, which
 * is the sign of life that proxies need. Every method throws {@link UncheckedIOException} once the reader has left or takes nothing. Not
 * thread-safe.
 */
final class SseWriter implements EventStream.Sink, AutoCloseable {
    private final OutputStream out;

    SseWriter(ServerResponse response, SendGuard guard) {
        // Proxies must not hold back what is meant to be seen at once.
        this.out = new BufferedOutputStream(
                guard.over(response.header("Content-Type", "text/event-stream")
                        .header("Cache-Control", "no-store")
                        .header("X-Accel-Buffering", "no")
                        .outputStream()),
                SendGuard.PIECE);
    }

    @Override
    public void event(Optional<String> id, String name, String data) {
        StringBuilder text = new StringBuilder();
        id.ifPresent(value -> text.append("id: ").append(value).append('\n'));
        // JSON has no line breaks, so one data line holds it.
        text.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
        write(text.toString());
    }

    @Override
    public void comment(String text) {
        write(": " + text + "\n\n");
    }

    private void write(String text) {
        try {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void flush() {
        try {
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException | UncheckedIOException e) {
            // The reader has left before the end, which is its right.
        }
    }
}
