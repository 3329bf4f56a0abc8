package dev.parley.pipeline.config;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Reads typed settings from environment variables and collects every mistake, so that one start shows them all.
 * {@code NAME_FILE} names a file that holds the value of {@code NAME}. A mistake yields the default, and
 * {@link #verify()} then refuses the start. Values never appear in an error, as they may be secrets; only choices and
 * numbers do. Not thread-safe.
 */
public final class Environment {
    private final Map<Variable, String> values = new EnumMap<>(Variable.class);
    private final Map<Variable, Path> files = new EnumMap<>(Variable.class);
    private final List<String> problems = new ArrayList<>();
    /** One mistake, one line: what follows from a mistake in a variable is not told again. */
    private final Set<Variable> faulty = EnumSet.noneOf(Variable.class);

    public Environment(Map<String, String> variables) {
        for (Variable variable : Variable.values()) {
            String name = variable.name();
            String direct = variables.get(name);
            String file = variables.get(name + "_FILE");
            if (direct != null && file != null) {
                problem(variable, "is set together with %s_FILE; set only one of them".formatted(name));
            } else if (file != null) {
                read(variable, Path.of(file));
            } else if (direct != null && !direct.isBlank()) {
                values.put(variable, direct.strip());
            }
        }
        variables.keySet().stream()
                .filter(Variable::looksLikeTypingError)
                .sorted()
                .forEach(name -> problems.add(name + " is no variable of Parley; see the table in README.md"));
    }

    private void read(Variable variable, Path file) {
        files.put(variable, file);
        try {
            String value = Files.readString(file).strip();
            if (!value.isEmpty()) {
                values.put(variable, value);
            }
        } catch (IOException e) {
            faulty.add(variable);
            problems.add("%s_FILE names %s, which cannot be read".formatted(variable, file));
        }
    }

    public Optional<String> text(Variable variable) {
        return Optional.ofNullable(values.get(variable));
    }

    /** The file that holds the value, for those that read it again later. */
    public Optional<Path> file(Variable variable) {
        return Optional.ofNullable(files.get(variable));
    }

    public String text(Variable variable, String fallback) {
        return values.getOrDefault(variable, fallback);
    }

    /** Whole numbers from {@code min} to {@code max}. */
    public int integer(Variable variable, int fallback, int min, int max) {
        return optionalInteger(variable, min, max).orElse(fallback);
    }

    /** Whole numbers from {@code min} to {@code max}; absent means off. */
    public Optional<Integer> optionalInteger(Variable variable, int min, int max) {
        return parse(
                variable,
                text -> {
                    int value = Integer.parseInt(text);
                    if (value < min || value > max) {
                        throw new IllegalArgumentException();
                    }
                    return value;
                },
                "must be a whole number from %d to %d".formatted(min, max));
    }

    public Duration seconds(Variable variable, Duration fallback, int min, int max) {
        return optionalInteger(variable, min, max).map(Duration::ofSeconds).orElse(fallback);
    }

    /** Comma-separated whole seconds, growing. */
    public List<Duration> delays(Variable variable, List<Duration> fallback) {
        return parse(
                        variable,
                        text -> {
                            List<Duration> delays = Arrays.stream(text.split(","))
                                    .map(part -> Duration.ofSeconds(Long.parseLong(part.strip())))
                                    .toList();
                            for (int i = 0; i < delays.size(); i++) {
                                boolean grows = i == 0 || delays.get(i).compareTo(delays.get(i - 1)) > 0;
                                if (!grows
                                        || delays.get(i).toSeconds() < 1
                                        || delays.get(i).toDays() > 7) {
                                    throw new IllegalArgumentException();
                                }
                            }
                            return delays;
                        },
                        "must be whole seconds in growing order, from 1 to 604800, as in 60,600,3600,86400")
                .orElse(fallback);
    }

    /** One of an enum's names, in any case. */
    public <E extends Enum<E>> E choice(Variable variable, E fallback) {
        E[] all = fallback.getDeclaringClass().getEnumConstants();
        String names =
                Arrays.stream(all).map(e -> e.name().toLowerCase(Locale.ROOT)).collect(Collectors.joining(", "));
        return parse(
                        variable,
                        text -> Enum.valueOf(fallback.getDeclaringClass(), text.toUpperCase(Locale.ROOT)),
                        "must be one of " + names)
                .orElse(fallback);
    }

    /** A URL with one of the schemes and a host. */
    public Optional<URI> url(Variable variable, String... schemes) {
        String wanted = String.join(", ", schemes);
        return parse(
                variable,
                text -> {
                    try {
                        URI uri = new URI(text);
                        if (uri.getHost() == null || !List.of(schemes).contains(uri.getScheme())) {
                            throw new IllegalArgumentException();
                        }
                        return uri;
                    } catch (URISyntaxException e) {
                        throw new IllegalArgumentException(e);
                    }
                },
                "must be a URL with a host and the scheme " + wanted);
    }

    public URI requiredUrl(Variable variable, String... schemes) {
        boolean given = values.containsKey(variable);
        Optional<URI> url = url(variable, schemes);
        if (!given) {
            problem(variable, "is not set; it must be a URL with the scheme " + String.join(", ", schemes));
        }
        return url.orElse(URI.create(schemes[0] + "://unset"));
    }

    /** Comma-separated values without blanks; empty when not set. */
    public List<String> list(Variable variable) {
        return text(variable)
                .map(text -> Arrays.stream(text.split(","))
                        .map(String::strip)
                        .filter(part -> !part.isEmpty())
                        .toList())
                .orElse(List.of());
    }

    /** Parses a value; an {@link IllegalArgumentException} of the parser becomes the given problem. */
    public <T> Optional<T> parse(Variable variable, Function<String, T> parser, String expectation) {
        String value = values.get(variable);
        if (value == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(parser.apply(value));
        } catch (IllegalArgumentException e) {
            problem(variable, expectation);
            return Optional.empty();
        }
    }

    /** Notes a mistake that only the caller can see, such as two settings that contradict each other. */
    public void problem(Variable variable, String what) {
        if (faulty.add(variable)) {
            problems.add(variable + " " + what);
        }
    }

    /** Notes the mistakes in a value that has places of its own, as a file of many lines has; one line each. */
    public void problems(Variable variable, List<String> whats) {
        if (!whats.isEmpty() && faulty.add(variable)) {
            whats.forEach(what -> problems.add(variable + ": " + what));
        }
    }

    /** @throws InvalidConfiguration with one line for each mistake found so far */
    public void verify() {
        if (!problems.isEmpty()) {
            throw new InvalidConfiguration(problems);
        }
    }
}
