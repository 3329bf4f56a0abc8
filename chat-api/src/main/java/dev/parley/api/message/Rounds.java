package dev.parley.api.message;

import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.message.MessageRows.Stored;
import dev.parley.api.message.MessageStore.Change;
import dev.parley.pipeline.message.AnswerRef;
import io.helidon.dbclient.DbExecute;
import java.util.Optional;
import java.util.UUID;

/** An answer's rounds: a user's or an operator's wish ends one, or begins the next. */
final class Rounds {
    private final Database database;
    private final MessageRows rows;

    Rounds(Database database, MessageRows rows) {
        this.database = database;
        this.rows = rows;
    }

    private static final String CANCEL = """
            UPDATE messages m
            SET status = 'cancelled', content = :content, round = m.round + 1, error = NULL, next_attempt_at = NULL,
                expected_at = NULL, ahead = NULL, completed_at = :now
            FROM chats c
            WHERE m.id = :message AND c.id = m.chat_id AND c.user_id = :user AND m.status IN ('queued', 'retrying')
            RETURNING %s
            """.formatted(MessageRows.COLUMNS);

    // A chat's file may leave out which model was asked.
    private static final String RETRY =
            beginning("model = COALESCE(m.model, c.settings->>'model', :standard_model),", """
            FROM chats c
            WHERE m.id = :message AND c.id = m.chat_id AND c.user_id = :user
              AND m.status IN ('failed', 'cancelled', 'retrying')
            """);

    // A letter may be dead before its answer is shown as failed.
    private static final String REDRIVE = beginning("", """
            WHERE m.id = :message AND m.round = :round AND m.status IN ('failed', 'queued', 'retrying')
            """);

    /**
     * @param besides what else is set, each with a comma behind it
     * @param which of the answers {@code m}
     */
    static String beginning(String besides, String which) {
        return """
            WITH retried AS (
                UPDATE messages m
                SET status = 'queued', content = '', round = m.round + 1, attempt = NULL, error = NULL,
                    next_attempt_at = NULL, expected_at = NULL, ahead = NULL, completed_at = NULL, waits_for = :waits_for,
                    %s request_id = :request
                %s
                RETURNING m.*
            ), due AS (
                INSERT INTO outbox (answer_id, round, created_at)
                SELECT id, round, CAST(:now AS timestamptz) FROM retried WHERE waits_for IS NULL
            )
            SELECT %s FROM retried m
            """.formatted(besides, which, MessageRows.COLUMNS);
    }

    // A row that the relay is publishing stays: its round is over, so the worker drops it.
    private static final String WITHDRAW = """
            DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE answer_id = :answer FOR UPDATE SKIP LOCKED)
            """;

    /** Takes an answer's request out of the outbox. */
    static void withdraw(DbExecute tx, UUID answer) {
        Sql.of(tx, WITHDRAW).with("answer", answer).change();
    }

    /** {@link MessageStore#cancel} */
    Optional<Change> cancel(UUID user, UUID answer, String textSoFar) {
        return database.inTransaction(tx -> {
            Optional<Stored> cancelled = Sql.of(tx, CANCEL)
                    .with("message", answer)
                    .with("user", user)
                    .with("content", Storable.text(textSoFar))
                    .with("now", rows.now())
                    .one(rows::stored);
            if (cancelled.isEmpty()) {
                return unchanged(tx, user, answer);
            }
            Stored now = cancelled.get();
            boolean grew = false;
            if (now.waitsFor().isEmpty()) {
                withdraw(tx, answer);
                grew = FollowUps.release(tx, answer, rows.now());
            } else {
                // Its own turn had not come, so neither has that of those behind it.
                FollowUps.passOn(tx, answer, now.waitsFor().get());
            }
            return Optional.of(new Change(now.message(), now.round(), true, grew));
        });
    }

    /** {@link MessageStore#retry} */
    Optional<Change> retry(UUID user, UUID answer, String standardModel, String requestId) {
        return database.inTransaction(tx -> nextRound(
                        tx,
                        answer,
                        requestId,
                        Sql.of(tx, RETRY).with("user", user).with("standard_model", standardModel))
                .or(() -> unchanged(tx, user, answer)));
    }

    /** {@link MessageStore#redrive} */
    Optional<Change> redrive(AnswerRef dead, String requestId) {
        return database.inTransaction(tx ->
                nextRound(tx, dead.answerId(), requestId, Sql.of(tx, REDRIVE).with("round", dead.round())));
    }

    private Optional<Change> nextRound(DbExecute tx, UUID answer, String requestId, Sql begin) {
        Optional<UUID> waitsFor = FollowUps.earlier(tx, answer);
        Optional<Stored> retried = begin.with("message", answer)
                .with("waits_for", waitsFor)
                .with("request", requestId)
                .with("now", rows.now())
                .one(rows::stored);
        if (retried.isEmpty()) {
            return Optional.empty();
        }
        // What a cancel had moved away from this answer stands behind it again.
        waitsFor.ifPresent(other -> FollowUps.takeBack(tx, answer, other));
        Stored now = retried.get();
        return Optional.of(new Change(now.message(), now.round(), true, waitsFor.isEmpty()));
    }

    private Optional<Change> unchanged(DbExecute tx, UUID user, UUID message) {
        return Sql.of(tx, MessageRows.FIND)
                .with("message", message)
                .with("user", user)
                .one(rows::stored)
                .map(stored -> new Change(stored.message(), stored.round(), false, false));
    }
}
