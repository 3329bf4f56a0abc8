package dev.parley.api.transfer;

import dev.parley.api.chat.Chat;
import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.transfer.ImportCheck.Tree;
import dev.parley.pipeline.message.Json;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Whole chats, in and out. Thread-safe. */
public final class TransferStore {
    private final Database database;
    private final Ids ids;
    private final Clock clock;

    public TransferStore(Database database, Ids ids, Clock clock) {
        this.database = database;
        this.ids = ids;
        this.clock = clock;
    }

    /**
     * What an export is made from; the messages follow in portions.
     *
     * @param branch the messages of the current branch in order
     * @param all the messages of all branches, each after its parent
     */
    record Contents(Chat chat, GenerationSettings settings, Optional<UUID> head, List<UUID> branch, List<UUID> all) {}

    private static final String BRANCH = """
            WITH RECURSIVE branch AS (
                SELECT id, parent_id, 1 AS depth FROM messages WHERE id = :head
                UNION ALL
                SELECT m.id, m.parent_id, depth + 1 FROM branch JOIN messages m ON m.id = branch.parent_id
            )
            SELECT id FROM branch ORDER BY depth DESC
            """;

    /** @return empty when the user has no such chat */
    Optional<Contents> contents(UUID user, UUID chat) {
        return database.inTransaction(tx -> Sql.of(
                        tx,
                        "SELECT c.head_id, c.settings, %s FROM chats c WHERE c.id = :chat AND c.user_id = :user"
                                .formatted(Chat.COLUMNS))
                .with("chat", chat)
                .with("user", user)
                .one(row -> {
                    Optional<UUID> head = row.optionalUuid("head_id");
                    return new Contents(
                            Chat.of(row),
                            GenerationSettings.of(row),
                            head,
                            Sql.of(tx, BRANCH).with("head", head).list(line -> line.uuid("id")),
                            // Ids grow with time, so a parent comes first.
                            Sql.of(tx, "SELECT id FROM messages WHERE chat_id = :chat ORDER BY id")
                                    .with("chat", chat)
                                    .list(line -> line.uuid("id")));
                }));
    }

    private static final String CHAT = """
            INSERT INTO chats AS c (id, user_id, title, settings, created_at, updated_at)
            VALUES (:id, :user, :title, CAST(:settings AS jsonb), :created, :now)
            """;
    private static final String MESSAGES = """
            INSERT INTO messages
                (id, chat_id, parent_id, role, content, status, error, model, input_tokens, output_tokens, created_at,
                 completed_at)
            SELECT id, CAST(:chat AS uuid), "parentId", role, content, status, error, model, "inputTokens", "outputTokens",
                   "createdAt", "completedAt"
            FROM jsonb_to_recordset(CAST(:messages AS jsonb)) AS message(
                id uuid, "parentId" uuid, role text, content text, status text, error jsonb, model text, "inputTokens" int,
                "outputTokens" int, "createdAt" timestamptz, "completedAt" timestamptz)
            """;
    /** A chat stands in the list where its last message puts it, and not with a thousand others on the day of their import. */
    private static final String HEAD = """
            UPDATE chats c SET head_id = CAST(:head AS uuid),
                updated_at = (SELECT LEAST(COALESCE(max(m.created_at), c.updated_at), now()) FROM messages m WHERE m.chat_id = c.id)
            WHERE c.id = :id RETURNING %s
            """.formatted(Chat.COLUMNS);

    /**
     * Stores a chat of a file, whole or not at all.
     *
     * @param settings checked
     * @throws dev.parley.api.http.Problem when the file's messages do not make a chat
     */
    Chat add(UUID user, ChatFile file, GenerationSettings settings) {
        Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        UUID id = ids.next();
        Tree tree = ImportCheck.check(file, ids::next, now);
        return database.inTransaction(tx -> {
            Sql.of(tx, CHAT)
                    .with("id", id)
                    .with("user", user)
                    .with("title", file.title().orElse(""))
                    .with("settings", Json.text(settings))
                    .with("created", file.createdAt().orElse(now))
                    .with("now", now)
                    .change();
            Sql.of(tx, MESSAGES)
                    .with("chat", id)
                    .with("messages", Json.text(tree.messages()))
                    .change();
            return Sql.of(tx, HEAD)
                    .with("id", id)
                    .with("head", tree.head())
                    .one(Chat::of)
                    .orElseThrow();
        });
    }
}
