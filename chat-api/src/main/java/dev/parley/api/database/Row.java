package dev.parley.api.database;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import dev.parley.pipeline.message.Json;
import io.helidon.dbclient.DbRow;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.UUID;

/** A row of a result; the plain readers refuse NULL. */
public final class Row {
    private final DbRow row;

    Row(DbRow row) {
        this.row = row;
    }

    public Optional<UUID> optionalUuid(String column) {
        return value(column, UUID.class);
    }

    public UUID uuid(String column) {
        return present(column, optionalUuid(column));
    }

    public Optional<String> optionalText(String column) {
        return value(column, String.class);
    }

    public String text(String column) {
        return present(column, optionalText(column));
    }

    public Optional<Instant> optionalInstant(String column) {
        return value(column, Timestamp.class).map(Timestamp::toInstant);
    }

    public Instant instant(String column) {
        return present(column, optionalInstant(column));
    }

    public Optional<Integer> optionalInteger(String column) {
        return value(column, Number.class).map(Number::intValue);
    }

    public int integer(String column) {
        return present(column, optionalInteger(column));
    }

    public long number(String column) {
        return present(column, value(column, Number.class)).longValue();
    }

    public boolean bool(String column) {
        return present(column, value(column, Boolean.class));
    }

    public <T> Optional<T> json(String column, Class<T> type) {
        return value(column, Object.class).map(json -> Json.read(json.toString(), type));
    }

    public <T> Optional<T> json(String column, TypeReference<T> type) {
        return value(column, Object.class).map(json -> {
            try {
                return Json.mapper().readValue(json.toString(), type);
            } catch (JsonProcessingException e) {
                throw new IllegalStateException("column " + column + " holds JSON of another shape", e);
            }
        });
    }

    private <T> Optional<T> value(String column, Class<T> type) {
        return Optional.ofNullable(row.column(column).get(Object.class)).map(type::cast);
    }

    private static <T> T present(String column, Optional<T> value) {
        return value.orElseThrow(() -> new NoSuchElementException("column " + column + " is NULL"));
    }
}
