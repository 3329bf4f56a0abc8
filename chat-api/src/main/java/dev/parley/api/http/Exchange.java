package dev.parley.api.http;

import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What belongs to one request from its first to its last byte. It exists because an error handler gets a response whose
 * headers have been cleared. Used by the request's thread only.
 */
final class Exchange {
    /** Routes that nobody defined share one label, or a scanner would make a time series of each guess. */
    private static final String NO_ROUTE = "none";

    private final String requestId;
    private final Map<String, String> headers = new LinkedHashMap<>();
    private String route = NO_ROUTE;

    Exchange(String requestId) {
        this.requestId = requestId;
        headers.put("X-Request-Id", requestId);
    }

    static Exchange of(ServerRequest request) {
        return request.context()
                .get(Exchange.class)
                .orElseThrow(() -> new IllegalStateException("the request did not come through the edge"));
    }

    String requestId() {
        return requestId;
    }

    void header(String name, String value) {
        headers.put(name, value);
    }

    void writeHeaders(ServerResponse response) {
        headers.forEach(response::header);
    }

    /** From here on one of our handlers has the request. */
    void entered(String pattern) {
        route = pattern;
    }

    boolean entered() {
        return !route.equals(NO_ROUTE);
    }

    String route() {
        return route;
    }
}
