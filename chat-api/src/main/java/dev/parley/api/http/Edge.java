package dev.parley.api.http;

import dev.parley.api.database.DatabaseUnavailable;
import dev.parley.api.id.Ids;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.runtime.Meters;
import io.helidon.common.buffers.DataReader;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.HttpException;
import io.helidon.http.Method;
import io.helidon.http.Status;
import io.helidon.logging.common.HelidonMdc;
import io.helidon.metrics.api.Timer;
import io.helidon.webserver.http.Filter;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/** What every request goes through: its id, security and CORS headers, metrics, and problems for whatever fails. */
public final class Edge implements Filter {
    private static final System.Logger LOG = System.getLogger(Edge.class.getName());
    private static final HeaderName REQUEST_ID = HeaderNames.create("X-Request-Id");
    private static final HeaderName PREFLIGHT = HeaderNames.create("Access-Control-Request-Method");
    private static final Pattern SANE_ID = Pattern.compile("[A-Za-z0-9._:-]{1,64}");
    private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

    private record Label(String method, String route, String status) {}

    private final Map<Label, Timer> timers = new ConcurrentHashMap<>();
    private final Ids ids;
    private final Meters meters;
    private final Cors cors;

    private Edge(Ids ids, Meters meters, Cors cors) {
        this.ids = ids;
        this.meters = meters;
        this.cors = cors;
    }

    /** Puts the edge around a routing. @param corsOrigins foreign origins that may call; none means same origin only */
    public static void around(HttpRouting.Builder routing, Ids ids, Meters meters, List<String> corsOrigins) {
        routing.addFilter(new Edge(ids, meters, new Cors(corsOrigins))).error(Throwable.class, Edge::failed);
    }

    @Override
    public void filter(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        long start = System.nanoTime();
        Exchange exchange = new Exchange(requestId(request));
        exchange.header("X-Content-Type-Options", "nosniff");
        exchange.header("Referrer-Policy", "no-referrer");
        Optional<String> origin = request.headers().first(HeaderNames.ORIGIN);
        Map<String, String> allowed = cors.headers(origin);
        allowed.forEach(exchange::header);
        request.context().register(exchange);
        HelidonMdc.set("request", exchange.requestId());
        try {
            exchange.writeHeaders(response);
            if (request.prologue().method().equals(Method.OPTIONS)
                    && request.headers().contains(PREFLIGHT)) {
                exchange.entered("preflight");
                if (allowed.containsKey("Access-Control-Allow-Origin")) {
                    cors.preflight().forEach(response::header);
                }
                response.status(Status.NO_CONTENT_204).send();
            } else {
                chain.proceed();
            }
        } finally {
            HelidonMdc.remove("request");
            measure(request, response, exchange, System.nanoTime() - start);
        }
    }

    private String requestId(RoutingRequest request) {
        return request.headers()
                .first(REQUEST_ID)
                .filter(id -> SANE_ID.matcher(id).matches())
                .orElseGet(() -> ids.next().toString());
    }

    private void measure(RoutingRequest request, RoutingResponse response, Exchange exchange, long nanos) {
        boolean stream = response.headers()
                .first(HeaderNames.CONTENT_TYPE)
                .filter(type -> type.startsWith("text/event-stream"))
                .isPresent();
        if (stream) {
            // As long as its viewer stays: it would say nothing about the server and hide what does.
            return;
        }
        String method = request.prologue().method().text();
        Label label = new Label(
                METHODS.contains(method) ? method : "other",
                exchange.route(),
                response.status().code() / 100 + "xx");
        timers.computeIfAbsent(
                        label,
                        l -> meters.timer(
                                "http_requests",
                                "Requests by route: rate, time to the last byte, and errors by status class",
                                "method",
                                l.method(),
                                "route",
                                l.route(),
                                "status",
                                l.status()))
                .record(Duration.ofNanos(nanos));
    }

    private static void failed(ServerRequest request, ServerResponse response, Throwable failure) {
        Exchange exchange = Exchange.of(request);
        // The response's headers were cleared before this was called.
        exchange.writeHeaders(response);
        if (failure instanceof HttpException http && http.status().code() < 400) {
            // Static content says "not modified" by an exception.
            http.headers().forEach(response::header);
            response.status(http.status()).send();
            return;
        }
        Problem problem = problem(request, exchange, failure);
        problem.headers().forEach(response::header);
        response.status(problem.status())
                .header("Content-Type", "application/problem+json")
                .header("Cache-Control", "no-store")
                .send(Json.bytes(problem.body(Optional.of(exchange.requestId()))));
    }

    private static Problem problem(ServerRequest request, Exchange exchange, Throwable failure) {
        return switch (failure) {
            case Problem problem -> problem;
            case DatabaseUnavailable away -> {
                LOG.log(
                        Level.WARNING,
                        "{0} {1}: {2}",
                        request.prologue().method(),
                        exchange.route(),
                        away.getMessage());
                yield Problem.databaseUnavailable();
            }
            case HttpException http
            when http.status().code() < 500 -> Problem.ofStatus(http.status().code());
            case DataReader.InsufficientDataAvailableException _ -> Problem.ofStatus(400);
            // Before any handler had it, only the request itself can be the illegal argument.
            case IllegalArgumentException _ when !exchange.entered() -> Problem.ofStatus(400);
            default -> {
                LOG.log(Level.ERROR, request.prologue().method() + " " + exchange.route() + " failed", failure);
                yield Problem.internal();
            }
        };
    }
}
