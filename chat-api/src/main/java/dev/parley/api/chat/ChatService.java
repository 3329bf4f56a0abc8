package dev.parley.api.chat;

import dev.parley.api.event.ChatEvent;
import dev.parley.api.event.ChatEvents;
import dev.parley.api.http.Bodies;
import dev.parley.api.http.Fields;
import dev.parley.api.http.Problem;
import dev.parley.api.http.Requests;
import dev.parley.api.http.Resource;
import dev.parley.api.message.Runs;
import dev.parley.api.model.Models;
import dev.parley.api.user.Users;
import io.helidon.http.Status;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/** {@code /api/chats}. */
public final class ChatService implements HttpService {
    private static final int MAX_TITLE = 200;
    private static final int MAX_FOLDER = 100;

    private final Users users;
    private final ChatStore chats;
    private final Models models;
    private final Runs runs;
    private final ChatEvents events;

    public ChatService(Users users, ChatStore chats, Models models, Runs runs, ChatEvents events) {
        this.users = users;
        this.chats = chats;
        this.models = models;
        this.runs = runs;
        this.events = events;
    }

    private record NewChat(Optional<String> title, Optional<GenerationSettings> settings) {}

    private record Folders(List<ChatStore.Folder> items) {}

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/chats", rules)
                .get("", this::list)
                .post("", this::create)
                .get("/folders", this::folders)
                .get("/{chatId}", this::find)
                .patch("/{chatId}", this::change)
                .delete("/{chatId}", this::delete)
                .get("/{chatId}/settings", this::settings)
                .put("/{chatId}/settings", this::configure)
                .seal();
    }

    private void list(ServerRequest request, ServerResponse response) {
        Bodies.send(
                response,
                chats.list(
                        users.of(request),
                        new ChatStore.Filter(
                                Requests.flag(request, "archived"),
                                Requests.flag(request, "pinned"),
                                Requests.query(request, "folder")),
                        Requests.cursor(request, ChatStore.CURSOR_PARTS),
                        Requests.limit(request)));
    }

    private void folders(ServerRequest request, ServerResponse response) {
        Bodies.send(response, new Folders(chats.folders(users.of(request))));
    }

    private void create(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        NewChat body = Bodies.read(request, NewChat.class);
        String title =
                body.title().map(text -> Fields.text("title", text, MAX_TITLE)).orElse("");
        GenerationSettings settings = body.settings()
                .map(given -> given.checked("settings.", models.ids()))
                .orElse(GenerationSettings.STANDARD);
        Chat chat = chats.create(user, title, settings);
        response.status(Status.CREATED_201).header("Location", "/api/chats/" + chat.id());
        Bodies.send(response, chat);
    }

    private void find(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "chatId");
        Bodies.send(response, chats.find(user, id).orElseThrow(() -> Problem.notFound("chat")));
    }

    private void change(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "chatId");
        ChatStore.Changes changes = Bodies.read(request, ChatStore.Changes.class);
        if (Stream.of(changes.title(), changes.pinned(), changes.archived(), changes.folder())
                .allMatch(Optional::isEmpty)) {
            throw Problem.invalid("body", "Give at least one of \"title\", \"pinned\", \"archived\" and \"folder\".");
        }
        changes.title().ifPresent(title -> Fields.text("title", title, MAX_TITLE));
        changes.folder().ifPresent(folder -> Fields.bounded("folder", folder, MAX_FOLDER));
        Chat chat = chats.change(user, id, changes).orElseThrow(() -> Problem.notFound("chat"));
        events.publish(id, new ChatEvent.ChatUpdated(chat));
        Bodies.send(response, chat);
    }

    private void settings(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "chatId");
        Bodies.send(response, chats.settings(user, id).orElseThrow(() -> Problem.notFound("chat")));
    }

    private void configure(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "chatId");
        GenerationSettings settings =
                Bodies.read(request, GenerationSettings.class).checked("", models.ids());
        if (!chats.configure(user, id, settings)) {
            throw Problem.notFound("chat");
        }
        Bodies.send(response, settings);
    }

    private void delete(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "chatId");
        chats.delete(user, id)
                .orElseThrow(() -> Problem.notFound("chat"))
                .forEach(orphan -> runs.revoke(orphan.answer(), orphan.round() + 1));
        events.publish(id, new ChatEvent.ChatDeleted(id));
        response.status(Status.NO_CONTENT_204).send();
    }
}
