package dev.parley.pipeline.runtime;

import io.helidon.metrics.api.Counter;
import io.helidon.metrics.api.FunctionalCounter;
import io.helidon.metrics.api.Gauge;
import io.helidon.metrics.api.Meter;
import io.helidon.metrics.api.MeterRegistry;
import io.helidon.metrics.api.Tag;
import io.helidon.metrics.api.Timer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Parley's way to its meters: names begin with {@code parley_}, times are histograms in seconds with the same buckets
 * everywhere, so that a dashboard can put them side by side. Thread-safe.
 */
public final class Meters {
    /** From a Redis round trip to the ladder's first wait. */
    private static final Duration[] BUCKETS = {
        Duration.ofMillis(1),
        Duration.ofNanos(2_500_000),
        Duration.ofMillis(5),
        Duration.ofMillis(10),
        Duration.ofMillis(25),
        Duration.ofMillis(50),
        Duration.ofMillis(100),
        Duration.ofMillis(250),
        Duration.ofMillis(500),
        Duration.ofSeconds(1),
        Duration.ofMillis(2500),
        Duration.ofSeconds(5),
        Duration.ofSeconds(10),
        Duration.ofSeconds(30),
        Duration.ofSeconds(60),
        Duration.ofSeconds(300)
    };

    private final MeterRegistry registry;
    /** Looking a meter up in the registry costs more than counting; the labels' values are few, so this stays small. */
    private final Map<List<String>, Counter> counters = new ConcurrentHashMap<>();

    public Meters(MeterRegistry registry) {
        this.registry = registry;
    }

    /** A histogram of durations. @param tags names and values in turn; values from a small fixed set */
    public Timer timer(String name, String description, String... tags) {
        return registry.getOrCreate(Timer.builder("parley_" + name)
                .description(description)
                .tags(tags(tags))
                .buckets(BUCKETS)
                .percentiles(new double[0]));
    }

    /** A count that only grows. @param tags names and values in turn; values from a small fixed set */
    public Counter counter(String name, String description, String... tags) {
        List<String> key = new ArrayList<>(List.of(tags));
        key.add(name);
        return counters.computeIfAbsent(
                key,
                unknown -> registry.getOrCreate(Counter.builder("parley_" + name)
                        .description(description)
                        .tags(tags(tags))));
    }

    /** A count that is kept elsewhere and read when somebody looks; must be cheap and must not throw. */
    public void count(String name, String description, Supplier<Long> count) {
        // The registry holds the object weakly and the function strongly: the supplier must not be the object.
        registry.getOrCreate(FunctionalCounter.builder("parley_" + name, this, meters -> count.get())
                .description(description));
    }

    /** A value read when somebody looks; must be cheap and must not throw. @return for {@link #remove} */
    public <N extends Number> Meter gauge(String name, String description, Supplier<N> value, String... tags) {
        return registry.getOrCreate(
                Gauge.builder("parley_" + name, value).description(description).tags(tags(tags)));
    }

    /** Shows it no more. */
    public void remove(Meter meter) {
        registry.remove(meter);
    }

    private static List<Tag> tags(String... namesAndValues) {
        List<Tag> tags = new ArrayList<>(namesAndValues.length / 2);
        for (int i = 0; i < namesAndValues.length; i += 2) {
            tags.add(Tag.create(namesAndValues[i], namesAndValues[i + 1]));
        }
        return tags;
    }
}
