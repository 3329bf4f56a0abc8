package dev.parley.api.message;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.parley.api.chat.Chat;
import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.MessageStore.BranchPage;
import dev.parley.api.message.MessageStore.Regeneration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** The branches of a chat's tree of messages: which one is shown, and how another begins beside an answer. */
final class Branches {
    private final Database database;
    private final MessageRows rows;
    private final Ids ids;

    Branches(Database database, MessageRows rows, Ids ids) {
        this.database = database;
        this.rows = rows;
        this.ids = ids;
    }

    private static final TypeReference<List<UUID>> VERSIONS = new TypeReference<>() {};
    private static final String BRANCH = """
            WITH RECURSIVE chat AS (
                SELECT * FROM chats WHERE id = :chat AND user_id = :user
            ), branch AS (
                SELECT m.*, 1 AS depth
                FROM chat JOIN messages m ON m.id = COALESCE(CAST(:newest AS uuid), chat.head_id) AND m.chat_id = chat.id
                UNION ALL
                SELECT older.*, branch.depth + 1
                FROM branch JOIN messages older ON older.id = branch.parent_id
                WHERE branch.depth < :limit
            )
            SELECT %s, %s,
                   CASE WHEN m.parent_id IS NULL
                        THEN (SELECT json_agg(v.id ORDER BY v.id) FROM messages v
                              WHERE v.chat_id = c.id AND v.parent_id IS NULL)
                        ELSE (SELECT json_agg(v.id ORDER BY v.id) FROM messages v WHERE v.parent_id = m.parent_id)
                   END AS versions
            FROM chat c LEFT JOIN branch m ON TRUE ORDER BY m.depth DESC
            """.formatted(Chat.COLUMNS, MessageRows.COLUMNS);

    /** {@link MessageStore#branch} */
    Optional<BranchPage> branch(UUID user, UUID chat, Optional<UUID> newest, int limit) {
        record Line(Chat chat, Optional<Message> message, List<UUID> versions) {}
        List<Line> lines = database.run(db -> Sql.of(db, BRANCH)
                .with("chat", chat)
                .with("user", user)
                .with("newest", newest)
                .with("limit", limit)
                .list(row -> new Line(
                        Chat.of(row),
                        row.optionalUuid("id").map(id -> rows.message(row)),
                        row.json("versions", VERSIONS).orElse(List.of()))));
        if (lines.isEmpty()) {
            return Optional.empty();
        }
        List<Message> messages =
                lines.stream().flatMap(line -> line.message().stream()).toList();
        Map<UUID, List<UUID>> versions = new LinkedHashMap<>();
        for (Line line : lines) {
            if (line.versions().size() > 1) {
                line.message().ifPresent(message -> versions.put(message.id(), line.versions()));
            }
        }
        return Optional.of(new BranchPage(
                lines.getFirst().chat(),
                messages,
                versions,
                messages.stream().findFirst().flatMap(Message::parentId)));
    }

    // A new version of the answer, beside it; what the chat says now of how to ask holds.
    private static final String REGENERATE = """
            WITH answer AS (
                INSERT INTO messages
                    (id, chat_id, parent_id, role, status, model, settings, waits_for, request_id, created_at)
                SELECT CAST(:answer AS uuid), c.id, m.parent_id, 'assistant', 'queued',
                       COALESCE(CAST(:model AS text), c.settings->>'model', :standard_model), NULLIF(c.settings, '{}'),
                       CAST(:waits_for AS uuid), CAST(:request AS text), CAST(:now AS timestamptz)
                FROM messages m JOIN chats c ON c.id = m.chat_id
                WHERE m.id = :message
                RETURNING *
            ), due AS (
                INSERT INTO outbox (answer_id, round, created_at)
                SELECT id, round, CAST(:now AS timestamptz) FROM answer WHERE waits_for IS NULL
            ), shown AS (
                UPDATE chats c SET head_id = answer.id, updated_at = :now FROM answer WHERE c.id = answer.chat_id
                RETURNING c.*
            )
            SELECT %s, %s FROM answer m, shown c
            """.formatted(MessageRows.COLUMNS, Chat.COLUMNS);

    /** {@link MessageStore#regenerate} */
    Optional<Regeneration> regenerate(
            UUID user, UUID answer, Optional<String> model, String standardModel, String requestId) {
        return database.inTransaction(tx -> {
            Sql.of(tx, LOCK_CHAT_OF).with("message", answer).with("user", user).one(row -> row.uuid("id"));
            Optional<Message> old = Sql.of(tx, MessageRows.FIND)
                    .with("message", answer)
                    .with("user", user)
                    .one(rows::message);
            if (old.isEmpty() || old.get().role() == Role.USER) {
                return old.map(found -> new Regeneration.NotAnAnswer());
            }
            if (old.get().pending()) {
                return Optional.of(new Regeneration.Pending());
            }
            Optional<UUID> waitsFor = FollowUps.earlier(tx, answer);
            return Sql.of(tx, REGENERATE)
                    .with("answer", ids.next())
                    .with("message", answer)
                    .with("model", model)
                    .with("standard_model", standardModel)
                    .with("waits_for", waitsFor)
                    .with("request", requestId)
                    .with("now", rows.now())
                    .one(row -> new Regeneration.Begun(rows.message(row), Chat.of(row), waitsFor.isEmpty()));
        });
    }

    static final String LOCK_CHAT_OF = """
            SELECT c.id, c.head_id FROM chats c
            WHERE c.id = (SELECT chat_id FROM messages WHERE id = :message) AND c.user_id = :user
            FOR NO KEY UPDATE
            """;

    // From the message down its newest continuation.
    static final String SHOW = """
            WITH RECURSIVE line AS (
                SELECT m.id, 0 AS depth FROM messages m WHERE m.id = :message
                UNION ALL
                SELECT (SELECT next.id FROM messages next WHERE next.parent_id = line.id ORDER BY next.id DESC LIMIT 1),
                       line.depth + 1
                FROM line WHERE line.id IS NOT NULL
            )
            UPDATE chats c
            SET head_id = (SELECT id FROM line WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1)
            WHERE c.id = :chat
            RETURNING %s
            """.formatted(Chat.COLUMNS);

    /** {@link MessageStore#show} */
    Optional<Chat> show(UUID user, UUID message) {
        return database.inTransaction(tx -> Sql.of(tx, LOCK_CHAT_OF)
                .with("message", message)
                .with("user", user)
                .one(row -> row.uuid("id"))
                // In a statement of its own, which sees what was added while the lock was waited for.
                .flatMap(chat -> Sql.of(tx, SHOW)
                        .with("chat", chat)
                        .with("message", message)
                        .one(Chat::of)));
    }
}
