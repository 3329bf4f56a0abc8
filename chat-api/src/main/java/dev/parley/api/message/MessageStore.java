package dev.parley.api.message;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.parley.api.chat.Chat;
import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.database.Database;
import dev.parley.api.database.Row;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.Message.Status;
import dev.parley.api.message.MessageRows.Stored;
import dev.parley.api.outbox.Conversation;
import dev.parley.api.outbox.OutboxEntry;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import dev.parley.pipeline.message.Json;
import io.helidon.dbclient.DbExecute;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Messages and answers. Every question names the user, and another user's message is as absent as one that never was.
 *
 * <p>Two invariants live here. An answer ends once: only a pending answer of the same round is changed. And an answer
 * that waits for an earlier one is never forgotten: whoever makes it wait has read the earlier answer as pending
 * <em>under a share lock</em>, and whoever ends the earlier one changes its row <em>first</em> and looks for those that
 * wait in a <em>later statement</em>, whose snapshot then holds all of them. Locks are taken in the order chat, earlier
 * answer, later answer.
 *
 * <p>Thread-safe.
 */
public final class MessageStore {
    /** Long for publishing what was just committed, short for the users of an instance that died before it could. */
    private static final Duration HAND_OVER = Duration.ofSeconds(5);

    private final Database database;
    private final Ids ids;
    private final Clock clock;
    private final int maxAttempts;
    private final Duration handOver;

    /** @param maxAttempts how often an answer is tried in one round, as shown to users */
    public MessageStore(Database database, Ids ids, Clock clock, int maxAttempts) {
        this(database, ids, clock, maxAttempts, HAND_OVER);
    }

    /** @param handOver how long a new message is left to the one who accepted it */
    public MessageStore(Database database, Ids ids, Clock clock, int maxAttempts, Duration handOver) {
        this.handOver = handOver;
        this.database = database;
        this.ids = ids;
        this.clock = clock;
        this.maxAttempts = maxAttempts;
    }

    /**
     * What is to be sent, checked and filled in.
     *
     * @param editOf a user's message of the chat of which this is another version: it begins a branch beside it
     * @param model empty for the chat's, or, where it has none, the standard one
     * @param requestHash tells requests apart that use the same idempotency key
     * @param requestId of the HTTP request
     */
    public record Draft(
            String content,
            Optional<UUID> editOf,
            Optional<String> model,
            String standardModel,
            Optional<String> idempotencyKey,
            String requestHash,
            String requestId) {}

    /** What became of a send. */
    public sealed interface Sending {
        /**
         * @param chat as the send left it
         * @param due what can be published at once; empty when an earlier answer is waited for
         */
        record Accepted(Sent sent, Chat chat, Optional<OutboxEntry> due) implements Sending {}

        /** The chat has no such user's message that this could be a version of. */
        record NoSuchVersion() implements Sending {}

        /** The key was used before, for the same request; {@code sent} is what was answered then. */
        record Repeated(Sent sent) implements Sending {}

        /** The key was used before, for another request. */
        record KeyReused() implements Sending {}

        record NoSuchChat() implements Sending {}
    }

    // A pending answer is waited for; behind a cancelled one that itself would have to wait, the same is awaited.
    private static final String WAITED_FOR =
            "CASE WHEN %1$s.status IN ('queued', 'retrying') THEN %1$s.id ELSE %1$s.waits_for END";

    // Locks the chat, so that sends to it come one after the other.
    private static final String LOCK = """
            SELECT id FROM chats WHERE id = :chat AND user_id = :user FOR NO KEY UPDATE
            """;
    // A message, its answer, what has to be published, and the chat: all or nothing. On a used key, nothing. Nothing
    // either where a lock was waited for: then the end of the branch is newer than what this statement sees of it, and
    // there is no place.
    private static final String SEND = """
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
            """.formatted(WAITED_FOR.formatted("head"), Conversation.SQL, Chat.COLUMNS);
    private static final String REPEATED = """
            SELECT u.id AS message_id, u.parent_id, u.content, u.created_at, u.request_hash, u.waited_for, u.model,
                   a.id AS answer_id
            FROM messages u JOIN messages a ON a.parent_id = u.id
            WHERE u.chat_id = :chat AND u.idempotency_key = :key
            ORDER BY a.id
            """;

