package dev.parley.api.message;

import dev.parley.api.database.Sql;
import io.helidon.dbclient.DbExecute;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * Answers that wait for an earlier one. The invariant: an answer that waits is never forgotten. Whoever makes it wait has
 * read the earlier answer as pending <em>under a share lock</em>, and whoever ends the earlier one changes its row
 * <em>first</em> and looks for those that wait in a <em>later statement</em>, whose snapshot then holds all of them. Locks
 * are taken in the order chat, earlier answer, later answer.
 */
final class FollowUps {
    // A pending answer is waited for; behind a cancelled one that itself would have to wait, the same is awaited.
    static final String WAITED_FOR =
            "CASE WHEN %1$s.status IN ('queued', 'retrying') THEN %1$s.id ELSE %1$s.waits_for END";

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

    private static final String LOCK_EARLIER = """
            SELECT %s AS waits_for
            FROM messages m
            JOIN messages question ON question.id = m.parent_id
            JOIN messages earlier ON earlier.id = question.parent_id
            WHERE m.id = :message
            FOR SHARE OF earlier
            """.formatted(WAITED_FOR.formatted("earlier"));

    private static final String WAIT_FOR_OTHER = """
            UPDATE messages SET waits_for = :other WHERE waits_for = :answer
            """;

    private static final String WAIT_BEHIND = """
            UPDATE messages later SET waits_for = :answer
            FROM messages question
            WHERE question.parent_id = :answer AND later.parent_id = question.id AND later.waits_for = :other
            """;

    private FollowUps() {}

    /** Must come after the statement that ended the answer: see the class. @return whether the outbox grew */
    static boolean release(DbExecute tx, UUID ended, Instant now) {
        boolean grew = false;
        while (true) {
            record Released(long freed, long due) {}
            Released released = Sql.of(tx, RELEASE)
                    .with("ended", ended)
                    .with("now", now)
                    .one(row -> new Released(row.number("freed"), row.number("due")))
                    .orElseThrow();
            grew |= released.due() > 0;
            // Waiting for a row's lock may have let a send behind that row come in: look again, until nobody waits.
            if (released.freed() == 0) {
                return grew;
            }
        }
    }

    /** What an answer has to wait for: see the class. */
    static Optional<UUID> earlier(DbExecute tx, UUID answer) {
        return Sql.of(tx, LOCK_EARLIER)
                .with("message", answer)
                .one(row -> row.optionalUuid("waits_for"))
                .flatMap(earlier -> earlier);
    }

    /** What waited for an answer whose own turn had not come waits for what that one waited for. */
    static void passOn(DbExecute tx, UUID answer, UUID other) {
        Sql.of(tx, WAIT_FOR_OTHER).with("answer", answer).with("other", other).change();
    }

    /** What stood behind an answer before {@link #passOn} stands behind it again. */
    static void takeBack(DbExecute tx, UUID answer, UUID other) {
        Sql.of(tx, WAIT_BEHIND).with("answer", answer).with("other", other).change();
    }
}
