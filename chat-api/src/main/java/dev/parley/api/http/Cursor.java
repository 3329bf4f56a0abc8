package dev.parley.api.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.parley.pipeline.message.Json;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.UUID;

/**
 * The sort key at which a page ends, opaque to clients. It holds nothing secret and gives no rights: every page asks for
 * the user's own rows.
 */
public record Cursor(List<String> key) {
    private static final int MAX_LENGTH = 4096;

    public static Cursor of(Object... key) {
        return new Cursor(List.of(key).stream().map(String::valueOf).toList());
    }

    public String encoded() {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(Json.bytes(key));
    }

    static Cursor decode(String text, int parts) {
        try {
            if (text.length() <= MAX_LENGTH) {
                String json = new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8);
                Cursor cursor = new Cursor(List.of(Json.mapper().readValue(json, String[].class)));
                if (cursor.key().size() == parts && cursor.key().stream().allMatch(part -> part.indexOf('\0') < 0)) {
                    return cursor;
                }
            }
        } catch (IllegalArgumentException | JsonProcessingException | NullPointerException e) {
            // Falls through: a list without nulls is all that a cursor may be.
        }
        throw malformed();
    }

    public String text(int part) {
        return key.get(part);
    }

    public UUID uuid(int part) {
        return Requests.uuid("cursor", key.get(part));
    }

    public Instant instant(int part) {
        try {
            Instant instant = Instant.parse(key.get(part));
            // PostgreSQL's years end earlier than Java's.
            if (instant.isAfter(Instant.EPOCH) && instant.isBefore(Instant.parse("9999-01-01T00:00:00Z"))) {
                return instant;
            }
        } catch (DateTimeException e) {
            // Falls through.
        }
        throw malformed();
    }

    /** How many items come before the page. */
    public int offset(int part) {
        if (!key.get(part).matches("[0-9]{1,6}")) {
            throw malformed();
        }
        return Integer.parseInt(key.get(part));
    }

    private static Problem malformed() {
        return Problem.invalid("cursor", "\"cursor\" must be the \"next\" of the page before.");
    }
}
