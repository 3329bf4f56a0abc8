package dev.parley.api.message;

import dev.parley.api.chat.Chat;
import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.database.Database;
import dev.parley.api.database.Row;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.Message.Status;
import dev.parley.api.message.MessageStore.Draft;
import dev.parley.api.message.MessageStore.Idempotency;
import dev.parley.api.message.MessageStore.Sending;
import dev.parley.api.outbox.Conversation;
import dev.parley.api.outbox.OutboxEntry;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import io.helidon.dbclient.DbExecute;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Step 1 of a message's path: accepts a message, whole or not at all. */
final class Acceptance {
    private final Database database;
    private final MessageRows rows;
    private final Ids ids;
    private final Duration handOver;

    /** @param handOver how long a new message is left to the one who accepted it */
    Acceptance(Database database, MessageRows rows, Ids ids, Duration handOver) {
        this.database = database;
        this.rows = rows;
        this.ids = ids;
        this.handOver = handOver;
    }

    // Locks the chat, so that sends to it come one after the other.
    private static final String LOCK = """
            SELECT id FROM chats WHERE id = :chat AND user_id = :user FOR NO KEY UPDATE
            """;
    // A message, its answer, what has to be published, and the chat: all or nothing. On a used key, nothing. Nothing
    // either where a lock was waited for: then the end of the branch is newer than what this statement sees of it, and
    // there is no place.
    private static final String SEND =
            """
            WITH RECURSIVE version AS (
                SELECT parent_id FROM messages WHERE id = :edit_of AND chat_id = :chat AND role = 'user'
            ), chat AS (
                SELECT id, settings, COALESCE(CAST(:model AS text), settings->>'model', :standard_model) AS model,
                       CASE WHEN CAST(:edit_of AS uuid) IS NULL THEN head_id
                            ELSE (SELECT parent_id FROM version) END AS head_id,
                       CAST(:edit_of AS uuid) IS NULL OR EXISTS (SELECT 1 FROM version) AS version_found
                FROM chats WHERE id = :chat AND user_id = :user FOR NO KEY UPDATE
            ), head AS (
                SELECT id, status, waits_for, ctid AS version FROM messages WHERE id = (SELECT head_id FROM chat)
                FOR SHARE
            ), place AS (
                SELECT TRUE AS found, chat.head_id, chat.settings, chat.model, %s AS waits_for
                FROM chat LEFT JOIN head ON TRUE
                WHERE chat.version_found AND (chat.head_id IS NULL
                   OR EXISTS (SELECT 1 FROM messages seen WHERE seen.id = head.id AND seen.ctid = head.version))
            ), message AS (
                INSERT INTO messages
                    (id, chat_id, parent_id, role, content, status, model, created_at,
                     idempotency_key, request_hash, waited_for)
                SELECT CAST(:message AS uuid), CAST(:chat AS uuid), head_id, 'user', :content, 'completed', model,
                       CAST(:now AS timestamptz), :key, :hash, waits_for
                FROM place
                ON CONFLICT (chat_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
                RETURNING id, waited_for AS waits_for
            ), answer AS (
                INSERT INTO messages
                    (id, chat_id, parent_id, role, status, model, settings, waits_for, request_id, created_at)
                SELECT CAST(:answer AS uuid), CAST(:chat AS uuid), message.id, 'assistant', 'queued', place.model,
                       NULLIF(place.settings, '{}'), message.waits_for, CAST(:request AS text), CAST(:now AS timestamptz)
                FROM message, place
                RETURNING id, waits_for
            ), due AS (
                INSERT INTO outbox (answer_id, round, created_at, due_at)
                SELECT id, 1, CAST(:now AS timestamptz), now() + make_interval(secs => :hand_over)
                FROM answer WHERE waits_for IS NULL
                RETURNING id
            ), start AS (
                SELECT due.id AS key, place.head_id AS next_id, 1 AS depth, length(:content) AS total FROM due, place
            ), %s, sent AS (
                UPDATE chats c
                SET head_id = answer.id, updated_at = :now,
                    title = CASE WHEN c.title = '' AND c.head_id IS NULL THEN CAST(:title AS text) ELSE c.title END
                FROM answer
                WHERE c.id = :chat
                RETURNING c.*
            )
            SELECT place.head_id, place.waits_for, place.settings, place.model, chat.version_found,
                   place.found IS NULL AS overtaken, c.id IS NOT NULL AS sent, due.id AS outbox_id, conversation.turns, %s
            FROM chat LEFT JOIN place ON TRUE LEFT JOIN sent c ON TRUE LEFT JOIN due ON TRUE
            LEFT JOIN conversation ON TRUE
            """.formatted(FollowUps.WAITED_FOR.formatted("head"), Conversation.SQL, Chat.COLUMNS);
    private static final String REPEATED = """
            SELECT u.id AS message_id, u.parent_id, u.content, u.created_at, u.request_hash, u.waited_for, u.model,
                   a.id AS answer_id
            FROM messages u JOIN messages a ON a.parent_id = u.id
            WHERE u.chat_id = :chat AND u.idempotency_key = :key
            ORDER BY a.id
            """;

