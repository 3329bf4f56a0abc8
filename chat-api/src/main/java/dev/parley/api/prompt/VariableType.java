package dev.parley.api.prompt;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.List;
import java.util.Optional;

/** What may stand in a template's place; values travel as text. */
enum VariableType {
    @JsonProperty("text")
    TEXT,
    /** Text of several lines. */
    @JsonProperty("long")
    LONG,
    @JsonProperty("choice")
    CHOICE,
    @JsonProperty("number")
    NUMBER,
    /** {@code 2026-11-23}. */
    @JsonProperty("date")
    DATE;

    /** @return what a value must be, if this one is not */
    Optional<String> complaint(String value, List<String> choices) {
        boolean right =
                switch (this) {
                    case TEXT, LONG -> true;
                    case CHOICE -> choices.contains(value);
                    case NUMBER -> isNumber(value);
                    case DATE -> isDate(value);
                };
        return right
                ? Optional.empty()
                : Optional.of(
                        switch (this) {
                            case CHOICE -> "one of " + String.join(", ", choices);
                            case NUMBER -> "a number such as 3 or -0.5";
                            case DATE -> "a date such as 2026-11-23";
                            case TEXT, LONG -> "text";
                        });
    }

    private static boolean isNumber(String value) {
        try {
            return value.length() <= 100 && new BigDecimal(value).scale() < 100;
        } catch (NumberFormatException e) {
            return false;
        }
    }

    private static boolean isDate(String value) {
        try {
            LocalDate.parse(value);
            return true;
        } catch (DateTimeException e) {
            return false;
        }
    }
}
