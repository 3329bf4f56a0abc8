package dev.parley.api.http;

import java.util.Optional;

/** Checks of single fields, each a 400 that names the field. */
public final class Fields {
    private Fields() {}

    public static <T> T required(String field, Optional<T> value) {
        return value.orElseThrow(() -> Problem.invalid(field, "\"%s\" is missing.".formatted(field)));
    }

    /** @param max in UTF-16 code units, as JavaScript counts */
    public static String text(String field, String value, int max) {
        if (value.isBlank()) {
            throw Problem.invalid(field, "\"%s\" must not be empty.".formatted(field));
        }
        return bounded(field, value, max);
    }

    public static String bounded(String field, String value, int max) {
        if (value.length() > max) {
            throw Problem.invalid(
                    field, "\"%s\" has %d characters; %d are allowed.".formatted(field, value.length(), max));
        }
        return value;
    }
}
