package dev.parley.api.health;

import dev.parley.api.http.Bodies;
import dev.parley.api.http.Resource;
import dev.parley.pipeline.runtime.Check;
import io.helidon.http.Status;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerResponse;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** {@code /api/health}: how Parley is, and the probes. Cheap to poll: each part is asked at most once a second. */
public final class HealthService implements HttpService {
    private static final Duration HOLDS = Duration.ofSeconds(1);
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    /** The parts' checks; each may block, but should be bounded by itself. */
    public record Checks(
            Supplier<CheckResult> postgres,
            Supplier<CheckResult> redis,
            Supplier<CheckResult> rabbitmq,
            Supplier<CheckResult> workers) {}

    /** In the words of the contract. */
    private enum Overall {
        HEALTHY("healthy"),
        DEGRADED("degraded"),
        UNHEALTHY("unhealthy");

        private final String word;

        Overall(String word) {
            this.word = word;
        }
    }

    private record Health(String status, Instant timestamp, Map<String, CheckResult> checks) {}

    private record Probe(String status, Optional<String> detail) {
        static Probe of(boolean up, Optional<String> detail) {
            return new Probe(up ? "up" : "down", detail);
        }
    }

    private static final String API = "api";
    private static final String POSTGRES = "postgres";

    private final Map<String, CachedCheck> checks = new LinkedHashMap<>();
    private final Clock clock;
    private final BooleanSupplier started;
    private final BooleanSupplier stopping;

    /**
     * @param started whether the start is over
     * @param stopping whether this instance takes its leave and should get no more requests
     */
    public HealthService(Checks parts, Clock clock, BooleanSupplier started, BooleanSupplier stopping) {
        this(parts, clock, started, stopping, HOLDS, PATIENCE);
    }

    HealthService(
            Checks parts,
            Clock clock,
            BooleanSupplier started,
            BooleanSupplier stopping,
            Duration holds,
            Duration patience) {
        this.clock = clock;
        this.started = started;
        this.stopping = stopping;
        checks.put(POSTGRES, new CachedCheck(parts.postgres(), holds, patience, System::nanoTime));
        checks.put("redis", new CachedCheck(parts.redis(), holds, patience, System::nanoTime));
        checks.put("rabbitmq", new CachedCheck(parts.rabbitmq(), holds, patience, System::nanoTime));
        checks.put("workers", new CachedCheck(parts.workers(), holds, patience, System::nanoTime));
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/health", rules)
                .get("", (request, response) -> health(response))
                .get("/live", (request, response) -> probe(response, true, Optional.empty()))
                .get("/ready", (request, response) -> ready(response))
                .get("/started", (request, response) -> {
                    boolean over = started.getAsBoolean();
                    probe(response, over, over ? Optional.empty() : Optional.of("starting"));
                })
                .seal();
    }

    /** Whether this instance should get requests: it needs PostgreSQL, nothing else. */
    public Check ready() {
        if (!started.getAsBoolean()) {
            return Check.down("starting");
        }
        if (stopping.getAsBoolean()) {
            return Check.down("stopping");
        }
        CheckResult postgres = checks.get(POSTGRES).result();
        return postgres.up()
                ? Check.up(Duration.ZERO)
                : Check.down(postgres.detail().orElse("PostgreSQL is away"));
    }

    private void ready(ServerResponse response) {
        Check ready = ready();
        probe(response, ready.up(), ready.detail());
    }

    private void health(ServerResponse response) {
        Map<String, CompletableFuture<CheckResult>> begun = new LinkedHashMap<>();
        checks.forEach((name, check) -> begun.put(name, check.begin()));
        Map<String, CheckResult> results = new LinkedHashMap<>();
        results.put(API, own());
        begun.forEach((name, check) -> results.put(name, checks.get(name).await(check)));
        Overall overall = overall(results);
        response.status(overall == Overall.UNHEALTHY ? Status.SERVICE_UNAVAILABLE_503 : Status.OK_200)
                .header("Cache-Control", "no-store");
        Bodies.send(response, new Health(overall.word, clock.instant(), results));
    }

    private CheckResult own() {
        return stopping.getAsBoolean() ? CheckResult.down("stopping") : CheckResult.of(Check.up(Duration.ZERO));
    }

    private static Overall overall(Map<String, CheckResult> results) {
        if (!results.get(POSTGRES).up()) {
            return Overall.UNHEALTHY;
        }
        return results.values().stream().allMatch(CheckResult::up) ? Overall.HEALTHY : Overall.DEGRADED;
    }

    private static void probe(ServerResponse response, boolean up, Optional<String> detail) {
        response.status(up ? Status.OK_200 : Status.SERVICE_UNAVAILABLE_503).header("Cache-Control", "no-store");
        Bodies.send(response, Probe.of(up, detail));
    }
}
