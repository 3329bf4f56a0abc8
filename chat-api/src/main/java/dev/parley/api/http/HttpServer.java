package dev.parley.api.http;

import dev.parley.pipeline.message.Json;
import io.helidon.http.DirectHandler;
import io.helidon.http.DirectHandler.EventType;
import io.helidon.http.DirectHandler.TransportResponse;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.WebServerConfig;
import io.helidon.webserver.http.DirectHandlers;
import java.time.Duration;
import java.util.Optional;

/** The bounds of the web server, and problems for what fails before a request reaches a route. */
public final class HttpServer {
    /** 1 MiB, of which a message of the greatest length takes a part. */
    public static final int MAX_BODY_BYTES = 1024 * 1024;
    /** 16 MiB: a long chat as a file. The server's own limit; every other body has the one above. */
    public static final int MAX_FILE_BYTES = 16 * MAX_BODY_BYTES;
    /** Streams count as requests for as long as they are open, so this also bounds viewers of one instance. */
    public static final int MAX_CONCURRENT_REQUESTS = 4096;

    private HttpServer() {}

    /** Sets everything but address and routing. */
    public static WebServerConfig.Builder configure(WebServerConfig.Builder server) {
        DirectHandlers.Builder direct = DirectHandlers.builder();
        for (EventType type : EventType.values()) {
            direct.addHandler(type, problems());
        }
        return server.maxPayloadSize(MAX_FILE_BYTES)
                .maxConcurrentRequests(MAX_CONCURRENT_REQUESTS)
                .featuresDiscoverServices(false)
                .shutdownHook(false)
                .idleConnectionTimeout(Duration.ofMinutes(2))
                // Without it a small write waits for the acknowledgement of the one before, up to 40 ms.
                .connectionOptions(options -> options.tcpNoDelay(true).socketKeepAlive(true))
                .directHandlers(direct.build());
    }

    private static DirectHandler problems() {
        return (request, type, status, headers, message) -> {
            Problem problem = Problem.ofStatus(status.code());
            TransportResponse.Builder response = TransportResponse.builder()
                    .status(status)
                    .headers(headers)
                    .keepAlive(false)
                    .header(HeaderNames.CONTENT_TYPE, "application/problem+json")
                    .entity(Json.bytes(problem.body(Optional.empty())));
            problem.headers().forEach((name, value) -> response.header(HeaderNames.create(name), value));
            return response.build();
        };
    }
}
