package dev.parley.api.outbox;

import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.database.Database;
import dev.parley.api.database.Row;
import dev.parley.api.database.Sql;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import io.helidon.dbclient.DbExecute;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** What still has to be handed to the broker. Thread-safe. */
public final class OutboxStore {
    private static final System.Logger LOG = System.getLogger(OutboxStore.class.getName());

    private final Database database;
    private final Clock clock;
    private final Conversation conversation;

    public OutboxStore(Database database, Clock clock) {
        this(database, clock, Conversation.STANDARD);
    }

    OutboxStore(Database database, Clock clock, Conversation conversation) {
        this.database = database;
        this.clock = clock;
        this.conversation = conversation;
    }

    /**
     * Runs claim, publish and delete in one transaction, which holds the rows until its end; it must end within a
     * minute.
     */
    public <T> T inTransaction(Function<DbExecute, T> work) {
        return database.inTransaction(work);
    }

    private static final String CLAIM = """
            WITH RECURSIVE claimed AS (
                SELECT id, answer_id, round, created_at FROM outbox WHERE due_at <= now()
                ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
            ), start AS (
                SELECT claimed.id AS key, m.parent_id AS next_id, 0 AS depth, 0 AS total
                FROM claimed JOIN messages m ON m.id = claimed.answer_id
                WHERE m.round = claimed.round AND m.status IN ('queued', 'retrying') AND m.waits_for IS NULL
            ), %s
            SELECT claimed.id, claimed.answer_id, claimed.round, claimed.created_at, m.chat_id, c.user_id, m.model,
                   m.settings, m.request_id, conversation.turns
            FROM claimed
            LEFT JOIN conversation ON conversation.key = claimed.id
            LEFT JOIN messages m ON m.id = claimed.answer_id
            LEFT JOIN chats c ON c.id = m.chat_id
            ORDER BY claimed.id
            """.formatted(Conversation.SQL);

    /**
     * Locked rows.
     *
     * @param entries oldest first; empty when nothing is to be done
     * @param unreadable ids of rows whose requests could not be built, which is a defect of theirs or of this version
     */
    public record Claim(List<OutboxEntry> entries, List<Long> unreadable) {}

    /** Locks the oldest due rows that nobody else has locked and builds their requests, in one statement. */
    public Claim claim(DbExecute tx, int limit) {
        List<Long> unreadable = new ArrayList<>();
        List<OutboxEntry> entries = new ArrayList<>();
        conversation
                .bind(Sql.of(tx, CLAIM).with("limit", limit))
                .list(row -> entry(row).map(entries::add).orElseGet(() -> unreadable.add(row.number("id"))));
        return new Claim(entries, unreadable);
    }

    /** A row for itself: what is wrong with one holds nobody else up. */
    private static Optional<OutboxEntry> entry(Row row) {
        try {
            List<Turn> turns = Conversation.turns(row);
            return Optional.of(new OutboxEntry(
                    row.number("id"),
                    row.uuid("answer_id"),
                    turns.isEmpty() ? Optional.empty() : Optional.of(request(row, turns))));
        } catch (RuntimeException e) {
            LOG.log(Level.ERROR, "the request for answer " + row.uuid("answer_id") + " cannot be built", e);
            return Optional.empty();
        }
    }

    /** Has rows of this transaction's claim wait for so long, for somebody who can mend them. */
    void postpone(DbExecute tx, Collection<Long> ids, Duration wait) {
        if (!ids.isEmpty()) {
            Sql.of(tx, """
                    UPDATE outbox SET due_at = now() + make_interval(secs => :wait)
                    WHERE id = ANY(CAST(:ids AS bigint[]))
                    """).with("wait", wait.toSeconds()).with("ids", ids).change();
        }
    }

    private static GenerationRequest request(Row row, List<Turn> turns) {
        GenerationRequest request = GenerationRequest.first(
                new AnswerRef(row.uuid("chat_id"), row.uuid("answer_id"), row.integer("round"), 1),
                row.uuid("user_id"),
                row.text("model"),
                turns,
                row.text("request_id"),
                row.instant("created_at"));
        return GenerationSettings.of(row).applyTo(request);
    }

    /** Deletes rows that the broker has confirmed. Each stands for itself: once it is gone, it has been handed over. */
    void delete(Collection<Long> ids) {
        database.run(db -> delete(db, ids));
    }

    /** Deletes rows of this transaction's claim. */
    public long delete(DbExecute tx, Collection<Long> ids) {
        return ids.isEmpty()
                ? 0
                : Sql.of(tx, "DELETE FROM outbox WHERE id = ANY(CAST(:ids AS bigint[]))")
                        .with("ids", ids)
                        .change();
    }

    /** How many requests wait for the broker. */
    public long depth() {
        return database.run(
                        db -> Sql.of(db, "SELECT count(*) AS depth FROM outbox").one(row -> row.number("depth")))
                .orElse(0L);
    }

    /** How long the oldest of them has been waiting. */
    public Optional<Duration> oldestAge() {
        return database.run(db -> Sql.of(db, "SELECT created_at FROM outbox ORDER BY id LIMIT 1")
                        .one(row -> row.instant("created_at")))
                .map(oldest -> Duration.between(oldest, clock.instant()));
    }
}
