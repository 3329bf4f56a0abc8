package dev.parley.api.http;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which foreign pages may call. By hand, as Helidon's own sets its headers on the response, and an error handler gets a
 * response without them: a page could then not read why it failed.
 */
final class Cors {
    private static final Map<String, String> PREFLIGHT = Map.of(
            "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE",
            "Access-Control-Allow-Headers", "Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-Id",
            "Access-Control-Max-Age", "3600");

    private final Set<String> origins;

    Cors(List<String> origins) {
        this.origins = Set.copyOf(origins);
    }

    /** The headers that every response to a request of this origin carries. */
    Map<String, String> headers(Optional<String> origin) {
        if (origins.isEmpty()) {
            return Map.of();
        }
        boolean allowed =
                origin.filter(o -> origins.contains(o) || origins.contains("*")).isPresent();
        return allowed
                ? Map.of(
                        "Access-Control-Allow-Origin", origin.get(),
                        "Access-Control-Expose-Headers", "ETag, Location, Retry-After, X-Request-Id",
                        "Vary", "Origin")
                : Map.of("Vary", "Origin");
    }

    /** What a preflight's answer carries beside them. */
    Map<String, String> preflight() {
        return PREFLIGHT;
    }
}
