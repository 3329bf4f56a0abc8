package dev.parley.api.outbox;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.parley.api.database.Row;
import dev.parley.api.database.Sql;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import java.util.List;

/**
 * The part of a branch that goes along with a request: from its end back to the beginning, as far as the bounds allow.
 *
 * @param maxTurns messages in all, the question included
 * @param maxCharacters in all; the question goes along whatever its length
 */
public record Conversation(int maxTurns, int maxCharacters) {
    /** More characters would not fit a request of any model. */
    public static final Conversation STANDARD = new Conversation(400, 2_000_000);

    /**
     * Two members of a {@code WITH RECURSIVE} that turn {@code start} into {@code conversation (key, turns)}. Each row of
     * {@code start (key, next_id, depth, total)} is a request: the next message to read, how many are in already, and
     * their characters. A request without anything to read has no row in {@code conversation}.
     */
    public static final String SQL = """
            turn AS (
                SELECT key, next_id, CAST(NULL AS text) AS role, '' AS content, depth, total FROM start
                UNION ALL
                SELECT turn.key, m.parent_id, m.role, m.content, turn.depth + 1, turn.total + length(m.content)
                FROM turn JOIN messages m ON m.id = turn.next_id
                WHERE turn.depth < :turns AND (turn.depth = 0 OR turn.total + length(m.content) <= :characters)
            ), conversation AS (
                SELECT key, json_agg(json_build_object(
                           'role', CASE role WHEN 'user' THEN 'USER' ELSE 'MODEL' END, 'text', content)
                           ORDER BY depth DESC) AS turns
                FROM turn WHERE content <> '' GROUP BY key
            )""";

    private static final TypeReference<List<Turn>> TURNS = new TypeReference<>() {};

    /** Sets the parameters of {@link #SQL}. */
    public Sql bind(Sql sql) {
        return sql.with("turns", maxTurns).with("characters", maxCharacters);
    }

    /** Oldest first. A conversation begins with its user, also where its oldest part was left out. */
    public static List<Turn> turns(Row row) {
        return row.json("turns", TURNS).orElse(List.of()).stream()
                .dropWhile(turn -> turn.role() == Role.MODEL)
                .toList();
    }
}
