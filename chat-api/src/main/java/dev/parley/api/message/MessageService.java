package dev.parley.api.message;

import dev.parley.api.chat.Chat;
import dev.parley.api.event.ChatEvent;
import dev.parley.api.event.ChatEvents;
import dev.parley.api.http.Bodies;
import dev.parley.api.http.Fields;
import dev.parley.api.http.Problem;
import dev.parley.api.http.Requests;
import dev.parley.api.http.Resource;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.Message.Status;
import dev.parley.api.message.MessageStore.Change;
import dev.parley.api.message.MessageStore.Deletion;
import dev.parley.api.message.MessageStore.Draft;
import dev.parley.api.message.MessageStore.Idempotency;
import dev.parley.api.message.MessageStore.Orphan;
import dev.parley.api.message.MessageStore.Regeneration;
import dev.parley.api.message.MessageStore.Regeneration.Begun;
import dev.parley.api.message.MessageStore.Revision;
import dev.parley.api.message.MessageStore.Revision.Edited;
import dev.parley.api.message.MessageStore.Revision.Withdrawn;
import dev.parley.api.message.MessageStore.Sending;
import dev.parley.api.model.Models;
import dev.parley.api.outbox.Outbox;
import dev.parley.api.prompt.PromptStore;
import dev.parley.api.user.Users;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.runtime.Logs;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.lang.System.Logger.Level;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * {@code /api/chats/{chatId}/messages} and {@code /api/messages}. What others have to hear of (the relay, the workers,
 * the viewers) they hear after the commit, and a restart may lose it: each of them also looks by itself.
 */
public final class MessageService implements HttpService {
    private static final System.Logger LOG = System.getLogger(MessageService.class.getName());
    private static final HeaderName IDEMPOTENCY_KEY = HeaderNames.create("Idempotency-Key");
    private static final Pattern KEY = Pattern.compile("[\\x21-\\x7E]{1,200}");

    private final Users users;
    private final MessageStore store;
    private final MessageReader reader;
    private final PromptStore prompts;
    private final Models models;
    private final Runs runs;
    private final ChatEvents events;
    private final Outbox outbox;
    private final Notifier notifier;
    private final int maxCharacters;

    /**
     * @param outbox told of what was put into it
     * @param maxCharacters of a message, in UTF-16 code units
     */
    public MessageService(
            Users users,
            MessageStore store,
            PromptStore prompts,
            Models models,
            Runs runs,
            ChatEvents events,
            Outbox outbox,
            int maxCharacters) {
        this.users = users;
        this.store = store;
        this.reader = new MessageReader(store, runs);
        this.prompts = prompts;
        this.models = models;
        this.runs = runs;
        this.events = events;
        this.outbox = outbox;
        this.notifier = new Notifier(runs, events, outbox);
        this.maxCharacters = maxCharacters;
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/chats", rules)
                .get("/{chatId}/messages", this::list)
                .post("/{chatId}/messages", this::send)
                .seal();
        Resource.at("/api/messages", rules)
                .get("/{messageId}", this::find)
                .patch("/{messageId}", this::edit)
                .delete("/{messageId}", this::delete)
                .post("/{messageId}/cancel", this::cancel)
                .post("/{messageId}/retry", this::retry)
                .post("/{messageId}/regenerate", this::regenerate)
                .post("/{messageId}/show", this::show)
                .seal();
    }

    private void send(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID chat = Requests.pathId(request, "chatId");
        Optional<String> key = request.headers().first(IDEMPOTENCY_KEY);
        key.filter(text -> !KEY.matcher(text).matches()).ifPresent(text -> {
            throw Problem.invalid("Idempotency-Key", "\"Idempotency-Key\" must be 1 to 200 visible ASCII characters.");
        });
        NewMessage body = Bodies.read(request, NewMessage.class);
        Optional<Idempotency> idempotency = key.map(text -> new Idempotency(text, hash(body)));
        // A repeat must not depend on a template that was changed or deleted since.
        Sending sending = idempotency
                .filter(used -> body.promptId().isPresent())
                .flatMap(used -> store.sentBefore(user, chat, used))
                .orElseGet(() -> store.send(user, chat, draft(request, user, body, idempotency)));
        Sent sent =
                switch (sending) {
                    case Sending.Accepted accepted -> {
                        accepted.due().ifPresent(outbox::hand);
                        log(accepted.sent().answer());
                        events.publish(chat, told(accepted, body.editOf().isPresent()));
                        yield accepted.sent();
                    }
                    case Sending.Repeated repeated -> repeated.sent();
                    case Sending.KeyReused() ->
                        throw Problem.of(
                                422,
                                "idempotency-key-reused",
                                "Idempotency-Key used before",
                                "This Idempotency-Key came with another request in this chat; take a new one.");
                    case Sending.NoSuchVersion() ->
                        throw Problem.invalid("editOf", "\"editOf\" must be a user's message of this chat.");
                    case Sending.NoSuchChat() -> throw Problem.notFound("chat");
                };
        response.status(io.helidon.http.Status.CREATED_201)
                .header("Location", "/api/messages/" + sent.message().id());
        Bodies.send(response, sent);
    }

