package dev.parley.api.transfer;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.parley.api.chat.Chat;
import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.http.Bodies;
import dev.parley.api.http.Fields;
import dev.parley.api.http.HttpServer;
import dev.parley.api.http.Problem;
import dev.parley.api.http.Requests;
import dev.parley.api.http.Resource;
import dev.parley.api.http.SendGuard;
import dev.parley.api.message.Message;
import dev.parley.api.message.MessageStore;
import dev.parley.api.model.Models;
import dev.parley.api.transfer.TransferStore.Contents;
import dev.parley.api.user.Users;
import dev.parley.pipeline.message.Json;
import io.helidon.http.Status;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;

/** {@code GET /api/chats/{chatId}/export} and {@code POST /api/chats/import}. */
public final class TransferService implements HttpService {
    /** Messages in memory at a time. */
    private static final int PORTION = 100;

    private static final int MAX_TITLE = 200;

    private final Users users;
    private final TransferStore store;
    private final MessageStore messages;
    private final Models models;
    private final SendGuard guard;
    /** A file takes many times its size while it is read. */
    private final Semaphore imports = new Semaphore(2);

    public TransferService(Users users, TransferStore store, MessageStore messages, Models models, SendGuard guard) {
        this.users = users;
        this.store = store;
        this.messages = messages;
        this.models = models;
        this.guard = guard;
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/chats", rules)
                .post("/import", this::add)
                .get("/{chatId}/export", this::export)
                .seal();
    }

    private void add(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        if (!imports.tryAcquire()) {
            throw Problem.unavailable("imports-busy", "Other chats are being imported; try again in a moment.");
        }
        try {
            ChatFile file = Bodies.read(request, ChatFile.class, HttpServer.MAX_FILE_BYTES);
            file.title().ifPresent(title -> Fields.bounded("title", title, MAX_TITLE));
            file.createdAt().ifPresent(at -> {
                if (at.isBefore(Instant.EPOCH) || at.isAfter(Instant.parse("9999-01-01T00:00:00Z"))) {
                    throw Problem.invalid("createdAt", "\"createdAt\" must be a time from 1970 to 9999.");
                }
            });
            GenerationSettings settings = file.settings()
                    // A model that is not offered here is no reason to refuse the conversation.
                    .map(given -> given.among(models.ids()).checked("settings.", models.ids()))
                    .orElse(GenerationSettings.STANDARD);
            Chat chat = store.add(user, file, settings);
            response.status(Status.CREATED_201).header("Location", "/api/chats/" + chat.id());
            Bodies.send(response, chat);
        } finally {
            imports.release();
        }
    }

    private void export(ServerRequest request, ServerResponse response) throws IOException {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "chatId");
        String format =
                Fields.oneOf("format", Requests.query(request, "format").orElse("json"), List.of("json", "markdown"));
        Contents contents = store.contents(user, id).orElseThrow(() -> Problem.notFound("chat"));
        boolean json = format.equals("json");
        response.header("Content-Type", json ? "application/json" : "text/markdown; charset=utf-8")
                .header(
                        "Content-Disposition",
                        "attachment; filename*=UTF-8''" + name(contents.chat(), json ? "json" : "md"));
        try (OutputStream out = guard.over(response.outputStream())) {
            if (json) {
                json(user, contents, out);
            } else {
                markdown(user, contents, out);
            }
        }
    }

    private static String name(Chat chat, String extension) {
        String title = chat.title().replaceAll("[^\\p{L}\\p{N}._-]+", " ").strip();
        return URLEncoder.encode((title.isEmpty() ? "chat" : title) + "." + extension, StandardCharsets.UTF_8)
                .replace("+", "%20");
    }

    private void json(UUID user, Contents contents, OutputStream out) throws IOException {
        try (JsonGenerator json = Json.mapper().createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("format", ChatFile.FORMAT);
            json.writeNumberField("version", ChatFile.VERSION);
            json.writeStringField("title", contents.chat().title());
            json.writePOJOField("createdAt", contents.chat().createdAt());
            json.writePOJOField("settings", contents.settings());
            if (contents.head().isPresent()) {
                json.writePOJOField("head", contents.head().get());
            }
            json.writeArrayFieldStart("messages");
            each(user, contents.all(), message -> {
                try {
                    json.writePOJO(ChatFile.Entry.of(message));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            json.writeEndArray();
            json.writeEndObject();
        }
    }

    private void markdown(UUID user, Contents contents, OutputStream out) throws IOException {
        try (BufferedWriter writer = new BufferedWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8))) {
            writer.write(Markdown.title(contents.chat()));
            each(user, contents.branch(), message -> {
                try {
                    writer.write(Markdown.of(message));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    private void each(UUID user, List<UUID> ids, Consumer<Message> action) {
        for (int from = 0; from < ids.size(); from += PORTION) {
            messages.find(user, ids.subList(from, Math.min(ids.size(), from + PORTION)))
                    .forEach(action);
        }
    }
}
