package dev.parley.worker.quota;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.parley.worker.key.ApiKey;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What GEMINI_API_KEYS_FILE names: the comma-separated form of GEMINI_API_KEYS, as every {@code *_FILE} holds its
 * variable's value, or YAML with a list {@code groups}. It is YAML when its name ends in {@code .yaml} or {@code .yml}, or
 * when one of its lines begins with {@code groups:}, which no list of keys does.
 *
 * <pre>
 * groups:
 *   - name: team-a
 *     keys: [AIza…, AIza…]
 *     limits: {requestsPerMinute: 10, requestsPerDay: 500, tokensPerMinute: 250000}
 *     weight: 2
 * </pre>
 */
public final class KeysFile {
    /** Far more than thousands of keys need. */
    private static final int MOST_BYTES = 1 << 20;

    private static final int MOST_LIMIT = 1_000_000_000;
    private static final int MOST_PROBLEMS = 50;
    private static final Pattern YAML_LINE = Pattern.compile("^groups\\s*:", Pattern.MULTILINE);
    private static final Pattern GROUP_NAME = Pattern.compile("(?!AIza)[A-Za-z0-9._-]{1,40}");
    /** A field's name may be shown when it looks like one; anything else may be a misplaced key. */
    private static final Pattern FIELD_NAME = Pattern.compile("(?!AIza)[A-Za-z]{1,24}");

    private static final YAMLMapper YAML = YAMLMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            // The parser's messages quote the file.
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();

    private final List<String> problems = new ArrayList<>();
    private final Map<String, String> placeOfKey = new HashMap<>();
    private final Map<String, Integer> placeOfName = new HashMap<>();

    private KeysFile() {}

    /** @throws InvalidKeys with every mistake, also when the file cannot be read */
    public static List<QuotaGroup> read(Path file) throws InvalidKeys {
        return parse(content(file), file);
    }

