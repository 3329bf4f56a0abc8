package dev.parley.api.chat;

import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.http.Cursor;
import dev.parley.api.http.Page;
import dev.parley.api.id.Ids;
import dev.parley.pipeline.message.Json;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Chats, each question with the user it is for. Thread-safe. */
public final class ChatStore {
    private final Database database;
    private final Ids ids;
    private final Clock clock;

    public ChatStore(Database database, Ids ids, Clock clock) {
        this.database = database;
        this.ids = ids;
        this.clock = clock;
    }

    public Chat create(UUID user, String title, GenerationSettings settings) {
        Instant now = now();
        Chat chat = new Chat(ids.next(), title, now, now);
        database.run(db -> Sql.of(db, """
                        INSERT INTO chats (id, user_id, title, settings, created_at, updated_at)
                        VALUES (:id, :user, :title, CAST(:settings AS jsonb), :now, :now)
                        """)
                .with("id", chat.id())
                .with("user", user)
                .with("title", title)
                .with("settings", Json.text(settings))
                .with("now", now)
                .change());
        return chat;
    }

    private static final String FIND =
            "SELECT %s FROM chats c WHERE c.id = :chat AND c.user_id = :user".formatted(Chat.COLUMNS);

    public Optional<Chat> find(UUID user, UUID chat) {
        return database.run(
                db -> Sql.of(db, FIND).with("chat", chat).with("user", user).one(Chat::of));
    }

    /** @return empty when the user has no such chat */
    public Optional<GenerationSettings> settings(UUID user, UUID chat) {
        return database.run(db -> Sql.of(db, "SELECT settings FROM chats WHERE id = :chat AND user_id = :user")
                .with("chat", chat)
                .with("user", user)
                .one(GenerationSettings::of));
    }

    /** Changes how the messages sent from now on are asked. @return whether the user has such a chat */
    public boolean configure(UUID user, UUID chat, GenerationSettings settings) {
        return database.run(db -> Sql.of(
                                db,
                                "UPDATE chats SET settings = CAST(:settings AS jsonb) WHERE id = :chat AND user_id = :user")
                        .with("settings", Json.text(settings))
                        .with("chat", chat)
                        .with("user", user)
                        .change())
                > 0;
    }

    private static final String LIST = """
            SELECT %s FROM chats c WHERE c.user_id = :user
            ORDER BY c.updated_at DESC, c.id DESC LIMIT :limit
            """.formatted(Chat.COLUMNS);
    private static final String LIST_AFTER = """
            SELECT %s FROM chats c WHERE c.user_id = :user AND (c.updated_at, c.id) < (:updated_at, CAST(:id AS uuid))
            ORDER BY c.updated_at DESC, c.id DESC LIMIT :limit
            """.formatted(Chat.COLUMNS);

    /** The number of parts of a list's cursor: when the last chat was changed, and its id. */
    static final int CURSOR_PARTS = 2;

    /** The most recently changed first. */
    public Page<Chat> list(UUID user, Optional<Cursor> after, int limit) {
        List<Chat> chats = database.run(db -> {
            Sql sql = after.map(cursor -> Sql.of(db, LIST_AFTER)
                            .with("updated_at", cursor.instant(0))
                            .with("id", cursor.uuid(1)))
                    .orElseGet(() -> Sql.of(db, LIST));
            return sql.with("user", user).with("limit", limit + 1).list(Chat::of);
        });
        return Page.of(chats, limit, chat -> Cursor.of(chat.updatedAt(), chat.id()));
    }

    private static final String RENAME = """
            UPDATE chats c SET title = :title, updated_at = :now WHERE c.id = :chat AND c.user_id = :user RETURNING %s
            """.formatted(Chat.COLUMNS);

    public Optional<Chat> rename(UUID user, UUID chat, String title) {
        return database.run(db -> Sql.of(db, RENAME)
                .with("title", title)
                .with("now", now())
                .with("chat", chat)
                .with("user", user)
                .one(Chat::of));
    }

    /** An answer that was pending when its chat was deleted. @param round its last */
    public record Orphan(UUID answer, int round) {}

    /** @return the answers that somebody may still be working on; empty when the user has no such chat */
    public Optional<List<Orphan>> delete(UUID user, UUID chat) {
        return database.inTransaction(tx -> {
            // First the lock, so that the statements after it see what a send has just added.
            boolean found = Sql.of(tx, "SELECT id FROM chats WHERE id = :chat AND user_id = :user FOR UPDATE")
                    .with("chat", chat)
                    .with("user", user)
                    .one(row -> row.uuid("id"))
                    .isPresent();
            if (!found) {
                return Optional.empty();
            }
            List<Orphan> orphans = Sql.of(
                            tx,
                            "SELECT id, round FROM messages WHERE chat_id = :chat AND status IN ('queued', 'retrying')")
                    .with("chat", chat)
                    .list(row -> new Orphan(row.uuid("id"), row.integer("round")));
            Sql.of(tx, "DELETE FROM chats WHERE id = :chat").with("chat", chat).change();
            return Optional.of(orphans);
        });
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }
}
