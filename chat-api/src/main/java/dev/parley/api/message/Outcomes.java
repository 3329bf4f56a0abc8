package dev.parley.api.message;

import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.message.MessageStore.Applied;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.Json;
import io.helidon.dbclient.DbExecute;
import java.util.Optional;

/** Step 8 of a message's path: stores what became of a try. An answer ends once: only a pending answer of the same round is changed. */
final class Outcomes {
    private final Database database;
    private final MessageRows rows;

    Outcomes(Database database, MessageRows rows) {
        this.database = database;
        this.rows = rows;
    }

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

    /** {@link MessageStore#apply} */
    Optional<Applied> apply(AnswerUpdate update) {
        return database.inTransaction(tx -> changed(tx, update).map(changed -> {
            Message message = changed.message();
            boolean released = !message.pending() && FollowUps.release(tx, message.id(), rows.now());
            return new Applied(message, message.chatId(), changed.requestId(), released);
        }));
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
                                                .flatMap(notice -> notice.map(Outcomes::json)))
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
                .one(row -> new Changed(rows.message(row), row.optionalText("request_id")));
    }

    private static String json(Failure failure) {
        return Storable.text(Json.text(failure));
    }
}
