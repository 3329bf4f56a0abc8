package dev.parley.api.database;

import io.helidon.dbclient.DbExecute;
import io.helidon.dbclient.DbRow;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One statement with its named parameters ({@code :name}). Casts are written {@code CAST(… AS …)}, as {@code ::} reads
 * as a parameter. Not thread-safe.
 */
public final class Sql {
    private final DbExecute db;
    private final String text;
    private final Map<String, Object> parameters = new HashMap<>();

    private Sql(DbExecute db, String text) {
        this.db = db;
        this.text = text;
    }

    public static Sql of(DbExecute db, String text) {
        return new Sql(db, text);
    }

    /**
     * Sets a parameter. An empty {@code Optional} is NULL; a collection becomes an array's literal, to be cast by the
     * statement, and must hold ids or numbers only, which need no quotes.
     */
    public Sql with(String name, Object value) {
        parameters.put(
                name,
                switch (value) {
                    case Optional<?> optional -> optional.map(Sql::plain).orElse(null);
                    case Collection<?> all ->
                        all.stream().map(String::valueOf).collect(Collectors.joining(",", "{", "}"));
                    default -> plain(value);
                });
        return this;
    }

    private static Object plain(Object value) {
        return value instanceof Instant instant ? instant.atOffset(ZoneOffset.UTC) : value;
    }

    /** Runs a query, or a change with RETURNING. */
    public <T> List<T> list(Function<Row, T> mapper) {
        try (Stream<DbRow> rows = db.createQuery(text).params(parameters).execute()) {
            return rows.map(row -> mapper.apply(new Row(row))).toList();
        }
    }

    /** The first row, if any. */
    public <T> Optional<T> one(Function<Row, T> mapper) {
        return db.createGet(text).params(parameters).execute().map(row -> mapper.apply(new Row(row)));
    }

    /** @return how many rows were changed */
    public long change() {
        return db.createDmlStatement(text).params(parameters).execute();
    }
}
