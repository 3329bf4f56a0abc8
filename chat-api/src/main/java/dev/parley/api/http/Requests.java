package dev.parley.api.http;

import io.helidon.webserver.http.ServerRequest;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/** Reads what stands in a request's path, query and headers; what is wrong there is a 400 that names it. */
public final class Requests {
    private static final Pattern UUID_FORM =
            Pattern.compile("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}");
    private static final int DEFAULT_LIMIT = 50;
    private static final int MAX_LIMIT = 200;

    private Requests() {}

    /** The id by which this request is found in the logs. */
    public static String id(ServerRequest request) {
        return Exchange.of(request).requestId();
    }

    public static UUID pathId(ServerRequest request, String name) {
        return uuid(name, request.path().pathParameters().get(name));
    }

    /** Only the canonical form: what {@link UUID#fromString} takes beyond it would be another id than was meant. */
    public static UUID uuid(String field, String text) {
        if (!UUID_FORM.matcher(text).matches()) {
            throw Problem.invalid(field, "\"%s\" must be a UUID.".formatted(field));
        }
        return UUID.fromString(text);
    }

    public static Optional<String> query(ServerRequest request, String name) {
        return request.query().first(name).asOptional();
    }

    /** A query parameter that is {@code true} or {@code false}; false where it is absent. */
    public static boolean flag(ServerRequest request, String name) {
        return switch (query(request, name).orElse("false")) {
            case "true" -> true;
            case "false" -> false;
            default -> throw Problem.invalid(name, "\"%s\" must be true or false.".formatted(name));
        };
    }

    /** How many items a page should have. */
    public static int limit(ServerRequest request) {
        return query(request, "limit")
                .map(text -> {
                    if (text.matches("[0-9]{1,4}")) {
                        int limit = Integer.parseInt(text);
                        if (limit >= 1 && limit <= MAX_LIMIT) {
                            return limit;
                        }
                    }
                    throw Problem.invalid(
                            "limit", "\"limit\" must be a whole number from 1 to %d.".formatted(MAX_LIMIT));
                })
                .orElse(DEFAULT_LIMIT);
    }

    /** Where the page begins. */
    public static Optional<Cursor> cursor(ServerRequest request, int parts) {
        return query(request, "cursor").map(text -> Cursor.decode(text, parts));
    }
}
