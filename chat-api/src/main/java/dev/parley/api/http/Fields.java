package dev.parley.api.http;

import java.util.Collection;
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

    /** @param least and {@code most} are allowed, too */
    public static <N extends Number> N between(String field, N value, N least, N most) {
        if (!(value.doubleValue() >= least.doubleValue() && value.doubleValue() <= most.doubleValue())) {
            throw Problem.invalid(field, "\"%s\" must be from %s to %s.".formatted(field, least, most));
        }
        return value;
    }

    public static String oneOf(String field, String value, Collection<String> known) {
        if (!known.contains(value)) {
            throw Problem.invalid(field, "\"%s\" must be one of %s.".formatted(field, String.join(", ", known)));
        }
        return value;
    }

    public static String bounded(String field, String value, int max) {
        if (value.length() > max) {
            throw Problem.invalid(
                    field, "\"%s\" has %d characters; %d are allowed.".formatted(field, value.length(), max));
        }
        return value;
    }
}
