package dev.parley.api.health;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.runtime.Check;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * One check of {@code GET /api/health}.
 *
 * @param detail in plain words, never an address or a secret
 * @param latencyMillis of the question, where one was asked
 * @param queues messages ready in each queue (rabbitmq only)
 * @param workers heard of lately (workers only)
 * @param outbox requests not yet handed to the broker (postgres only)
 */
public record CheckResult(
        @JsonIgnore boolean up,
        Optional<String> detail,
        Optional<Double> latencyMillis,
        Optional<Map<String, Long>> queues,
        Optional<List<Worker>> workers,
        Optional<Long> outbox) {

    /** A worker as its last heartbeat told. */
    public record Worker(
            String id,
            Instant startedAt,
            Instant heardAt,
            int running,
            int waiting,
            int capacity,
            long completed,
            String state,
            int keysReady,
            int keysTotal,
            boolean sharedQuota,
            Optional<String> trouble) {
        public static Worker of(Heartbeat beat, Instant heardAt) {
            return new Worker(
                    beat.worker(),
                    beat.startedAt(),
                    heardAt,
                    beat.running(),
                    beat.waiting(),
                    beat.capacity(),
                    beat.completed(),
                    beat.state().name().toLowerCase(Locale.ROOT),
                    beat.keysReady(),
                    beat.keysTotal(),
                    beat.sharedQuota(),
                    beat.trouble());
        }
    }

    public static CheckResult of(Check check) {
        return new CheckResult(
                check.up(),
                check.detail(),
                check.latency().map(latency -> latency.toNanos() / 1_000 / 1_000.0),
                Optional.empty(),
                Optional.empty(),
                Optional.empty());
    }

    public static CheckResult down(String detail) {
        return of(Check.down(detail));
    }

    public CheckResult withQueues(Map<String, Long> ready) {
        return new CheckResult(up, detail, latencyMillis, Optional.of(ready), workers, outbox);
    }

    public CheckResult withWorkers(List<Worker> heard) {
        return new CheckResult(up, detail, latencyMillis, queues, Optional.of(heard), outbox);
    }

    public CheckResult withOutbox(long depth) {
        return new CheckResult(up, detail, latencyMillis, queues, workers, Optional.of(depth));
    }

    @JsonProperty
    public String status() {
        return up ? "up" : "down";
    }
}