    private static List<ChatEvent> told(Sending.Accepted accepted, boolean otherBranch) {
        Chat chat = accepted.chat();
        ChatEvent updated = new ChatEvent.ChatUpdated(chat);
        return otherBranch
                ? List.of(new ChatEvent.BranchChanged(chat.id()), updated)
                : List.of(
                        new ChatEvent.MessageCreated(accepted.sent().message()),
                        new ChatEvent.MessageCreated(accepted.sent().answer()),
                        updated);
    }

    private static void log(Message answer) {
        Logs.with(
                Map.of(
                        "chat", answer.chatId().toString(),
                        "answer", answer.id().toString(),
                        "attempt", "1"),
                () -> LOG.log(Level.DEBUG, "accepted a message"));
    }

    private Draft draft(ServerRequest request, UUID user, NewMessage body, Optional<Idempotency> idempotency) {
        body.model().ifPresent(model -> Fields.oneOf("model", model, models.ids()));
        return new Draft(
                content(user, body), body.editOf(), body.model(), models.standard(), idempotency, Requests.id(request));
    }

    private String content(UUID user, NewMessage body) {
        if (body.content().isPresent() == body.promptId().isPresent()) {
            throw Problem.invalid("content", "Give either \"content\" or \"promptId\".");
        }
        if (body.promptId().isEmpty()) {
            if (body.variables().isPresent()) {
                throw Problem.invalid("variables", "\"variables\" only go with \"promptId\".");
            }
            return Fields.text("content", body.content().orElseThrow(), maxCharacters);
        }
        String filled = prompts.find(user, body.promptId().get())
                .orElseThrow(() -> Problem.invalid("promptId", "There is no such prompt template."))
                .fill(body.variables().orElse(Map.of()));
        return Fields.text("variables", filled, maxCharacters);
    }

    /** Equal requests have equal hashes, in whichever order their fields came. */
    private static String hash(NewMessage body) {
        return sha256(Json.bytes(new NewMessage(
                body.content(), body.promptId(), body.variables().map(TreeMap::new), body.model(), body.editOf())));
    }

    private record MessagePage(List<Message> items, Map<UUID, List<UUID>> versions, Optional<String> next) {}

    private void list(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID chat = Requests.pathId(request, "chatId");
        Optional<UUID> newest = Requests.cursor(request, 1).map(cursor -> cursor.uuid(0));
        MessageReader.Snapshot snapshot =
                reader.page(user, chat, newest, Requests.limit(request)).orElseThrow(() -> Problem.notFound("chat"));
        byte[] body = Json.bytes(new MessagePage(snapshot.messages(), snapshot.versions(), snapshot.next()));
        String tag = '"' + sha256(body) + '"';
        response.header("ETag", tag).header("Cache-Control", "private, no-cache");
        if (matches(request, tag)) {
            response.status(io.helidon.http.Status.NOT_MODIFIED_304).send();
        } else {
            response.header("Content-Type", "application/json").send(body);
        }
    }

    private static boolean matches(ServerRequest request, String tag) {
        if (!request.headers().contains(HeaderNames.IF_NONE_MATCH)) {
            return false;
        }
        List<String> lines = request.headers().get(HeaderNames.IF_NONE_MATCH).allValues();
        return lines.stream()
                .flatMap(line -> Arrays.stream(line.split(",")))
                .map(String::strip)
                .map(given -> given.startsWith("W/") ? given.substring(2) : given)
                .anyMatch(given -> given.equals("*") || given.equals(tag));
    }

    private static String sha256(byte[] bytes) {
        try {
            return Base64.getUrlEncoder()
                    .withoutPadding()
                    .encodeToString(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private void find(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "messageId");
        Bodies.send(response, reader.find(user, id).orElseThrow(MessageService::absent));
    }

    private void cancel(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "messageId");
        Change change = store.cancel(user, id, runs.textSoFar(id).orElse("")).orElseThrow(MessageService::absent);
        Message message = change.message();
        answersOnly(message);
        if (change.changed()) {
            notifier.changed(change);
        } else if (message.status() != Status.CANCELLED) {
            throw Problem.conflict(
                    "answer-ended",
                    "The answer has ended",
                    "Only a pending answer can be cancelled; this one has ended.");
        }
        Bodies.send(response, message);
    }

    private void retry(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "messageId");
        Message before = reader.find(user, id).orElseThrow(MessageService::absent);
        answersOnly(before);
        if (before.status() == Status.GENERATING) {
            Bodies.send(response, before);
            return;
        }
        Change change =
                store.retry(user, id, models.standard(), Requests.id(request)).orElseThrow(MessageService::absent);
        if (change.changed()) {
            notifier.changed(change);
        } else if (change.message().status() == Status.COMPLETED) {
            throw Problem.conflict(
                    "answer-completed", "The answer is complete", "A completed answer cannot be tried again.");
        }
        Bodies.send(response, reader.now(change.message()));
    }

