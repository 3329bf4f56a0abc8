package dev.parley.api.health;

import dev.parley.api.health.CheckResult.Worker;
import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.MalformedMessage;
import dev.parley.pipeline.runtime.Check;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.stream.Collectors;

/** The workers whose heartbeats were heard lately. Thread-safe. */
public final class WorkersHeard {
    /** Far more than a quota can feed; beyond it strangers are ignored. */
    private static final int MOST = 1_000;

    private record Heard(Heartbeat beat, Instant at) {}

    private final Clock clock;
    private final ConcurrentMap<String, Heard> workers = new ConcurrentHashMap<>();

    public WorkersHeard(Clock clock) {
        this.clock = clock;
    }

    /** Takes a message of the heartbeat exchange. */
    public void heard(byte[] body) {
        try {
            Heartbeat beat = Json.read(body, Heartbeat.class);
            if (workers.size() < MOST || workers.containsKey(beat.worker())) {
                workers.put(beat.worker(), new Heard(beat, clock.instant()));
            }
        } catch (MalformedMessage e) {
            // A heartbeat of another version: that worker is simply not known.
        }
    }

    public int count() {
        return workers().size();
    }

    /** What each has said last. */
    public List<Heartbeat> beats() {
        return present().stream().map(Heard::beat).toList();
    }

    private List<Heard> present() {
        Instant oldest = clock.instant().minus(Heartbeat.GONE_AFTER);
        workers.values().removeIf(heard -> heard.at().isBefore(oldest));
        return List.copyOf(workers.values());
    }

    /** Each as its last heartbeat told, by id. */
    public List<Worker> workers() {
        return present().stream()
                .map(heard -> Worker.of(heard.beat(), heard.at()))
                .sorted(Comparator.comparing(Worker::id))
                .toList();
    }

    public CheckResult check() {
        List<Worker> now = workers();
        List<Worker> working =
                now.stream().filter(worker -> worker.state().equals("working")).toList();
        Check check = working.isEmpty()
                ? Check.down("no worker has been heard of lately; messages are queued until one is")
                : troubles(working).map(Check::down).orElseGet(() -> Check.up(Duration.ZERO));
        return CheckResult.of(check).withWorkers(now);
    }

    /** One worker in trouble is enough to be told of: the answers it holds are late, whatever the others do. */
    private static Optional<String> troubles(List<Worker> working) {
        return working.stream()
                .flatMap(worker -> worker.trouble().stream())
                .collect(Collectors.groupingBy(trouble -> trouble, TreeMap::new, Collectors.counting()))
                .entrySet()
                .stream()
                .map(each -> "%s (%d of %d workers)".formatted(each.getKey(), each.getValue(), working.size()))
                .reduce((one, other) -> one + "; " + other);
    }
}
