package dev.parley.api.prompt;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.parley.api.http.Fields;
import dev.parley.api.http.Problem;
import dev.parley.api.prompt.PromptTemplate.Variable;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The body that makes or replaces a template. */
record PromptInput(Optional<String> name, Optional<String> text, Optional<List<VariableInput>> variables) {
    private static final int MAX_NAME = 200;
    private static final int MAX_TEXT = 50_000;
    private static final int MAX_VARIABLES = 50;
    private static final int MAX_LABEL = 200;
    private static final int MAX_CHOICES = 50;
    private static final int MAX_DEFAULT = 10_000;

    record VariableInput(
            Optional<String> name,
            Optional<String> label,
            @JsonProperty("default") Optional<String> fallback,
            Optional<VariableType> type,
            Optional<List<String>> choices) {}

    /** The same, checked. */
    record Checked(String name, String text, List<Variable> variables) {}

    /** @throws Problem 400 */
    Checked checked() {
        String checkedName = Fields.text("name", Fields.required("name", name), MAX_NAME);
        String checkedText = Fields.text("text", Fields.required("text", text), MAX_TEXT);
        List<VariableInput> given = variables.orElse(List.of());
        if (given.size() > MAX_VARIABLES) {
            throw Problem.invalid("variables", "At most %d variables are allowed.".formatted(MAX_VARIABLES));
        }
        Set<String> used = PromptTemplate.used(checkedText);
        List<Variable> declared = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (int i = 0; i < given.size(); i++) {
            String path = "variables[%d]".formatted(i);
            Variable variable = checked(path, given.get(i));
            if (!names.add(variable.name())) {
                throw Problem.invalid(path + ".name", "\"%s\" is declared twice.".formatted(variable.name()));
            }
            if (!used.contains(variable.name())) {
                throw Problem.invalid(
                        path + ".name", "\"%s\" is declared, but the text does not use it.".formatted(variable.name()));
            }
            declared.add(variable);
        }
        used.stream().filter(place -> !names.contains(place)).findFirst().ifPresent(place -> {
            throw Problem.invalid("text", "The text uses {{%s}}, which is not declared.".formatted(place));
        });
        return new Checked(checkedName, checkedText, declared);
    }

    private static Variable checked(String path, VariableInput input) {
        String name = Fields.required(path + ".name", input.name());
        if (!name.matches(PromptTemplate.NAME)) {
            throw Problem.invalid(
                    path + ".name",
                    "A variable's name has letters, digits and _, begins with no digit and is 1 to 64 long.");
        }
        input.label().ifPresent(label -> Fields.bounded(path + ".label", label, MAX_LABEL));
        input.fallback().ifPresent(fallback -> Fields.bounded(path + ".default", fallback, MAX_DEFAULT));
        VariableType type = input.type().orElse(VariableType.TEXT);
        checkChoices(path, type, input.choices());
        input.fallback()
                .flatMap(fallback -> type.complaint(fallback, input.choices().orElse(List.of())))
                .ifPresent(wanted -> {
                    throw Problem.invalid(path + ".default", "\"%s.default\" must be %s.".formatted(path, wanted));
                });
        return new Variable(name, input.label(), input.fallback(), input.type(), input.choices());
    }

    private static void checkChoices(String path, VariableType type, Optional<List<String>> choices) {
        String field = path + ".choices";
        if ((type == VariableType.CHOICE) != choices.isPresent()) {
            throw Problem.invalid(field, "\"%s\" go with the type \"choice\", and only with it.".formatted(field));
        }
        choices.ifPresent(all -> {
            if (all.isEmpty() || all.size() > MAX_CHOICES || Set.copyOf(all).size() < all.size()) {
                throw Problem.invalid(field, "\"%s\" must be 1 to %d different texts.".formatted(field, MAX_CHOICES));
            }
            all.forEach(choice -> Fields.text(field, choice, MAX_LABEL));
        });
    }
}