    /** The body of a regeneration. */
    private record Again(Optional<String> model) {}

    private void regenerate(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "messageId");
        Optional<String> model = Bodies.read(request, Again.class).model();
        model.ifPresent(name -> Fields.oneOf("model", name, models.ids()));
        Begun begun =
                switch (store.regenerate(user, id, model, models.standard(), Requests.id(request))
                        .orElseThrow(MessageService::absent)) {
                    case Begun begin -> begin;
                    case Regeneration.NotAnAnswer() -> throw notAnAnswer();
                    case Regeneration.Pending() ->
                        throw Problem.conflict(
                                "answer-pending",
                                "The answer has not ended",
                                "Another version can be asked for when this one has ended; cancel it first.");
                };
        if (begun.outboxGrew()) {
            outbox.wake();
        }
        UUID chat = begun.chat().id();
        events.publish(chat, List.of(new ChatEvent.BranchChanged(chat), new ChatEvent.ChatUpdated(begun.chat())));
        response.status(io.helidon.http.Status.CREATED_201)
                .header("Location", "/api/messages/" + begun.answer().id());
        Bodies.send(response, begun.answer());
    }

    private void show(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "messageId");
        Chat chat = store.show(user, id).orElseThrow(MessageService::absent);
        events.publish(chat.id(), new ChatEvent.BranchChanged(chat.id()));
        Bodies.send(response, chat);
    }

    /** The body of an edit. */
    private record Edit(Optional<String> content) {}

    private void edit(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "messageId");
        Edit body = Bodies.read(request, Edit.class);
        String content = Fields.text("content", Fields.required("content", body.content()), maxCharacters);
        notBegun(user, id);
        // One that begins just now is stopped by the new round.
        Edited edited = revised(store.edit(user, id, content, Requests.id(request)), Edited.class);
        events.publish(edited.message().chatId(), new ChatEvent.MessageUpdated(edited.message()));
        notifier.changed(edited.answer());
        Bodies.send(response, new Sent(edited.message(), edited.answer().message()));
    }

    private void delete(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "messageId");
        if (!Requests.flag(request, "following")) {
            withdraw(user, id);
        } else {
            switch (store.delete(user, id).orElseThrow(MessageService::absent)) {
                case Deletion.Deleted(Chat chat, List<Orphan> orphans) -> {
                    orphans.forEach(orphan -> runs.revoke(orphan.answer(), orphan.round() + 1));
                    events.publish(
                            chat.id(),
                            List.of(new ChatEvent.BranchChanged(chat.id()), new ChatEvent.ChatUpdated(chat)));
                }
                case Deletion.OnlyAnswer() ->
                    throw Problem.conflict(
                            "only-answer",
                            "This is the only answer",
                            "An answer without another version stays as long as its question; delete the question.");
            }
        }
        response.status(io.helidon.http.Status.NO_CONTENT_204).send();
    }

    private void withdraw(UUID user, UUID id) {
        notBegun(user, id);
        Withdrawn withdrawn = revised(store.withdraw(user, id), Withdrawn.class);
        runs.revoke(withdrawn.answer(), withdrawn.round());
        UUID chat = withdrawn.chat().id();
        events.publish(
                chat,
                List.of(
                        new ChatEvent.MessageDeleted(id, withdrawn.answer()),
                        new ChatEvent.ChatUpdated(withdrawn.chat())));
    }

    private void notBegun(UUID user, UUID message) {
        store.answerOf(user, message)
                .filter(answer -> runs.running(List.of(answer)).contains(answer))
                .ifPresent(answer -> {
                    throw Problem.conflict(
                            "answer-begun",
                            "The answer has begun",
                            "The answer to this message is being written; cancel it first.");
                });
    }

    private static <T extends Revision> T revised(Optional<Revision> revision, Class<T> done) {
        return switch (revision.orElseThrow(MessageService::absent)) {
            case Revision.NotAsked() ->
                throw Problem.conflict(
                        "not-a-user-message",
                        "This is an answer",
                        "Only what a user wrote can be changed or withdrawn; use the id of the message before it.");
            case Revision.Ended() ->
                throw Problem.conflict(
                        "answer-ended",
                        "The answer has ended",
                        "This message has its answer, or it failed or was cancelled; only one whose answer still waits"
                                + " can be changed or withdrawn.");
            case Revision.Followed() ->
                throw Problem.conflict(
                        "message-followed",
                        "Other messages follow",
                        "Later messages of this chat build upon this one; it cannot be changed or withdrawn any more.");
            case Revision other -> done.cast(other);
        };
    }

    private static void answersOnly(Message message) {
        if (message.role() == Role.USER) {
            throw notAnAnswer();
        }
    }

    private static Problem notAnAnswer() {
        return Problem.conflict(
                "not-an-answer",
                "This is not an answer",
                "This is a user's message; use the id of the answer that follows it.");
    }

    private static Problem absent() {
        return Problem.notFound("message");
    }
}
