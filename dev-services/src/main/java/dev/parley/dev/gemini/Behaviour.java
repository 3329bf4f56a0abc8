package dev.parley.dev.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.dev.gemini.Fault.Piece;
import dev.parley.dev.gemini.Fault.Where;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.StringJoiner;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the fake answers a call: its pace, the shape of its answer and what goes wrong. Absent parts are taken from the next
 * weaker source: a marker in the prompt comes before an admin rule, that before {@link Options#behaviour()}. Immutable.
 *
 * @param first the delay before the first byte of the answer, or of the error
 * @param chunk the delay before each following chunk of a stream
 * @param chunks how many chunks a stream has, 1 to 100,000 (never more than the answer has characters)
 * @param size the length of the answer in UTF-16 characters, 1 to 10,000,000
 * @param answer the answer's exact text
 * @param gate the name of a gate at which the call is held until {@link FakeGemini#release} opens it
 * @param at after how many chunks the gate stands and a fault "in the middle" strikes (half of them by default); 0 holds a
 *     gate before the headers
 * @param fault what goes wrong
 * @param times how many calls are affected: with a fault only the fault lapses afterwards, without one the whole behaviour
 */
public record Behaviour(
        Optional<Duration> first,
        Optional<Duration> chunk,
        OptionalInt chunks,
        OptionalInt size,
        Optional<String> answer,
        Optional<String> gate,
        OptionalInt at,
        Optional<Fault> fault,
        OptionalInt times) {

    /** Nothing out of the ordinary, without any delay. */
    public static final Behaviour NORMAL = new Behaviour(
            Optional.empty(),
            Optional.empty(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            Optional.empty(),
            Optional.empty(),
            OptionalInt.empty(),
            Optional.empty(),
            OptionalInt.empty());

    static final int LONGEST_ANSWER = 10_000_000;

    private static final int LONGEST_MARKER = 20_000;
    private static final Duration LONGEST_DELAY = Duration.ofHours(1);
    private static final Duration LONGEST_RETRY = Duration.ofDays(2);
    private static final Set<Integer> STATUSES = Set.of(400, 402, 403, 404, 429, 500, 502, 503, 504);
    private static final Set<String> FLAGS = Set.of("short", "invalidKey", "empty", "malformed");
    private static final Pattern MARKER = Pattern.compile("\\[\\[fake(?=[\\s\\]])(.*?)\\]\\]", Pattern.DOTALL);
    private static final Pattern WORD =
            Pattern.compile("\\G\\s*(?:([A-Za-z]+)(?:=(?:\"([^\"]*)\"|([^\\s\"]+)))?(?=\\s|$))");
    private static final Pattern DURATION = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,9})?)(ms|s|m|h)");
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.:-]{1,100}");
    private static final Pattern REASON = Pattern.compile("[A-Z][A-Z_]{0,62}");
    private static final Map<String, Duration> UNITS = Map.of(
            "ms",
            Duration.ofMillis(1),
            "s",
            Duration.ofSeconds(1),
            "m",
            Duration.ofMinutes(1),
            "h",
            Duration.ofHours(1));

    /**
     * Reads the marker of a prompt, {@code [[fake first=800ms chunks=20 status=429 …]]}.
     *
     * @throws InvalidBehaviour when the marker is wrong, or when there is more than one
     */
    public static Optional<Behaviour> ofPrompt(String text) {
        Matcher marker = MARKER.matcher(text);
        if (!marker.find()) {
            return Optional.empty();
        }
        String words = marker.group(1);
        if (marker.find()) {
            throw new InvalidBehaviour("marker", "only one is allowed in a prompt");
        }
        return Optional.of(ofWords(words));
    }

    /** The prompt as a person would have written it, without its marker. */
    static String withoutMarker(String text) {
        return MARKER.matcher(text).replaceAll("").strip();
    }

    /**
     * Reads the inside of a marker: words {@code name=value}, {@code name="value with spaces"} or a bare flag.
     *
     * @throws InvalidBehaviour naming the field at fault
     */
    public static Behaviour ofWords(String words) {
        if (words.length() > LONGEST_MARKER) {
            throw new InvalidBehaviour("marker", "longer than " + LONGEST_MARKER + " characters");
        }
        var fields = new LinkedHashMap<String, String>();
        Matcher word = WORD.matcher(words);
        int end = 0;
        while (word.find()) {
            String value = word.group(2) != null ? word.group(2) : word.group(3);
            if (value == null && !FLAGS.contains(word.group(1))) {
                throw new InvalidBehaviour(word.group(1), "needs a value");
            }
            if (fields.put(word.group(1), value == null ? "true" : value) != null) {
                throw new InvalidBehaviour(word.group(1), "given twice");
            }
            end = word.end();
        }
        if (!words.substring(end).isBlank()) {
            throw new InvalidBehaviour(
                    "marker", "cannot read '" + clip(words.substring(end).strip()) + "'");
        }
        return ofFields(fields);
    }

    /**
     * Reads the same fields from a JSON object; values are strings, numbers, {@code true} or lists of strings.
     *
     * @throws InvalidBehaviour naming the field at fault
     */
    static Behaviour ofJson(JsonNode json) {
        var fields = new LinkedHashMap<String, String>();
        json.properties().forEach(entry -> {
            JsonNode value = entry.getValue();
            if (value.isArray()) {
                var joined = new StringJoiner(",");
                value.forEach(item -> joined.add(item.asText()));
                fields.put(entry.getKey(), joined.toString());
            } else if (value.isValueNode() && !value.isNull()) {
                fields.put(entry.getKey(), value.asText());
            } else {
                throw new InvalidBehaviour(entry.getKey(), "must be a string, a number, true or a list of strings");
            }
        });
        return ofFields(fields);
    }

    private static Behaviour ofFields(Map<String, String> given) {
        var fields = new LinkedHashMap<>(given);
        var first = take(fields, "first", v -> duration("first", v, LONGEST_DELAY));
        var chunk = take(fields, "chunk", v -> duration("chunk", v, LONGEST_DELAY));
        var chunks = takeInt(fields, "chunks", 1, 100_000);
        var size = takeInt(fields, "size", 1, LONGEST_ANSWER);
        var answer = take(fields, "answer", v -> v);
        boolean isShort = flag(fields, "short");
        var gate = take(fields, "gate", v -> match("gate", v, NAME));
        var at = takeInt(fields, "at", 0, 100_000);
        var times = takeInt(fields, "times", 1, 1_000_000);
        if (isShort && (size.isPresent() || answer.isPresent()) || size.isPresent() && answer.isPresent()) {
            throw new InvalidBehaviour(isShort ? "short" : "answer", "only one of short, size and answer can hold");
        }
        if (answer.isPresent() && answer.get().isEmpty()) {
            throw new InvalidBehaviour("answer", "is empty; use the flag 'empty' for an answer without text");
        }
        if (isShort) {
            size = OptionalInt.of(Answers.SHORT);
        }
        var fault = fault(fields);
        if (!fields.isEmpty()) {
            throw new InvalidBehaviour(fields.keySet().iterator().next(), "unknown field");
        }
        return new Behaviour(first, chunk, chunks, size, answer, gate, at, fault, times);
    }

    private static Optional<Fault> fault(Map<String, String> fields) {
        var quota = take(fields, "quota", v -> oneOf("quota", v, Fault.Quota.values()));
        var retry = take(fields, "retry", v -> duration("retry", v, LONGEST_RETRY));
        var without = take(fields, "without", Behaviour::pieces);
        var reason = take(fields, "reason", v -> match("reason", v, REASON));
        var faults = new LinkedHashMap<String, Fault>();
        if (flag(fields, "invalidKey")) {
            faults.put("invalidKey", status(400, quota, retry, without, Optional.of(ApiError.API_KEY_INVALID)));
        }
        take(fields, "status", v -> code("status", v))
                .ifPresent(code -> faults.put("status", status(code, quota, retry, without, reason)));
        take(fields, "error", v -> code("error", v))
                .ifPresent(code ->
                        faults.put("error", new Fault.StreamError(status(code, quota, retry, without, reason))));
        take(fields, "reset", v -> oneOf("reset", v, Where.values()))
                .ifPresent(where -> faults.put("reset", new Fault.Reset(where)));
        take(fields, "hang", v -> oneOf("hang", v, Where.values()))
                .ifPresent(where -> faults.put("hang", new Fault.Hang(where)));
        take(fields, "cut", v -> v)
                .ifPresent(how -> faults.put(
                        "cut",
                        new Fault.Cut(
                                switch (how) {
                                    case "clean" -> true;
                                    case "abrupt" -> false;
                                    default ->
                                        throw new InvalidBehaviour(
                                                "cut", "must be clean or abrupt, not '" + clip(how) + "'");
                                })));
        take(fields, "blocked", v -> match("blocked", v, REASON))
                .ifPresent(why -> faults.put("blocked", new Fault.Blocked(why)));
        take(fields, "finish", v -> match("finish", v, REASON))
                .ifPresent(why -> faults.put("finish", new Fault.Finish(why)));
        if (flag(fields, "empty")) {
            faults.put("empty", new Fault.Empty());
        }
        takeInt(fields, "line", 1, LONGEST_ANSWER).ifPresent(n -> faults.put("line", new Fault.LongLine(n)));
        if (flag(fields, "malformed")) {
            faults.put("malformed", new Fault.Malformed());
        }
        if (faults.size() > 1) {
            throw new InvalidBehaviour(
                    faults.keySet().stream().skip(1).findFirst().orElseThrow(),
                    "one fault only, there is already "
                            + faults.keySet().iterator().next());
        }
        var fault = faults.values().stream().findFirst();
        Optional<Fault.Status> error = fault.flatMap(f -> switch (f) {
            case Fault.Status status -> Optional.of(status);
            case Fault.StreamError inside -> Optional.of(inside.error());
            default -> Optional.empty();
        });
        boolean exhausted = error.isPresent() && error.get().code() == 429;
        reject("quota", quota.isPresent() && !exhausted, "needs status=429 or error=429");
        reject("retry", retry.isPresent() && !exhausted, "needs status=429 or error=429");
        reject("without", without.isPresent() && error.isEmpty(), "needs status or error");
        reject(
                "reason",
                reason.isPresent() && (error.isEmpty() || faults.containsKey("invalidKey")),
                "needs status or error");
        return fault;
    }

    private static Fault.Status status(
            int code,
            Optional<Fault.Quota> quota,
            Optional<Duration> retry,
            Optional<Set<Piece>> without,
            Optional<String> reason) {
        return new Fault.Status(
                code,
                quota.orElse(Fault.Quota.MINUTE),
                retry.orElse(Duration.ofSeconds(30)),
                without.orElse(Set.of()),
                reason);
    }

    /** This behaviour, completed from a weaker one. The count stays with the behaviour whose fault or shape it limits. */
    Behaviour over(Behaviour weaker) {
        boolean ownText = size.isPresent() || answer.isPresent();
        return new Behaviour(
                first.or(weaker::first),
                chunk.or(weaker::chunk),
                chunks.isPresent() ? chunks : weaker.chunks,
                ownText ? size : weaker.size,
                ownText ? answer : weaker.answer,
                gate.or(weaker::gate),
                at.isPresent() ? at : weaker.at,
                fault.or(weaker::fault),
                times);
    }

    /** What is left of this behaviour once its {@code times} are used up. */
    Behaviour spent() {
        return fault.isPresent()
                ? new Behaviour(first, chunk, chunks, size, answer, gate, at, Optional.empty(), OptionalInt.empty())
                : NORMAL;
    }

    /** The fields as they are written in a marker; reading them again gives an equal behaviour. */
    Map<String, String> fields() {
        var fields = new LinkedHashMap<String, String>();
        first.ifPresent(d -> fields.put("first", text(d)));
        chunk.ifPresent(d -> fields.put("chunk", text(d)));
        chunks.ifPresent(n -> fields.put("chunks", Integer.toString(n)));
        size.ifPresent(n -> fields.put("size", Integer.toString(n)));
        answer.ifPresent(a -> fields.put("answer", a));
        gate.ifPresent(g -> fields.put("gate", g));
        at.ifPresent(n -> fields.put("at", Integer.toString(n)));
        fault.ifPresent(f -> {
            switch (f) {
                case Fault.Status error -> put(fields, "status", error);
                case Fault.StreamError inside -> put(fields, "error", inside.error());
                case Fault.Reset reset -> fields.put("reset", lower(reset.where()));
                case Fault.Hang hang -> fields.put("hang", lower(hang.where()));
                case Fault.Cut cut -> fields.put("cut", cut.clean() ? "clean" : "abrupt");
                case Fault.Blocked blocked -> fields.put("blocked", blocked.reason());
                case Fault.Finish finish -> fields.put("finish", finish.reason());
                case Fault.Empty _ -> fields.put("empty", "true");
                case Fault.LongLine line -> fields.put("line", Integer.toString(line.characters()));
                case Fault.Malformed _ -> fields.put("malformed", "true");
            }
        });
        times.ifPresent(n -> fields.put("times", Integer.toString(n)));
        return fields;
    }

    private static void put(Map<String, String> fields, String name, Fault.Status error) {
        fields.put(name, Integer.toString(error.code()));
        if (error.code() == 429) {
            fields.put("quota", lower(error.quota()));
            fields.put("retry", text(error.retry()));
        }
        error.reason().ifPresent(reason -> fields.put("reason", reason));
        if (!error.without().isEmpty()) {
            fields.put(
                    "without",
                    String.join(
                            ",",
                            error.without().stream().map(Piece::wire).sorted().toList()));
        }
    }

    /** Reads a duration such as {@code 800ms}, {@code 12.5s}, {@code 2m} or {@code 1h}. */
    static Duration duration(String field, String value, Duration longest) {
        Matcher duration = DURATION.matcher(value);
        if (!duration.matches()) {
            throw new InvalidBehaviour(field, "must be a duration such as 800ms or 12.5s, not '" + clip(value) + "'");
        }
        var nanos = new BigDecimal(duration.group(1))
                .multiply(BigDecimal.valueOf(UNITS.get(duration.group(2)).toNanos()))
                .setScale(0, RoundingMode.HALF_UP);
        reject(field, nanos.compareTo(BigDecimal.valueOf(longest.toNanos())) > 0, "longer than " + text(longest));
        return Duration.ofNanos(nanos.longValueExact());
    }

    private static String text(Duration duration) {
        return duration.toNanos() % 1_000_000_000 == 0
                ? duration.toSeconds() + "s"
                : BigDecimal.valueOf(duration.toNanos(), 6).stripTrailingZeros().toPlainString() + "ms";
    }

    private static Set<Piece> pieces(String value) {
        List<Piece> pieces = new ArrayList<>();
        for (String name : value.split(",", -1)) {
            pieces.add(Set.of(Piece.values()).stream()
                    .filter(piece -> piece.wire().equals(name.strip()))
                    .findFirst()
                    .orElseThrow(() -> new InvalidBehaviour(
                            "without", "must be of retryInfo, quotaFailure, details, not '" + clip(name) + "'")));
        }
        return EnumSet.copyOf(pieces);
    }

    private static int code(String field, String value) {
        int code = number(field, value, 100, 599);
        reject(field, !STATUSES.contains(code), "must be one of 400, 402, 403, 404, 429, 500, 502, 503, 504");
        return code;
    }

    private static boolean flag(Map<String, String> fields, String name) {
        return take(fields, name, value -> switch (value) {
                    case "true" -> true;
                    case "false" -> false;
                    default -> throw new InvalidBehaviour(name, "is a flag: true or false, not '" + clip(value) + "'");
                })
                .orElse(false);
    }

    private static <T> Optional<T> take(Map<String, String> fields, String name, Function<String, T> read) {
        return Optional.ofNullable(fields.remove(name)).map(read);
    }

    private static OptionalInt takeInt(Map<String, String> fields, String name, int least, int most) {
        String value = fields.remove(name);
        return value == null ? OptionalInt.empty() : OptionalInt.of(number(name, value, least, most));
    }

    static int number(String field, String value, int least, int most) {
        int number;
        try {
            number = Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw new InvalidBehaviour(field, "must be a whole number, not '" + clip(value) + "'");
        }
        reject(field, number < least || number > most, "must be from " + least + " to " + most);
        return number;
    }

    private static <E extends Enum<E>> E oneOf(String field, String value, E[] choices) {
        for (E choice : choices) {
            if (lower(choice).equals(value)) {
                return choice;
            }
        }
        throw new InvalidBehaviour(
                field, "must be " + lower(choices[0]) + " or " + lower(choices[1]) + ", not '" + clip(value) + "'");
    }

    private static String match(String field, String value, Pattern pattern) {
        reject(field, !pattern.matcher(value).matches(), "must match " + pattern + ", not '" + clip(value) + "'");
        return value;
    }

    private static void reject(String field, boolean wrong, String problem) {
        if (wrong) {
            throw new InvalidBehaviour(field, problem);
        }
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static String clip(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }
}
