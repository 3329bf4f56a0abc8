package dev.parley.api.message;

import dev.parley.api.chat.Chat;
import dev.parley.api.http.Cursor;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Messages as a user sees them: what is stored, and which answers are being generated now. Thread-safe. */
public final class MessageReader {
    private final MessageStore store;
    private final Runs runs;

    public MessageReader(MessageStore store, Runs runs) {
        this.store = store;
        this.runs = runs;
    }

    /**
     * A chat and a page of its current branch.
     *
     * @param messages in order, oldest first
     * @param versions of those messages that have more than one: the ids of all, oldest first
     * @param next the cursor for older messages; empty when the page holds the first
     */
    public record Snapshot(Chat chat, List<Message> messages, Map<UUID, List<UUID>> versions, Optional<String> next) {}

    /** The latest page. @return empty when the user has no such chat */
    public Optional<Snapshot> latest(UUID user, UUID chat, int limit) {
        return page(user, chat, Optional.empty(), limit);
    }

    /** The page that ends with the given message. @return empty when the user has no such chat */
    Optional<Snapshot> page(UUID user, UUID chat, Optional<UUID> newest, int limit) {
        return store.branch(user, chat, newest, limit)
                .map(page -> new Snapshot(
                        page.chat(),
                        now(page.messages()),
                        page.versions(),
                        page.older().map(older -> Cursor.of(older).encoded())));
    }

    public Optional<Message> find(UUID user, UUID message) {
        return store.find(user, message).map(this::now);
    }

    /** The message with what is known of its run. */
    public Message now(Message message) {
        return now(List.of(message)).getFirst();
    }

    private List<Message> now(List<Message> messages) {
        List<UUID> pending =
                messages.stream().filter(Message::pending).map(Message::id).toList();
        if (pending.isEmpty()) {
            return messages;
        }
        Set<UUID> running = runs.running(pending);
        return messages.stream()
                .map(message -> running.contains(message.id()) ? message.generating() : message)
                .toList();
    }
}
