package dev.parley.api.http;

import dev.parley.pipeline.message.Failure;
import java.util.Map;
import java.util.Optional;

/** An RFC 9457 problem that ends a request. The type is stable, the detail is for people and free of internals. */
public final class Problem extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String name;
    private final String title;
    private final String detail;
    private final String field;
    private final transient Map<String, String> headers;

    private Problem(int status, String name, String title, String detail, String field, Map<String, String> headers) {
        // No stack trace: it is an answer, not a defect.
        super(detail, null, false, false);
        this.status = status;
        this.name = name;
        this.title = title;
        this.detail = detail;
        this.field = field;
        this.headers = headers;
    }

    /** @param name the type's last part, {@code urn:parley:problem:<name>} */
    public static Problem of(int status, String name, String title, String detail) {
        return new Problem(status, name, title, detail, null, Map.of());
    }

    /** The request is at fault. @param field the field or parameter, as a path */
    public static Problem invalid(String field, String detail) {
        return new Problem(400, "invalid-request", "The request is not valid", detail, field, Map.of());
    }

    /** @param what as in "chat" */
    public static Problem notFound(String what) {
        return of(404, "not-found", "Not found", "There is no such " + what + ".");
    }

    public static Problem conflict(String name, String title, String detail) {
        return of(409, name, title, detail);
    }

    /** Something that is needed is away, and comes back by itself. */
    public static Problem unavailable(String name, String detail) {
        return new Problem(503, name, "Not available right now", detail, null, Map.of("Retry-After", "2"));
    }

    static Problem methodNotAllowed(String allowed) {
        return new Problem(
                405,
                "method-not-allowed",
                "Method not allowed",
                "This path takes %s.".formatted(allowed),
                null,
                Map.of("Allow", allowed));
    }

    static Problem unsupportedMediaType() {
        return of(
                415,
                "unsupported-media-type",
                "Unsupported media type",
                "Send the body as application/json in UTF-8, with that Content-Type.");
    }

    static Problem tooLarge(long limit) {
        return of(
                413,
                "payload-too-large",
                "The body is too large",
                "A body may have %d bytes at most.".formatted(limit));
    }

    static Problem databaseUnavailable() {
        return new Problem(
                503,
                "database-unavailable",
                "Not available right now",
                "The database does not answer. Nothing is known to be stored; try again in a moment.",
                null,
                Map.of("Retry-After", "2"));
    }

    static Problem internal() {
        return of(
                500,
                "internal-error",
                "Something went wrong",
                "This is a defect of the server. The log has it under this response's request id.");
    }

    /** Another part's failure as a problem. */
    static Problem ofStatus(int status) {
        return switch (status) {
            case 400 -> of(400, "malformed-request", "The request is malformed", "The request is not valid HTTP.");
            case 404 -> of(404, "not-found", "Not found", "There is nothing at this path.");
            case 413 -> tooLarge(HttpServer.MAX_FILE_BYTES);
            case 415 -> unsupportedMediaType();
            case 500 -> internal();
            case 503 ->
                new Problem(
                        503,
                        "overloaded",
                        "Too busy",
                        "Too many requests at once; try again in a moment.",
                        null,
                        Map.of("Retry-After", "1"));
            default -> of(status, "http-" + status, "The request failed", "The server refused the request.");
        };
    }

    public int status() {
        return status;
    }

    public String type() {
        return Failure.URN + name;
    }

    public Optional<String> field() {
        return Optional.ofNullable(field);
    }

    Map<String, String> headers() {
        return headers == null ? Map.of() : headers;
    }

    /** As a body. */
    public Body body(Optional<String> requestId) {
        return new Body(type(), title, status, detail, requestId, field());
    }

    /** What is sent. */
    public record Body(
            String type, String title, int status, String detail, Optional<String> instance, Optional<String> field) {}
}
