package dev.parley.api.http;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.type.LogicalType;
import dev.parley.pipeline.message.Json;
import io.helidon.http.HttpMediaType;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads JSON bodies strictly and writes them. Whatever is wrong with a body is a problem that names the field. */
public final class Bodies {
    private static final Pattern CANONICAL = Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
    private static final Pattern DUPLICATE = Pattern.compile("Duplicate field '(.*)'");
    private static final String BODY = "body";

    private static final JsonMapper STRICT = strict();

    private Bodies() {}

    private static JsonMapper strict() {
        JsonMapper.Builder builder = Json.mapper()
                .rebuild()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                // Places in messages, but never a piece of what somebody wrote.
                .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                .addModule(new SimpleModule().addDeserializer(UUID.class, new CanonicalUuid()));
        builder.withCoercionConfig(
                LogicalType.Textual, config -> config.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                        .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                        .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail));
        builder.withCoercionConfig(
                LogicalType.Integer, config -> config.setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                        .setCoercion(CoercionInputShape.String, CoercionAction.Fail));
        builder.withCoercionConfig(
                LogicalType.Float, config -> config.setCoercion(CoercionInputShape.String, CoercionAction.Fail));
        return builder.build();
    }

    /** Reads the body as such a record. @throws Problem 400, 413 or 415 */
    public static <T> T read(ServerRequest request, Class<T> type) {
        return read(request, type, HttpServer.MAX_BODY_BYTES);
    }

    /** @param most bytes of the body */
    public static <T> T read(ServerRequest request, Class<T> type, int most) {
        boolean json = request.headers()
                .contentType()
                .map(HttpMediaType::mediaType)
                .map(media -> media.type().equals("application")
                        && (media.subtype().equals("json") || media.subtype().endsWith("+json")))
                .orElse(false);
        byte[] bytes = bytes(request, most);
        if (!json && (bytes.length > 0 || request.headers().contentType().isPresent())) {
            throw Problem.unsupportedMediaType();
        }
        if (bytes.length == 0) {
            throw Problem.invalid(BODY, "The body is missing; it must be a JSON object.");
        }
        return read(bytes, type);
    }

    private static byte[] bytes(ServerRequest request, int most) {
        if (!request.content().hasEntity()) {
            return new byte[0];
        }
        try {
            if (request.headers().contentLength().orElse(0) > most) {
                throw Problem.tooLarge(most);
            }
            // Not closed here, as closing reads the rest, of which a refused body may have any amount.
            InputStream in = request.content().inputStream();
            byte[] bytes = in.readNBytes(most + 1);
            if (bytes.length > most) {
                throw Problem.tooLarge(most);
            }
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reads such a record from JSON, as strictly. @throws Problem 400 */
    public static <T> T read(byte[] bytes, Class<T> type) {
        JsonNode tree = tree(bytes);
        if (!tree.isObject()) {
            throw Problem.invalid(BODY, "The body must be a JSON object.");
        }
        check("", tree);
        try {
            return STRICT.treeToValue(tree, type);
        } catch (UnrecognizedPropertyException e) {
            throw Problem.invalid(
                    path(e), "There is no field \"%s\"%s.".formatted(path(e), known(e.getKnownPropertyIds())));
        } catch (MismatchedInputException e) {
            throw Problem.invalid(path(e), "\"%s\" must be %s.".formatted(path(e), name(e.getTargetType())));
        } catch (JsonProcessingException e) {
            throw Problem.invalid(BODY, "The body does not have the form of this request.");
        }
    }

    private static JsonNode tree(byte[] bytes) {
        try {
            return STRICT.readTree(bytes);
        } catch (JsonParseException e) {
            Matcher duplicate = DUPLICATE.matcher(e.getOriginalMessage());
            if (duplicate.lookingAt()) {
                throw Problem.invalid(duplicate.group(1), "\"%s\" is given twice.".formatted(duplicate.group(1)));
            }
            throw malformed(e);
        } catch (JsonProcessingException e) {
            throw malformed(e);
        } catch (IOException e) {
            // Broken UTF-8 comes as a plain IOException.
            throw Problem.invalid(BODY, "The body is not valid JSON in UTF-8.");
        }
    }

    private static Problem malformed(JsonProcessingException e) {
        String place = Optional.ofNullable(e.getLocation())
                .map(at -> " at line %d, column %d".formatted(at.getLineNr(), at.getColumnNr()))
                .orElse("");
        return Problem.invalid(BODY, "The body is not valid JSON%s.".formatted(place));
    }

    /** What JSON can say and neither the contract nor PostgreSQL can hold. */
    private static void check(String path, JsonNode node) {
        switch (node.getNodeType()) {
            case NULL -> throw Problem.invalid(path, "\"%s\" is null; leave it out instead.".formatted(path));
            case STRING -> check(path, node.textValue());
            case ARRAY -> {
                for (int i = 0; i < node.size(); i++) {
                    check("%s[%d]".formatted(path, i), node.get(i));
                }
            }
            case OBJECT -> {
                for (Map.Entry<String, JsonNode> entry : node.properties()) {
                    String name = entry.getKey();
                    String child = path.isEmpty() ? name : path + "." + name;
                    check(path.isEmpty() ? BODY : path, name);
                    check(child, entry.getValue());
                }
            }
            default -> {}
        }
    }

    private static void check(String path, String text) {
        text.codePoints().forEach(point -> {
            if (point == 0) {
                throw Problem.invalid(
                        path, "\"%s\" has a NUL character (\\u0000), which cannot be stored.".formatted(path));
            }
            if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
                throw Problem.invalid(
                        path, "\"%s\" has half of a surrogate pair, which is no character.".formatted(path));
            }
        });
    }

    private static String path(JsonMappingException e) {
        StringBuilder path = new StringBuilder();
        for (JsonMappingException.Reference step : e.getPath()) {
            if (step.getFieldName() == null) {
                path.append('[').append(step.getIndex()).append(']');
            } else {
                path.append(path.isEmpty() ? "" : ".").append(step.getFieldName());
            }
        }
        return path.isEmpty() ? BODY : path.toString();
    }

    private static String known(Collection<Object> fields) {
        return fields == null || fields.isEmpty()
                ? ""
                : "; known are "
                        + String.join(
                                ", ",
                                fields.stream().map(String::valueOf).sorted().toList());
    }

    private static String name(Class<?> type) {
        if (type == null) {
            return "of another type";
        }
        if (type == UUID.class) {
            return "a UUID";
        }
        if (CharSequence.class.isAssignableFrom(type)) {
            return "a string";
        }
        if (type == Integer.class || type == Long.class || type == int.class || type == long.class) {
            return "a whole number";
        }
        if (Number.class.isAssignableFrom(type) || type.isPrimitive() && type != boolean.class) {
            return "a number";
        }
        if (type == Boolean.class || type == boolean.class) {
            return "true or false";
        }
        return Collection.class.isAssignableFrom(type) || type.isArray() ? "an array" : "an object";
    }

    /** Sends a value as JSON. */
    public static void send(ServerResponse response, Object value) {
        response.header("Content-Type", "application/json").send(Json.bytes(value));
    }

    /** Jackson's own also takes base64. */
    private static final class CanonicalUuid extends StdScalarDeserializer<UUID> {
        private static final long serialVersionUID = 1L;

        CanonicalUuid() {
            super(UUID.class);
        }

        @Override
        public UUID deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            String text = parser.getValueAsString("");
            if (!CANONICAL.matcher(text).matches()) {
                throw MismatchedInputException.from(parser, UUID.class, "not a UUID");
            }
            return UUID.fromString(text);
        }
    }
}
