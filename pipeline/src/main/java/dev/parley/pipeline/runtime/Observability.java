package dev.parley.pipeline.runtime;

import com.sun.management.OperatingSystemMXBean;
import dev.parley.pipeline.message.Json;
import io.helidon.common.config.Config;
import io.helidon.common.config.GlobalConfig;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.metrics.api.Metrics;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.observe.ObserveFeature;
import io.helidon.webserver.observe.metrics.MetricsObserver;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/**
 * The port on which a service is seen from outside: {@code /metrics} as Prometheus text and the probes
 * {@code /health/live}, {@code /health/ready}, {@code /health/started}. It opens first and closes last, so that a slow
 * start and a long drain can be watched. Thread-safe.
 */
public final class Observability implements AutoCloseable {
    private static final long PAGE_BYTES = 4096;

    static {
        // What a service is told comes from its Environment. Helidon would look for files of its own as well, at a
        // tenth of a
        // second of each start.
        GlobalConfig.config(Config::empty, true);
    }

    /** Whether the service should get work; its answer must be cheap, as probes come every few seconds. */
    public record Probes(Supplier<Check> ready, Supplier<Boolean> started) {
        static final Probes STARTING = new Probes(() -> Check.down("starting"), () -> false);
    }

    private final AtomicReference<Probes> probes = new AtomicReference<>(Probes.STARTING);
    private final WebServer server;
    private final Meters meters;

    private Observability(String host, int port) {
        this.server = WebServer.builder()
                .host(host)
                .port(port)
                .shutdownHook(false)
                .shutdownGracePeriod(Duration.ofMillis(200))
                .maxPayloadSize(16 * 1024)
                .featuresDiscoverServices(false)
                .addFeature(ObserveFeature.builder()
                        .endpoint("/")
                        .observersDiscoverServices(false)
                        .addObserver(
                                MetricsObserver.builder().endpoint("metrics").build())
                        .build())
                .routing(routing -> routing.get("/health/live", probe(() -> Check.up(Duration.ZERO)))
                        .get("/health/ready", probe(() -> probes.get().ready().get()))
                        .get(
                                "/health/started",
                                probe(() -> probes.get().started().get()
                                        ? Check.up(Duration.ZERO)
                                        : Check.down("starting"))))
                .build()
                .start();
        // Only now, as building the server replaces the registry that was in force before.
        this.meters = new Meters(Metrics.globalRegistry());
        process();
    }

    /** @param port 0 for any free one */
    public static Observability open(String host, int port) {
        return new Observability(host, port);
    }

    public int port() {
        return server.port();
    }

    public Meters meters() {
        return meters;
    }

    /** From now on the probes ask the service. */
    public void probes(Probes answers) {
        probes.set(answers);
    }

    private record Probed(String status, Optional<String> detail) {}

    private static Handler probe(Supplier<Check> question) {
        return (request, response) -> {
            Check check = question.get();
            response.status(check.up() ? Status.OK_200 : Status.SERVICE_UNAVAILABLE_503)
                    .header(HeaderNames.CONTENT_TYPE, "application/json")
                    .send(Json.bytes(new Probed(check.up() ? "up" : "down", check.detail())));
        };
    }

    private void process() {
        var os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        meters.gauge("process_cpu_seconds", "Processor time this process has used", () -> os.getProcessCpuTime() / 1e9);
        meters.gauge("process_resident_bytes", "Memory this process holds", Observability::residentBytes);
        meters.gauge("jvm_heap_used_bytes", "Heap in use", () -> ManagementFactory.getMemoryMXBean()
                .getHeapMemoryUsage()
                .getUsed());
        meters.gauge("jvm_heap_max_bytes", "Most heap there can be", () -> ManagementFactory.getMemoryMXBean()
                .getHeapMemoryUsage()
                .getMax());
        meters.gauge(
                "jvm_gc_seconds",
                "Time spent collecting garbage",
                () -> ManagementFactory.getGarbageCollectorMXBeans().stream()
                                .mapToLong(gc -> Math.max(0, gc.getCollectionTime()))
                                .sum()
                        / 1e3);
        meters.gauge("jvm_platform_threads", "Platform threads", () -> ManagementFactory.getThreadMXBean()
                .getThreadCount());
    }

    private static long residentBytes() {
        try {
            return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * PAGE_BYTES;
        } catch (IOException e) {
            return 0;
        }
    }

    @Override
    public void close() {
        server.stop();
    }
}
