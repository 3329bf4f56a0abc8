package dev.parley.api.chat;

import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.http.Cursor;
import dev.parley.api.http.Page;
import dev.parley.api.id.Ids;
import dev.parley.api.message.MessageStore.Orphan;
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
        Chat chat = new Chat(ids.next(), title, false, false, Optional.empty(), now, now);
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

    /** Which chats a list is to show. @param folder one folder's; empty for all */
    record Filter(boolean archived, boolean pinned, Optional<String> folder) {}

    private static final String LIST = """
            SELECT %s FROM chats c
            WHERE c.user_id = :user AND c.archived = :archived AND (c.pinned OR NOT :pinned)
              AND (CAST(:folder AS text) IS NULL OR c.folder = :folder)
              AND (CAST(:updated_at AS timestamptz) IS NULL OR (c.updated_at, c.id) < (:updated_at, CAST(:id AS uuid)))
            ORDER BY c.updated_at DESC, c.id DESC LIMIT :limit
            """.formatted(Chat.COLUMNS);

    /** The number of parts of a list's cursor: when the last chat was changed, and its id. */
    static final int CURSOR_PARTS = 2;

    /** The most recently changed first. */
    Page<Chat> list(UUID user, Filter filter, Optional<Cursor> after, int limit) {
        List<Chat> chats = database.run(db -> Sql.of(db, LIST)
                .with("user", user)
                .with("archived", filter.archived())
                .with("pinned", filter.pinned())
                .with("folder", filter.folder())
                .with("updated_at", after.map(cursor -> cursor.instant(0)))
                .with("id", after.map(cursor -> cursor.uuid(1)))
                .with("limit", limit + 1)
                .list(Chat::of));
        return Page.of(chats, limit, chat -> Cursor.of(chat.updatedAt(), chat.id()));
    }

    /** @param chats how many are in it, the archived ones left out */
    record Folder(String name, long chats) {}

    /** More are not of use in a list. */
    static final int MOST_FOLDERS = 200;

    private static final String FOLDERS = """
            SELECT folder, count(*) FILTER (WHERE NOT archived) AS chats FROM chats
            WHERE user_id = :user AND folder IS NOT NULL GROUP BY folder ORDER BY folder LIMIT :limit
            """;

    List<Folder> folders(UUID user) {
        return database.run(db -> Sql.of(db, FOLDERS)
                .with("user", user)
                .with("limit", MOST_FOLDERS)
                .list(row -> new Folder(row.text("folder"), row.number("chats"))));
    }

    /** What is to become of a chat; what is absent stays. @param folder {@code ""} for none */
    record Changes(
            Optional<String> title, Optional<Boolean> pinned, Optional<Boolean> archived, Optional<String> folder) {}

    // Only a rename is news of the chat; putting it in order must not move it to the top.
    private static final String CHANGE = """
            UPDATE chats c
            SET title = COALESCE(CAST(:title AS text), c.title), pinned = COALESCE(CAST(:pinned AS boolean), c.pinned),
                archived = COALESCE(CAST(:archived AS boolean), c.archived),
                folder = NULLIF(COALESCE(CAST(:folder AS text), c.folder), ''),
                updated_at = CASE WHEN CAST(:title AS text) IS NULL THEN c.updated_at ELSE :now END
            WHERE c.id = :chat AND c.user_id = :user RETURNING %s
            """.formatted(Chat.COLUMNS);

    /** @return empty when the user has no such chat */
    Optional<Chat> change(UUID user, UUID chat, Changes changes) {
        return database.run(db -> Sql.of(db, CHANGE)
                .with("title", changes.title())
                .with("pinned", changes.pinned())
                .with("archived", changes.archived())
                .with("folder", changes.folder())
                .with("now", now())
                .with("chat", chat)
                .with("user", user)
                .one(Chat::of));
    }

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
