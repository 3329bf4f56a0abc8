package dev.parley.api.http;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which foreign pages may call. By hand, as Helidon's own sets its headers on the response, and an error handler gets a
 * response without them: a page could then not read why it failed.
 */
public final class Cors {
    private static final Map<String, String> PREFLIGHT = Map.of(
            "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE",
            "Access-Control-Allow-Headers", "Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-Id",
            "Access-Control-Max-Age", "3600");

    private final Set<String> origins;

    /** @param origins foreign ones that may call; none means same origin only */
    public Cors(List<String> origins) {
        this.origins = Set.copyOf(origins);
    }

    /**
     * Whether a page of this origin may open a socket: browsers ask for no permission before.
     *
     * @param origin absent where it is no browser that asks
     * @param host that was asked
     */
    public boolean allows(Optional<String> origin, Optional<String> host) {
        return origin.isEmpty()
                || origins.contains("*")
                || origins.contains(origin.get())
                || host.filter(own ->
                                origin.get().replaceFirst("^https?://", "").equalsIgnoreCase(own))
                        .isPresent();
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
