package dev.parley.api.prompt;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.parley.api.http.Problem;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A text with named places.
 *
 * @param text holds {@code {{name}}} for each variable
 * @param variables each used in the text, each used one declared
 */
public record PromptTemplate(
        UUID id, String name, String text, List<Variable> variables, Instant createdAt, Instant updatedAt) {
    /** What a variable may be called. */
    static final String NAME = "[A-Za-z_][A-Za-z0-9_]{0,63}";

    private static final Pattern PLACE = Pattern.compile("\\{\\{[ \\t]*(" + NAME + ")[ \\t]*}}");

    /**
     * A named place.
     *
     * @param label for the form in which it is filled
     * @param fallback used when no value is given; without it a value is required
     * @param type absent for a line of text
     * @param choices only of a choice
     */
    public record Variable(
            String name,
            Optional<String> label,
            @JsonProperty("default") Optional<String> fallback,
            Optional<VariableType> type,
            Optional<List<String>> choices) {
        private String checked(String value) {
            type.flatMap(given -> given.complaint(value, choices.orElse(List.of())))
                    .ifPresent(wanted -> {
                        throw Problem.invalid("variables." + name, "\"%s\" must be %s.".formatted(name, wanted));
                    });
            return value;
        }
    }

    /** The names that a text uses, in the order of their first use. */
    static Set<String> used(String text) {
        Set<String> names = new LinkedHashSet<>();
        PLACE.matcher(text).results().forEach(place -> names.add(place.group(1)));
        return names;
    }

    /**
     * Puts the values into their places. What looks like a place inside a value stays as it is.
     *
     * @throws Problem 400 when a required value is missing, or a given one is of another type or belongs to no variable
     */
    public String fill(Map<String, String> values) {
        Map<String, String> all = new HashMap<>();
        for (Variable variable : variables) {
            all.put(
                    variable.name(),
                    Optional.ofNullable(values.get(variable.name()))
                            .map(variable::checked)
                            .or(variable::fallback)
                            .orElseThrow(() -> Problem.invalid(
                                    "variables." + variable.name(),
                                    "The template needs a value for \"%s\".".formatted(variable.name()))));
        }
        values.keySet().stream()
                .filter(name -> !all.containsKey(name))
                .sorted()
                .findFirst()
                .ifPresent(name -> {
                    throw Problem.invalid("variables." + name, "The template has no variable \"%s\".".formatted(name));
                });
        return PLACE.matcher(text)
                .replaceAll(place -> Matcher.quoteReplacement(all.getOrDefault(place.group(1), place.group())));
    }
}
