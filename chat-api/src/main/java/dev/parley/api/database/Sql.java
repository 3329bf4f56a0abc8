package dev.parley.api.database;

import io.helidon.dbclient.DbExecute;
import io.helidon.dbclient.DbRow;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One statement with its named parameters ({@code :name}, outside of quotes and comments). Statements are constants:
 * each is read for its names once, as DbClient would do it at every execution, which took a tenth of accepting a
 * message. Not thread-safe.
 */
public final class Sql {
    private static final Pattern NAME = Pattern.compile("(?<![:\\w]):([a-z_]+)");
    private static final Map<String, Positional> READ = new ConcurrentHashMap<>();

    /**
     * A statement as JDBC takes it, and the name for each of its question marks.
     *
     * @param id its name for DbClient, which would make one from the text's SHA-256 at every execution otherwise
     */
    private record Positional(String id, String text, List<String> names) {
        static Positional of(String named) {
            return new Positional(
                    "sql-" + Integer.toHexString(named.hashCode()),
                    NAME.matcher(named).replaceAll("?"),
                    NAME.matcher(named).results().map(found -> found.group(1)).toList());
        }
    }

    private final DbExecute db;
    private final Positional statement;
    private final Map<String, Object> parameters = new HashMap<>();

    private Sql(DbExecute db, String text) {
        this.db = db;
        this.statement = READ.computeIfAbsent(text, Positional::of);
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
        try (Stream<DbRow> rows = db.createNamedQuery(statement.id(), statement.text())
                .params(values())
                .execute()) {
            return rows.map(row -> mapper.apply(new Row(row))).toList();
        }
    }

    /** The first row, if any. */
    public <T> Optional<T> one(Function<Row, T> mapper) {
        return db.createNamedGet(statement.id(), statement.text())
                .params(values())
                .execute()
                .map(row -> mapper.apply(new Row(row)));
    }

    /** @return how many rows were changed */
    public long change() {
        return db.createNamedDmlStatement(statement.id(), statement.text())
                .params(values())
                .execute();
    }

    private List<Object> values() {
        List<Object> values = new ArrayList<>();
        for (String name : statement.names()) {
            if (!parameters.containsKey(name)) {
                throw new IllegalStateException("parameter :" + name + " is not set");
            }
            values.add(parameters.get(name));
        }
        return values;
    }
}