    /**
     * Accepts a message: stores it with its pending answer, and puts the answer's request into the outbox or makes it
     * wait for the pending answer before it. One statement, which is its own transaction; two and the commit more when
     * another send to the chat, or the end of its last answer, was just under way.
     */
    public Sending send(UUID user, UUID chat, Draft draft) {
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
        Instant now = now();
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
                .with("key", draft.idempotencyKey())
                .with("hash", draft.idempotencyKey().map(key -> draft.requestHash()))
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
                        return Optional.of(draft.idempotencyKey()
                                .flatMap(key -> repeated(db, chat, key, draft.requestHash()))
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

    /** What an earlier request with this key led to; empty when there was none, or the user has no such chat. */
    Optional<Sending> sentBefore(UUID user, UUID chat, String key, String hash) {
        return database.run(db -> Sql.of(db, "SELECT id FROM chats WHERE id = :chat AND user_id = :user")
                .with("chat", chat)
                .with("user", user)
                .one(row -> row.uuid("id"))
                .flatMap(own -> repeated(db, own, key, hash)));
    }

    private Optional<Sending> repeated(DbExecute db, UUID chat, String key, String hash) {
        return Sql.of(db, REPEATED)
                .with("chat", chat)
                .with("key", key)
                .one(row -> row.text("request_hash").equals(hash)
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

    /**
     * An update that changed its answer.
     *
     * @param requestId of the HTTP request that asked for it, for the logs
     * @param followUpsReleased whether the outbox has something new for the relay
     */
    public record Applied(Message message, UUID chatId, Optional<String> requestId, boolean followUpsReleased) {}

    // A final text is taken from any attempt of the round: whichever finishes first has answered.
    private static final String COMPLETE = """
            UPDATE messages m
            SET status = 'completed', content = :content, model = COALESCE(CAST(:model AS text), m.model),
                attempt = :attempt, input_tokens = :input, output_tokens = :output, error = CAST(:error AS jsonb),
                next_attempt_at = NULL, expected_at = NULL, ahead = NULL, completed_at = :at
            WHERE m.id = :answer AND m.round = :round AND m.status IN ('queued', 'retrying')
            RETURNING %s, m.request_id
            """.formatted(MessageRows.COLUMNS);
    // Also from any attempt: a dead letter may be one attempt behind what the user was told, and nothing else would
    // end its answer.
    private static final String FAIL = """
            UPDATE messages m
            SET status = 'failed', error = CAST(:error AS jsonb), attempt = GREATEST(m.attempt, :attempt),
                next_attempt_at = NULL, expected_at = NULL, ahead = NULL, completed_at = :at
            WHERE m.id = :answer AND m.round = :round AND m.status IN ('queued', 'retrying')
            RETURNING %s, m.request_id
            """.formatted(MessageRows.COLUMNS);
    // Each attempt is announced once, and never goes back to an earlier one.
    private static final String RETRY_LATER = """
            UPDATE messages m
            SET status = 'retrying', error = CAST(:error AS jsonb), attempt = :attempt, next_attempt_at = :at,
                expected_at = NULL, ahead = NULL
            WHERE m.id = :answer AND m.round = :round AND m.status IN ('queued', 'retrying')
              AND (m.attempt IS NULL OR m.attempt < :attempt)
            RETURNING %s, m.request_id
            """.formatted(MessageRows.COLUMNS);
    // A request that is parked asks for its place again each time it is back. The same place, told by another clock or
    // a moment later, is no news as long as no more and no fewer come before it.
    private static final String WAIT = """
            UPDATE messages m
            SET status = 'queued', error = NULL, attempt = :attempt, next_attempt_at = NULL, expected_at = :at,
                ahead = CAST(:ahead AS int)
            WHERE m.id = :answer AND m.round = :round AND m.status IN ('queued', 'retrying')
              AND (m.attempt IS NULL OR m.attempt <= :attempt)
              AND (m.attempt IS DISTINCT FROM :attempt OR m.expected_at IS NULL OR m.ahead IS DISTINCT FROM CAST(:ahead AS int)
                OR abs(extract(epoch FROM m.expected_at - CAST(:at AS timestamptz))) >= 2)
            RETURNING %s, m.request_id
            """.formatted(MessageRows.COLUMNS);

    /**
     * Applies what became of a try, once: a duplicate, an update of an earlier round, or one for an answer that has
     * ended or is gone changes nothing and is empty. An end releases the follow-ups in the same transaction.
     *
     * <p>One statement and the commit for a passing state, two for an end, three when follow-ups waited.
     */
    public Optional<Applied> apply(AnswerUpdate update) {
        return database.inTransaction(tx -> changed(tx, update).map(changed -> {
            Message message = changed.message();
            boolean released = !message.pending() && release(tx, message.id());
            return new Applied(message, message.chatId(), changed.requestId(), released);
        }));
    }

    /** Ends an answer whose request the broker has given up on. */
    public Optional<Applied> failDeadLetter(AnswerRef answer, Failure failure) {
        return apply(new AnswerUpdate.Failed(answer, failure, now()));
    }

    private record Changed(Message message, Optional<String> requestId) {}

    private Optional<Changed> changed(DbExecute tx, AnswerUpdate update) {
        Sql sql =
                switch (update) {
                    case AnswerUpdate.Completed done ->
                        Sql.of(tx, COMPLETE)
                                .with("content", Storable.text(done.text()))
                                .with("model", Optional.ofNullable(done.model()))
                                .with("input", Optional.ofNullable(done.usage()).map(AnswerUpdate.Usage::inputTokens))
                                .with(
                                        "output",
                                        Optional.ofNullable(done.usage()).map(AnswerUpdate.Usage::outputTokens))
                                .with(
                                        "error",
                                        Optional.ofNullable(done.notice())
                                                .flatMap(notice -> notice.map(MessageStore::json)))
                                .with("at", done.completedAt());
                    case AnswerUpdate.Failed failed ->
                        Sql.of(tx, FAIL).with("error", json(failed.failure())).with("at", failed.failedAt());
                    case AnswerUpdate.Retrying retrying ->
                        Sql.of(tx, RETRY_LATER)
                                .with("error", json(retrying.failure()))
                                .with("at", retrying.nextAttemptAt());
                    case AnswerUpdate.Waiting waiting ->
                        Sql.of(tx, WAIT).with("at", waiting.expectedAt()).with("ahead", waiting.ahead());
                };
        AnswerRef answer = update.answer();
        return sql.with("answer", answer.answerId())
                .with("round", answer.round())
                .with("attempt", answer.attempt())
                .one(row -> new Changed(message(row), row.optionalText("request_id")));
    }

    private static String json(Failure failure) {
        return Storable.text(Json.text(failure));
    }

    private static final String RELEASE = """
            WITH freed AS (
                UPDATE messages SET waits_for = NULL WHERE waits_for = :ended RETURNING id, round, status
            ), due AS (
                INSERT INTO outbox (answer_id, round, created_at)
                SELECT id, round, CAST(:now AS timestamptz) FROM freed WHERE status IN ('queued', 'retrying') ORDER BY id
                RETURNING id
            )
            SELECT (SELECT count(*) FROM freed) AS freed, (SELECT count(*) FROM due) AS due
            """;

    /** Must come after the statement that ended the answer: see the class. @return whether the outbox grew */
    private boolean release(DbExecute tx, UUID ended) {
        boolean grew = false;
        while (true) {
            record Released(long freed, long due) {}
            Released released = Sql.of(tx, RELEASE)
                    .with("ended", ended)
                    .with("now", now())
                    .one(row -> new Released(row.number("freed"), row.number("due")))
                    .orElseThrow();
            grew |= released.due() > 0;
            // Waiting for a row's lock may have let a send behind that row come in: look again, until nobody waits.
            if (released.freed() == 0) {
                return grew;
            }
        }
    }

    /**
     * What a user's wish did to an answer.
     *
     * @param round the answer's round now; runs of lower rounds are obsolete
     * @param changed false when it already was so, or may not become so: {@code message} tells
     * @param outboxGrew whether the relay has something to do
     */
    public record Change(Message message, int round, boolean changed, boolean outboxGrew) {}

    private static final String FIND = """
            SELECT %s FROM messages m JOIN chats c ON c.id = m.chat_id WHERE m.id = :message AND c.user_id = :user
            """.formatted(MessageRows.COLUMNS);
    private static final String CANCEL = """
            UPDATE messages m
            SET status = 'cancelled', content = :content, round = m.round + 1, error = NULL, next_attempt_at = NULL,
                expected_at = NULL, ahead = NULL, completed_at = :now
            FROM chats c
            WHERE m.id = :message AND c.id = m.chat_id AND c.user_id = :user AND m.status IN ('queued', 'retrying')
            RETURNING %s
            """.formatted(MessageRows.COLUMNS);
    // A row that the relay is publishing stays: its round is over, so the worker drops it.
    private static final String WITHDRAW = """
            DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE answer_id = :answer FOR UPDATE SKIP LOCKED)
            """;
    private static final String WAIT_FOR_OTHER = """
            UPDATE messages SET waits_for = :other WHERE waits_for = :answer
            """;

    /**
     * Cancels a pending answer; any other is left as it is.
     *
     * @param textSoFar what stays of it
     * @return empty when the user has no such message
     */
    public Optional<Change> cancel(UUID user, UUID answer, String textSoFar) {
        return database.inTransaction(tx -> {
            Optional<Stored> cancelled = Sql.of(tx, CANCEL)
                    .with("message", answer)
                    .with("user", user)
                    .with("content", Storable.text(textSoFar))
                    .with("now", now())
                    .one(this::stored);
            if (cancelled.isEmpty()) {
                return unchanged(tx, user, answer);
            }
            Stored now = cancelled.get();
            boolean grew = false;
            if (now.waitsFor().isEmpty()) {
                Sql.of(tx, WITHDRAW).with("answer", answer).change();
                grew = release(tx, answer);
            } else {
                // Its own turn had not come, so neither has that of those behind it.
                Sql.of(tx, WAIT_FOR_OTHER)
                        .with("answer", answer)
                        .with("other", now.waitsFor())
                        .change();
            }
            return Optional.of(new Change(now.message(), now.round(), true, grew));
        });
    }

    private static final String LOCK_EARLIER = """
            SELECT %s AS waits_for
            FROM messages m
            JOIN messages question ON question.id = m.parent_id
            JOIN messages earlier ON earlier.id = question.parent_id
            WHERE m.id = :message
            FOR SHARE OF earlier
            """.formatted(WAITED_FOR.formatted("earlier"));
    private static final String RETRY = nextRound("""
            FROM chats c
            WHERE m.id = :message AND c.id = m.chat_id AND c.user_id = :user
              AND m.status IN ('failed', 'cancelled', 'retrying')
            """);
    // A letter may be dead before its answer is shown as failed.
    private static final String REDRIVE = nextRound("""
            WHERE m.id = :message AND m.round = :round AND m.status IN ('failed', 'queued', 'retrying')
            """);

    private static String nextRound(String which) {
        return """
            WITH retried AS (
                UPDATE messages m
                SET status = 'queued', content = '', round = m.round + 1, attempt = NULL, error = NULL,
                    next_attempt_at = NULL, expected_at = NULL, ahead = NULL, completed_at = NULL, waits_for = :waits_for,
                    request_id = :request
                %s
                RETURNING m.*
            ), due AS (
                INSERT INTO outbox (answer_id, round, created_at)
                SELECT id, round, CAST(:now AS timestamptz) FROM retried WHERE waits_for IS NULL
            )
            SELECT %s FROM retried m
            """.formatted(which, MessageRows.COLUMNS);
    }

    private static final String WAIT_BEHIND = """
            UPDATE messages later SET waits_for = :answer
            FROM messages question
            WHERE question.parent_id = :answer AND later.parent_id = question.id AND later.waits_for = :other
            """;

    /**
     * Begins the next round of an answer that failed, was cancelled or waits for its retry; any other is left as it is.
     *
     * @return empty when the user has no such message
     */
    public Optional<Change> retry(UUID user, UUID answer, String requestId) {
        return database.inTransaction(
                tx -> nextRound(tx, answer, requestId, Sql.of(tx, RETRY).with("user", user))
                        .or(() -> unchanged(tx, user, answer)));
    }

    /**
     * Begins the next round of an answer whose request is a dead letter.
     *
     * @param dead the try that died
     * @return empty when the letter is obsolete: the answer is gone, has been answered, cancelled or tried again
     */
    public Optional<Change> redrive(AnswerRef dead, String requestId) {
        return database.inTransaction(tx ->
                nextRound(tx, dead.answerId(), requestId, Sql.of(tx, REDRIVE).with("round", dead.round())));
    }

    private Optional<Change> nextRound(DbExecute tx, UUID answer, String requestId, Sql begin) {
        Optional<UUID> waitsFor = earlier(tx, answer);
        Optional<Stored> retried = begin.with("message", answer)
                .with("waits_for", waitsFor)
                .with("request", requestId)
                .with("now", now())
                .one(this::stored);
        if (retried.isEmpty()) {
            return Optional.empty();
        }
        // What a cancel had moved away from this answer stands behind it again.
        waitsFor.ifPresent(other -> Sql.of(tx, WAIT_BEHIND)
                .with("answer", answer)
                .with("other", other)
                .change());
        Stored now = retried.get();
        return Optional.of(new Change(now.message(), now.round(), true, waitsFor.isEmpty()));
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

    /** What an answer has to wait for: see the class. */
    private static Optional<UUID> earlier(DbExecute tx, UUID answer) {
        return Sql.of(tx, LOCK_EARLIER)
                .with("message", answer)
                .one(row -> row.optionalUuid("waits_for"))
                .flatMap(earlier -> earlier);
    }

    /** What became of a wish for another version of an answer. */
    public sealed interface Regeneration {
        /** @param outboxGrew whether the relay has something to do */
        record Begun(Message answer, Chat chat, boolean outboxGrew) implements Regeneration {}

        /** A user's message. */
        record NotAnAnswer() implements Regeneration {}

        /** It has not ended yet. */
        record Pending() implements Regeneration {}
    }

    /**
     * Asks for another version of an ended answer, and shows that branch.
     *
     * @param model empty for the chat's, or, where it has none, the standard one
     * @return empty when the user has no such message
     */
    public Optional<Regeneration> regenerate(
            UUID user, UUID answer, Optional<String> model, String standardModel, String requestId) {
        return database.inTransaction(tx -> {
            Sql.of(tx, LOCK_CHAT_OF).with("message", answer).with("user", user).one(row -> row.uuid("id"));
            Optional<Message> old =
                    Sql.of(tx, FIND).with("message", answer).with("user", user).one(this::message);
            if (old.isEmpty() || old.get().role() == Role.USER) {
                return old.map(found -> new Regeneration.NotAnAnswer());
            }
            if (old.get().pending()) {
                return Optional.of(new Regeneration.Pending());
            }
            Optional<UUID> waitsFor = earlier(tx, answer);
            return Sql.of(tx, REGENERATE)
                    .with("answer", ids.next())
                    .with("message", answer)
                    .with("model", model)
                    .with("standard_model", standardModel)
                    .with("waits_for", waitsFor)
                    .with("request", requestId)
                    .with("now", now())
                    .one(row -> new Regeneration.Begun(message(row), Chat.of(row), waitsFor.isEmpty()));
        });
    }

    // From the message down its newest continuation.
    private static final String SHOW = """
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

    /**
     * Makes the branch that a message is on the current one, with the message's newest continuation as its end.
     *
     * @return empty when the user has no such message
     */
    public Optional<Chat> show(UUID user, UUID message) {
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

    /** What became of an edit or a withdrawal. */
    public sealed interface Revision {
        /** @param answer whose next round has begun */
        record Edited(Message message, Change answer) implements Revision {}

        /** @param round above those of the answer that was withdrawn */
        record Withdrawn(UUID answer, int round, Chat chat) implements Revision {}

        /** Not a user's message. */
        record NotAsked() implements Revision {}

        /** Its answer is final. */
        record Ended() implements Revision {}

        /** Later messages build upon it. */
        record Followed() implements Revision {}
    }

    private static final String ANSWERS = """
            SELECT %s FROM messages m WHERE m.parent_id = :message AND m.role = 'assistant' ORDER BY m.id FOR UPDATE
            """.formatted(MessageRows.COLUMNS);
    private static final String ANSWER_OF = """
            SELECT m.id FROM messages m JOIN chats c ON c.id = m.chat_id
            WHERE m.parent_id = :message AND m.role = 'assistant' AND c.user_id = :user
            ORDER BY m.id DESC LIMIT 1
            """;
    // Whatever waits behind the answer has not read its question yet.
    private static final String READ_ON = """
            SELECT later.id
            FROM messages question JOIN messages later ON later.parent_id = question.id
            WHERE question.parent_id = :answer AND later.waits_for IS NULL
            LIMIT 1
            """;
    private static final String EDIT = """
            UPDATE messages m SET content = :content WHERE m.id = :message RETURNING %s
            """.formatted(MessageRows.COLUMNS);
    private static final String ASK_AGAIN = nextRound("WHERE m.id = :message");

    /** The answer of a user's message. */
    Optional<UUID> answerOf(UUID user, UUID message) {
        return database.run(db -> Sql.of(db, ANSWER_OF)
                .with("message", message)
                .with("user", user)
                .one(row -> row.uuid("id")));
    }

    /**
     * Changes a user's message whose answer is pending, and begins the answer's next round with it.
     *
     * @return empty when the user has no such message
     */
    public Optional<Revision> edit(UUID user, UUID message, String content, String requestId) {
        return database.inTransaction(tx -> {
            Optional<Message> question =
                    Sql.of(tx, FIND).with("message", message).with("user", user).one(this::message);
            if (question.isEmpty() || question.get().role() != Role.USER) {
                return question.map(found -> new Revision.NotAsked());
            }
            Optional<Stored> pending = onlyPending(tx, message);
            if (pending.isEmpty()) {
                return Optional.of(new Revision.Ended());
            }
            UUID answer = pending.get().message().id();
            if (Sql.of(tx, READ_ON)
                    .with("answer", answer)
                    .one(row -> row.uuid("id"))
                    .isPresent()) {
                return Optional.of(new Revision.Followed());
            }
            Message edited = Sql.of(tx, EDIT)
                    .with("message", message)
                    .with("content", content)
                    .one(this::message)
                    .orElseThrow();
            Sql.of(tx, WITHDRAW).with("answer", answer).change();
            Stored again = Sql.of(tx, ASK_AGAIN)
                    .with("message", answer)
                    .with("waits_for", pending.get().waitsFor())
                    .with("request", requestId)
                    .with("now", now())
                    .one(this::stored)
                    .orElseThrow();
            return Optional.of(new Revision.Edited(
                    edited,
                    new Change(
                            again.message(),
                            again.round(),
                            true,
                            again.waitsFor().isEmpty())));
        });
    }

    /** The answer of a message, locked, if it is the only one and pending. */
    private Optional<Stored> onlyPending(DbExecute tx, UUID message) {
        List<Stored> answers = Sql.of(tx, ANSWERS).with("message", message).list(this::stored);
        return answers.size() == 1 && answers.getFirst().message().pending()
                ? Optional.of(answers.getFirst())
                : Optional.empty();
    }

    private static final String LOCK_CHAT_OF = """
            SELECT c.id, c.head_id FROM chats c
            WHERE c.id = (SELECT chat_id FROM messages WHERE id = :message) AND c.user_id = :user
            FOR NO KEY UPDATE
            """;
    // A chat that is empty again and has the title of its only message gets a new one from the next.
    private static final String STEP_BACK = """
            UPDATE chats c
            SET head_id = CAST(:head AS uuid), updated_at = :now,
                title = CASE WHEN CAST(:head AS uuid) IS NULL AND c.title = :title THEN '' ELSE c.title END
            WHERE c.id = :chat
            RETURNING %s
            """.formatted(Chat.COLUMNS);

    /**
     * Deletes the last message of a chat together with its pending answer.
     *
     * @return empty when the user has no such message
     */
    public Optional<Revision> withdraw(UUID user, UUID message) {
        return database.inTransaction(tx -> {
            Optional<Optional<UUID>> head = Sql.of(tx, LOCK_CHAT_OF)
                    .with("message", message)
                    .with("user", user)
                    .one(row -> row.optionalUuid("head_id"));
            Optional<Message> question =
                    Sql.of(tx, FIND).with("message", message).with("user", user).one(this::message);
            if (head.isEmpty() || question.isEmpty()) {
                return Optional.empty();
            }
            if (question.get().role() != Role.USER) {
                return Optional.of(new Revision.NotAsked());
            }
            Optional<Stored> pending = onlyPending(tx, message);
            if (pending.isEmpty()) {
                return Optional.of(new Revision.Ended());
            }
            UUID answer = pending.get().message().id();
            if (!head.get().equals(Optional.of(answer))) {
                return Optional.of(new Revision.Followed());
            }
            Chat chat = Sql.of(tx, STEP_BACK)
                    .with("chat", question.get().chatId())
                    .with("head", question.get().parentId())
                    .with("title", Title.of(question.get().content()))
                    .with("now", now())
                    .one(Chat::of)
                    .orElseThrow();
            Sql.of(tx, WITHDRAW).with("answer", answer).change();
            Sql.of(tx, "DELETE FROM messages WHERE id = :message")
                    .with("message", message)
                    .change();
            return Optional.of(new Revision.Withdrawn(answer, pending.get().round() + 1, chat));
        });
    }

    private static final String TREE = """
            WITH RECURSIVE tree AS (
                SELECT m.id, m.status, m.round FROM messages m WHERE m.id = :message
                UNION ALL
                SELECT m.id, m.status, m.round FROM tree JOIN messages m ON m.parent_id = tree.id
            )
            SELECT id, status, round FROM tree
            """;
    private static final String NEWEST_OTHER_VERSION = """
            SELECT other.id FROM messages m JOIN messages other
              ON other.chat_id = m.chat_id AND other.parent_id IS NOT DISTINCT FROM m.parent_id AND other.id <> m.id
            WHERE m.id = :message
            ORDER BY other.id DESC LIMIT 1
            """;

    /** What became of a deletion. */
    public sealed interface Deletion {
        /** @param orphans answers that somebody may still be working on */
        record Deleted(Chat chat, List<Orphan> orphans) implements Deletion {}

        /** An answer without another version: its question cannot stand alone. */
        record OnlyAnswer() implements Deletion {}
    }

    /** An answer that was pending when it was deleted. @param round its last */
    public record Orphan(UUID answer, int round) {}

    /**
     * Deletes a message and everything that follows it, on all branches. Where it was shown, the newest other version of
     * it is, or what came before.
     *
     * @return empty when the user has no such message
     */
    public Optional<Deletion> delete(UUID user, UUID message) {
        record Node(UUID id, boolean pending, int round) {}
        return database.inTransaction(tx -> {
            Optional<Optional<UUID>> head = Sql.of(tx, LOCK_CHAT_OF)
                    .with("message", message)
                    .with("user", user)
                    .one(row -> row.optionalUuid("head_id"));
            Optional<Message> top =
                    Sql.of(tx, FIND).with("message", message).with("user", user).one(this::message);
            if (head.isEmpty() || top.isEmpty()) {
                return Optional.empty();
            }
            Optional<UUID> other =
                    Sql.of(tx, NEWEST_OTHER_VERSION).with("message", message).one(row -> row.uuid("id"));
            if (top.get().role() == Role.ASSISTANT && other.isEmpty()) {
                return Optional.of(new Deletion.OnlyAnswer());
            }
            List<Node> tree = Sql.of(tx, TREE)
                    .with("message", message)
                    .list(row -> new Node(
                            row.uuid("id"),
                            Status.valueOf(row.text("status").toUpperCase(Locale.ROOT))
                                    .pending(),
                            row.integer("round")));
            List<Orphan> orphans = tree.stream()
                    .filter(Node::pending)
                    .map(node -> new Orphan(node.id(), node.round()))
                    .toList();
            orphans.forEach(orphan ->
                    Sql.of(tx, WITHDRAW).with("answer", orphan.answer()).change());
            UUID chat = top.get().chatId();
            boolean shown = tree.stream().anyMatch(node -> head.get().equals(Optional.of(node.id())));
            Chat now = (shown && other.isPresent()
                            ? Sql.of(tx, SHOW).with("chat", chat).with("message", other)
                            : Sql.of(tx, HEAD)
                                    .with("chat", chat)
                                    .with("head", shown ? top.get().parentId() : head.get()))
                    .one(Chat::of)
                    .orElseThrow();
            Sql.of(tx, "DELETE FROM messages WHERE id = :message")
                    .with("message", message)
                    .change();
            return Optional.of(new Deletion.Deleted(now, orphans));
        });
    }

    private static final String HEAD = """
            UPDATE chats c SET head_id = CAST(:head AS uuid) WHERE c.id = :chat RETURNING %s
            """.formatted(Chat.COLUMNS);

    private Optional<Change> unchanged(DbExecute tx, UUID user, UUID message) {
        return Sql.of(tx, FIND)
                .with("message", message)
                .with("user", user)
                .one(this::stored)
                .map(stored -> new Change(stored.message(), stored.round(), false, false));
    }

    public Optional<Message> find(UUID user, UUID message) {
        return database.run(db ->
                Sql.of(db, FIND).with("message", message).with("user", user).one(this::message));
    }

    private static final String FIND_ALL = """
            SELECT %s FROM unnest(string_to_array(:messages, ',')) WITH ORDINALITY AS wanted(id, place)
            JOIN messages m ON m.id = CAST(wanted.id AS uuid) JOIN chats c ON c.id = m.chat_id
            WHERE c.user_id = :user ORDER BY wanted.place
            """.formatted(MessageRows.COLUMNS);

    /** Those of the messages that the user has, in the order asked for. */
    public List<Message> find(UUID user, List<UUID> messages) {
        return database.run(db -> Sql.of(db, FIND_ALL)
                .with("messages", messages.stream().map(UUID::toString).collect(Collectors.joining(",")))
                .with("user", user)
                .list(this::message));
    }

    /**
     * A part of a chat's current branch.
     *
     * @param messages in order, oldest first
     * @param versions of those messages that have more than one: the ids of all, oldest first
     * @param older the newest message that is not on this page, where there is one
     */
    public record BranchPage(Chat chat, List<Message> messages, Map<UUID, List<UUID>> versions, Optional<UUID> older) {}

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

    /**
     * The messages of the current branch up to the newest wanted.
     *
     * @param newest where the page ends; the branch's end when empty
     * @return empty when the user has no such chat
     */
    public Optional<BranchPage> branch(UUID user, UUID chat, Optional<UUID> newest, int limit) {
        record Line(Chat chat, Optional<Message> message, List<UUID> versions) {}
        List<Line> lines = database.run(db -> Sql.of(db, BRANCH)
                .with("chat", chat)
                .with("user", user)
                .with("newest", newest)
                .with("limit", limit)
                .list(row -> new Line(
                        Chat.of(row),
                        row.optionalUuid("id").map(id -> message(row)),
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

    private Stored stored(Row row) {
        return MessageRows.stored(row, maxAttempts, now());
    }

    private Message message(Row row) {
        return MessageRows.message(row, maxAttempts, now());
    }

    /** In milliseconds, as PostgreSQL keeps less than a Java instant holds and a repeated response must be the same. */
    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }
}
