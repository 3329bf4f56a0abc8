package dev.parley.api.prompt;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.parley.api.database.Database;
import dev.parley.api.database.Row;
import dev.parley.api.database.Sql;
import dev.parley.api.http.Cursor;
import dev.parley.api.http.Page;
import dev.parley.api.id.Ids;
import dev.parley.api.prompt.PromptTemplate.Variable;
import dev.parley.pipeline.message.Json;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Prompt templates, each question with the user it is for. Thread-safe. */
public final class PromptStore {
    private static final TypeReference<List<Variable>> VARIABLES = new TypeReference<>() {};

    private final Database database;
    private final Ids ids;
    private final Clock clock;

    public PromptStore(Database database, Ids ids, Clock clock) {
        this.database = database;
        this.ids = ids;
        this.clock = clock;
    }

    PromptTemplate create(UUID user, PromptInput.Checked input) {
        Instant now = now();
        PromptTemplate template =
                new PromptTemplate(ids.next(), input.name(), input.text(), input.variables(), now, now);
        database.run(db -> Sql.of(db, """
                        INSERT INTO prompt_templates (id, user_id, name, text, variables, created_at, updated_at)
                        VALUES (:id, :user, :name, :text, CAST(:variables AS jsonb), :now, :now)
                        """)
                .with("id", template.id())
                .with("user", user)
                .with("name", input.name())
                .with("text", input.text())
                .with("variables", Json.text(input.variables()))
                .with("now", now)
                .change());
        return template;
    }

    public Optional<PromptTemplate> find(UUID user, UUID template) {
        return database.run(db -> Sql.of(db, "SELECT * FROM prompt_templates WHERE id = :id AND user_id = :user")
                .with("id", template)
                .with("user", user)
                .one(PromptStore::template));
    }

    /** The number of parts of a list's cursor: the last template's name and id. */
    static final int CURSOR_PARTS = 2;

    /** By name. */
    Page<PromptTemplate> list(UUID user, Optional<Cursor> after, int limit) {
        List<PromptTemplate> templates = database.run(db -> after.map(
                        cursor -> Sql.of(db, """
                                SELECT * FROM prompt_templates
                                WHERE user_id = :user AND (name, id) > (CAST(:name AS text), CAST(:id AS uuid))
                                ORDER BY name, id LIMIT :limit
                                """).with("name", cursor.text(0)).with("id", cursor.uuid(1)))
                .orElseGet(() -> Sql.of(
                        db, "SELECT * FROM prompt_templates WHERE user_id = :user ORDER BY name, id LIMIT :limit"))
                .with("user", user)
                .with("limit", limit + 1)
                .list(PromptStore::template));
        return Page.of(templates, limit, template -> Cursor.of(template.name(), template.id()));
    }

    Optional<PromptTemplate> replace(UUID user, UUID template, PromptInput.Checked input) {
        return database.run(db -> Sql.of(db, """
                        UPDATE prompt_templates
                        SET name = :name, text = :text, variables = CAST(:variables AS jsonb), updated_at = :now
                        WHERE id = :id AND user_id = :user
                        RETURNING *
                        """)
                .with("name", input.name())
                .with("text", input.text())
                .with("variables", Json.text(input.variables()))
                .with("now", now())
                .with("id", template)
                .with("user", user)
                .one(PromptStore::template));
    }

    boolean delete(UUID user, UUID template) {
        return database.run(db -> Sql.of(db, "DELETE FROM prompt_templates WHERE id = :id AND user_id = :user")
                        .with("id", template)
                        .with("user", user)
                        .change())
                > 0;
    }

    private static PromptTemplate template(Row row) {
        return new PromptTemplate(
                row.uuid("id"),
                row.text("name"),
                row.text("text"),
                row.json("variables", VARIABLES).orElseThrow(),
                row.instant("created_at"),
                row.instant("updated_at"));
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }
}
