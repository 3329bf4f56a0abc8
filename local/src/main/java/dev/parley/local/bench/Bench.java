package dev.parley.local.bench;

import dev.parley.local.LocalParley;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What Parley costs: {@code ./parley bench [latency|load|limiter|ui]}. Everything runs on this machine in one go, the straight calls
 * and Parley's in turn, so that the ratios hold although the machine's speed drifts.
 */
public final class Bench {
    private Bench() {}

    public static void main(String[] args) throws Exception {
        List<String> wanted = args.length == 0 ? List.of("latency", "load") : List.of(args);
        if (!List.of("latency", "load", "limiter", "ui").containsAll(wanted)) {
            System.err.println("parley: bench knows latency, load, limiter and ui");
            System.exit(2);
        }
        boolean met = true;
        for (String name : wanted) {
            met &= switch (name) {
                case "latency" -> run("", Latency::run);
                case "load" -> run(Load.FAKE, Load::run);
                case "ui" -> run("", Page::run);
                default -> Limiter.run();
            };
        }
        System.exit(met ? 0 : 1);
    }

    interface Measurement {
        boolean on(LocalParley parley) throws Exception;
    }

    static boolean run(String fake, Measurement measurement) throws Exception {
        Path data = Files.createTempDirectory("parley-bench");
        Map<String, String> environment = new HashMap<>(System.getenv());
        environment.keySet().removeIf(name -> name.startsWith("GEMINI_") || name.startsWith("KEYS_"));
        environment.putAll(Map.of(
                "PARLEY_DATA", data.toString(),
                "PARLEY_FAKE", fake,
                "SERVER_PORT", "0",
                "OBSERVE_PORT", "0",
                "KEYS_MAX_PER_MINUTE", "1000000",
                "WORKER_PREFETCH_COUNT", "200"));
        environment.putIfAbsent("LOG_LEVEL", "warn");
        try (LocalParley parley = LocalParley.open(environment)) {
            return measurement.on(parley);
        } finally {
            try (Stream<Path> files = Files.walk(data)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
    }
}