    /** @throws InvalidKeys when it cannot be read or is no text of at most 1 MiB */
    static String content(Path file) throws InvalidKeys {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MOST_BYTES + 1);
            if (bytes.length > MOST_BYTES) {
                throw new InvalidKeys(List.of("the file has more than 1 MiB"));
            }
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new InvalidKeys(List.of("the file is not UTF-8"));
        } catch (IOException e) {
            throw new InvalidKeys(List.of("the file cannot be read"));
        }
    }

    /** @param file for its name only */
    static List<QuotaGroup> parse(String content, Path file) throws InvalidKeys {
        String name = file.getFileName().toString();
        if (name.endsWith(".yaml")
                || name.endsWith(".yml")
                || YAML_LINE.matcher(content).find()) {
            return new KeysFile().groups(content);
        }
        List<String> entries = content.lines()
                .flatMap(line -> Pattern.compile(",").splitAsStream(line))
                .map(String::strip)
                .filter(entry -> !entry.isEmpty())
                .toList();
        if (entries.isEmpty()) {
            throw new InvalidKeys(List.of("the file has no key"));
        }
        try {
            return QuotaGroups.parse(entries);
        } catch (IllegalArgumentException e) {
            throw new InvalidKeys(List.of(e.getMessage()));
        }
    }

    private List<QuotaGroup> groups(String content) throws InvalidKeys {
        List<QuotaGroup> groups = new ArrayList<>();
        JsonNode root = tree(content);
        if (fields(root, "the file", Set.of("groups"))) {
            JsonNode list = root.path("groups");
            if (!list.isArray() || list.isEmpty()) {
                problem("the file", "needs groups: a list of at least one group");
            }
            int number = 1;
            for (JsonNode group : list) {
                group(group, number++).ifPresent(groups::add);
            }
        }
        if (!problems.isEmpty()) {
            throw new InvalidKeys(problems);
        }
        return groups;
    }

    private static JsonNode tree(String content) throws InvalidKeys {
        try (YAMLParser aliases = YAML.getFactory().createParser(content);
                JsonParser parser = YAML.createParser(content)) {
            while (aliases.nextToken() != null) {
                // Read as the alias's name, which would then be taken for a key.
                if (aliases.isCurrentAlias()) {
                    throw new InvalidKeys(List.of("line %d: aliases are not known here"
                            .formatted(aliases.currentTokenLocation().getLineNr())));
                }
            }
            JsonNode root = YAML.readTree(parser);
            return root == null ? MissingNode.getInstance() : root;
        } catch (JsonProcessingException e) {
            JsonLocation at = e.getLocation();
            boolean twice =
                    e.getOriginalMessage() != null && e.getOriginalMessage().startsWith("Duplicate field");
            throw new InvalidKeys(List.of("%s%s"
                    .formatted(
                            at == null ? "" : "line %d, column %d: ".formatted(at.getLineNr(), at.getColumnNr()),
                            twice ? "the field is there twice" : "this is not YAML")));
        } catch (IOException e) {
            throw new InvalidKeys(List.of("the file cannot be read"));
        }
    }

    private Optional<QuotaGroup> group(JsonNode node, int number) {
        int before = problems.size();
        String place = "group " + number;
        if (!fields(node, place, Set.of("name", "keys", "limits", "weight"))) {
            return Optional.empty();
        }
        JsonNode name = node.path("name");
        if (!name.isTextual() || !GROUP_NAME.matcher(name.asText()).matches()) {
            problem(
                    place,
                    "needs a name of 1 to 40 letters, digits, dots, _ or -, in quotes where it looks like a number");
        } else {
            Integer first = placeOfName.putIfAbsent(name.asText(), number);
            if (first != null) {
                problem(place, "has the name of group " + first);
            }
        }
        List<ApiKey> keys = keys(node.path("keys"), place);
        QuotaGroup.Limits limits = limits(node.path("limits"), place);
        int weight = number(node.path("weight"), place + ", weight", QuotaGroup.MOST_WEIGHT)
                .orElse(1);
        return problems.size() > before
                ? Optional.empty()
                : Optional.of(new QuotaGroup(name.asText(), keys, limits, weight));
    }

    private List<ApiKey> keys(JsonNode list, String place) {
        List<ApiKey> keys = new ArrayList<>();
        if (!list.isArray() || list.isEmpty()) {
            problem(place, "needs keys: a list of at least one key");
            return keys;
        }
        int number = 1;
        for (JsonNode node : list) {
            String where = place + ", key " + number++;
            try {
                ApiKey key = new ApiKey(node.isTextual() ? node.asText() : "");
                // Also two different keys of one short hash: states are kept by it.
                String first = placeOfKey.putIfAbsent(key.hash(), where);
                if (first == null) {
                    keys.add(key);
                } else {
                    problem(where, "is the same as " + first);
                }
            } catch (IllegalArgumentException e) {
                problem(where, "is no usable key; it is one word, in quotes where it looks like a number");
            }
        }
        return keys;
    }

    private QuotaGroup.Limits limits(JsonNode node, String place) {
        String where = place + ", limits";
        if (node.isMissingNode()
                || !fields(node, where, Set.of("requestsPerMinute", "requestsPerDay", "tokensPerMinute"))) {
            return QuotaGroup.Limits.OF_ALL;
        }
        return new QuotaGroup.Limits(
                number(node.path("requestsPerMinute"), where + ", requestsPerMinute", MOST_LIMIT),
                number(node.path("requestsPerDay"), where + ", requestsPerDay", MOST_LIMIT),
                number(node.path("tokensPerMinute"), where + ", tokensPerMinute", MOST_LIMIT));
    }

    private Optional<Integer> number(JsonNode node, String place, int most) {
        if (node.isMissingNode()) {
            return Optional.empty();
        }
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.asInt() < 1 || node.asInt() > most) {
            problem(place, "must be a whole number from 1 to " + most);
            return Optional.empty();
        }
        return Optional.of(node.asInt());
    }

    /** Whether it is an object at all; that it has only these fields is checked on the way. */
    private boolean fields(JsonNode node, String place, Set<String> known) {
        if (!node.isObject()) {
            problem(
                    place,
                    "must have the fields "
                            + String.join(", ", known.stream().sorted().toList()));
            return false;
        }
        node.fieldNames().forEachRemaining(name -> {
            if (!known.contains(name)) {
                problem(
                        place,
                        FIELD_NAME.matcher(name).matches() ? "has an unknown field " + name : "has an unknown field");
            }
        });
        return true;
    }

    private void problem(String place, String what) {
        if (problems.size() < MOST_PROBLEMS) {
            problems.add(place + ": " + what);
        }
    }
}