    /** {@link MessageStore#send} */
    Sending send(UUID user, UUID chat, Draft draft) {
        return database.run(db -> trySend(db, user, chat, draft))
                .orElseGet(() -> database.inTransaction(tx -> {
                    Sql.of(tx, LOCK).with("chat", chat).with("user", user).list(row -> row.uuid("id"));
                    // Whoever ends the last answer meanwhile may win once more; then its row is locked here, as it
                    // stays.
                    for (int tries = 0; tries < 3; tries++) {
                        Optional<Sending> sending = trySend(tx, user, chat, draft);
                        if (sending.isPresent()) {
                            return sending.get();
                        }
                    }
                    throw new IllegalStateException("a locked branch changed under its lock");
                }));
    }

    /** @return empty when this was overtaken and has done nothing */
    private Optional<Sending> trySend(DbExecute db, UUID user, UUID chat, Draft draft) {
        UUID message = ids.next();
        UUID answer = ids.next();
        Instant now = rows.now();
        Optional<Optional<Sending>> sending = Conversation.STANDARD
                .bind(Sql.of(db, SEND))
                .with("user", user)
                .with("message", message)
                .with("answer", answer)
                .with("chat", chat)
                .with("content", draft.content())
                .with("edit_of", draft.editOf())
                .with("model", draft.model())
                .with("standard_model", draft.standardModel())
                .with("now", now)
                .with("key", draft.idempotency().map(Idempotency::key))
                .with("hash", draft.idempotency().map(Idempotency::requestHash))
                .with("request", draft.requestId())
                .with("title", Title.of(draft.content()))
                .with("hand_over", handOver.toMillis() / 1000.0)
                .one(row -> {
                    if (!row.bool("version_found")) {
                        return Optional.of(new Sending.NoSuchVersion());
                    }
                    if (row.bool("overtaken")) {
                        return Optional.empty();
                    }
                    if (!row.bool("sent")) {
                        return Optional.of(draft.idempotency()
                                .flatMap(used -> repeated(db, chat, used))
                                .orElseThrow(() -> new IllegalStateException("neither sent nor sent before")));
                    }
                    Sent sent = sent(
                            chat,
                            row.optionalUuid("head_id"),
                            draft.content(),
                            row.text("model"),
                            now,
                            message,
                            answer,
                            row.optionalUuid("waits_for"));
                    return Optional.of(new Sending.Accepted(sent, Chat.of(row), due(row, user, sent, draft)));
                });
        return sending.orElseGet(() -> Optional.of(new Sending.NoSuchChat()));
    }

    /** What the relay would read from the outbox, without reading it. */
    private static Optional<OutboxEntry> due(Row row, UUID user, Sent sent, Draft draft) {
        Message answer = sent.answer();
        if (answer.waitsFor().isPresent()) {
            return Optional.empty();
        }
        List<Turn> turns = new ArrayList<>(Conversation.turns(row));
        turns.add(new Turn(GenerationRequest.Role.USER, draft.content()));
        GenerationRequest request = GenerationRequest.first(
                new AnswerRef(answer.chatId(), answer.id(), 1, 1),
                user,
                row.text("model"),
                turns,
                draft.requestId(),
                answer.createdAt());
        return Optional.of(new OutboxEntry(
                row.number("outbox_id"),
                answer.id(),
                Optional.of(GenerationSettings.of(row).applyTo(request))));
    }

    /** {@link MessageStore#sentBefore} */
    Optional<Sending> sentBefore(UUID user, UUID chat, Idempotency idempotency) {
        return database.run(db -> Sql.of(db, "SELECT id FROM chats WHERE id = :chat AND user_id = :user")
                .with("chat", chat)
                .with("user", user)
                .one(row -> row.uuid("id"))
                .flatMap(own -> repeated(db, own, idempotency)));
    }

    private Optional<Sending> repeated(DbExecute db, UUID chat, Idempotency idempotency) {
        return Sql.of(db, REPEATED)
                .with("chat", chat)
                .with("key", idempotency.key())
                .one(row -> row.text("request_hash").equals(idempotency.requestHash())
                        ? new Sending.Repeated(sent(
                                chat,
                                row.optionalUuid("parent_id"),
                                row.text("content"),
                                row.text("model"),
                                row.instant("created_at"),
                                row.uuid("message_id"),
                                row.uuid("answer_id"),
                                row.optionalUuid("waited_for")))
                        : new Sending.KeyReused());
    }

    private static Sent sent(
            UUID chat,
            Optional<UUID> head,
            String content,
            String model,
            Instant at,
            UUID messageId,
            UUID answerId,
            Optional<UUID> waitsFor) {
        Message message = plain(
                messageId, chat, head, Role.USER, content, Status.COMPLETED, Optional.empty(), Optional.empty(), at);
        Message answer = plain(
                answerId,
                chat,
                Optional.of(messageId),
                Role.ASSISTANT,
                "",
                Status.QUEUED,
                waitsFor,
                Optional.of(model),
                at);
        return new Sent(message, answer);
    }

    private static Message plain(
            UUID id,
            UUID chat,
            Optional<UUID> parent,
            Role role,
            String content,
            Status status,
            Optional<UUID> waitsFor,
            Optional<String> model,
            Instant at) {
        return new Message(
                id,
                chat,
                parent,
                role,
                content,
                status,
                Optional.of(1).filter(round -> role == Role.ASSISTANT),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                waitsFor,
                Optional.empty(),
                model,
                Optional.empty(),
                at,
                Optional.empty());
    }
}
