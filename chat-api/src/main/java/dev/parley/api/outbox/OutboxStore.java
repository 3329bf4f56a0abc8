package dev.parley.api.outbox;

import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import io.helidon.dbclient.DbExecute;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/** What still has to be handed to the broker. Thread-safe. */
public final class OutboxStore {
    /** The newest messages of a conversation that the model is given. */
    static final int MAX_TURNS = 400;
    /** Their characters in all; more would not fit a request anyway. */
    static final int MAX_CHARACTERS = 2_000_000;

    private final Database database;
    private final Clock clock;
    private final int maxTurns;
    private final int maxCharacters;

    public OutboxStore(Database database, Clock clock) {
        this(database, clock, MAX_TURNS, MAX_CHARACTERS);
    }

    OutboxStore(Database database, Clock clock, int maxTurns, int maxCharacters) {
        this.database = database;
        this.clock = clock;
        this.maxTurns = maxTurns;
        this.maxCharacters = maxCharacters;
    }

    /**
     * Runs claim, publish and delete in one transaction, which holds the rows until its end; it must end within a
     * minute.
     */
    public <T> T inTransaction(Function<DbExecute, T> work) {
        return database.inTransaction(work);
    }

    private static final String CLAIM = """
            SELECT id, answer_id, round, created_at FROM outbox ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
            """;
    // Up from each answer's question until the bounds are met; the question itself is always in.
    private static final String CONVERSATIONS = """
            WITH RECURSIVE answer AS (
                SELECT id, chat_id, parent_id, round, model, request_id FROM messages
                WHERE id = ANY(CAST(:answers AS uuid[])) AND status IN ('queued', 'retrying') AND waits_for IS NULL
            ), turn AS (
                SELECT answer.id AS answer_id, m.parent_id, m.role, m.content, 1 AS depth, length(m.content) AS total
                FROM answer JOIN messages m ON m.id = answer.parent_id
                UNION ALL
                SELECT turn.answer_id, m.parent_id, m.role, m.content, turn.depth + 1, turn.total + length(m.content)
                FROM turn JOIN messages m ON m.id = turn.parent_id
                WHERE turn.depth < :turns AND turn.total + length(m.content) <= :characters
            )
            SELECT answer.id, answer.chat_id, answer.round, answer.model, answer.request_id, turn.role, turn.content
            FROM answer JOIN turn ON turn.answer_id = answer.id
            WHERE turn.content <> ''
            ORDER BY answer.id, turn.depth DESC
            """;

    private record Claim(long id, UUID answer, int round, Instant createdAt) {}

    private record Asked(UUID chat, int round, String model, String requestId, List<Turn> turns) {}

    /**
     * Locks the oldest rows that nobody else has locked and builds their requests, in two statements.
     *
     * @return oldest first; empty when nothing is to be done
     */
    public List<OutboxEntry> claim(DbExecute tx, int limit) {
        List<Claim> claims = Sql.of(tx, CLAIM)
                .with("limit", limit)
                .list(row -> new Claim(
                        row.number("id"), row.uuid("answer_id"), row.integer("round"), row.instant("created_at")));
        if (claims.isEmpty()) {
            return List.of();
        }
        Map<UUID, Asked> asked = new LinkedHashMap<>();
        Sql.of(tx, CONVERSATIONS)
                .with("answers", claims.stream().map(Claim::answer).toList())
                .with("turns", maxTurns)
                .with("characters", maxCharacters)
                .list(row -> asked.computeIfAbsent(
                                row.uuid("id"),
                                id -> new Asked(
                                        row.uuid("chat_id"),
                                        row.integer("round"),
                                        row.text("model"),
                                        row.text("request_id"),
                                        new ArrayList<>()))
                        .turns()
                        .add(new Turn(row.text("role").equals("user") ? Role.USER : Role.MODEL, row.text("content"))));
        return claims.stream()
                .map(claim -> new OutboxEntry(
                        claim.id(),
                        claim.answer(),
                        Optional.ofNullable(asked.get(claim.answer()))
                                .filter(found -> found.round() == claim.round())
                                .map(found -> request(claim, found))))
                .toList();
    }

    private static GenerationRequest request(Claim claim, Asked asked) {
        // A conversation begins with its user, also where its oldest part was left out.
        List<Turn> turns = asked.turns().stream()
                .dropWhile(turn -> turn.role() == Role.MODEL)
                .toList();
        return new GenerationRequest(
                GenerationRequest.VERSION,
                new AnswerRef(asked.chat(), claim.answer(), claim.round(), 1),
                asked.model(),
                Optional.empty(),
                turns,
                Sampling.DEFAULT,
                asked.requestId(),
                claim.createdAt());
    }

    /** Deletes rows of this transaction's claim. */
    public void delete(DbExecute tx, Collection<Long> ids) {
        if (!ids.isEmpty()) {
            Sql.of(tx, "DELETE FROM outbox WHERE id = ANY(CAST(:ids AS bigint[]))")
                    .with("ids", ids)
                    .change();
        }
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
