package dev.parley.worker.quota;

import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * Reads the keys file again when it has changed. A file with mistakes is refused whole, told once, and what was in force
 * stays.
 *
 * <p>It looks at the content itself, and not at events or times. Kubernetes brings a new secret by turning a symbolic link
 * in a parent folder, of which a watch on the file or its folder hears nothing on some file systems; times have coarse
 * steps, and a link that is turned back brings an old one. A file of this size costs nothing to read. What is new counts
 * once it was read twice in a row, so that a file that is being written is not taken for a whole one.
 *
 * <p>Thread-safe.
 */
public final class KeysWatch implements AutoCloseable {
    public static final Duration INTERVAL = Duration.ofSeconds(1);
    private static final System.Logger LOG = System.getLogger(KeysWatch.class.getName());

    /**
     * @param loadedAt when what is in force was read
     * @param problems of the file as it is now, one line each, without keys; empty when it is in force
     */
    public record Status(Instant loadedAt, List<String> problems) {
        public Status {
            problems = List.copyOf(problems);
        }
    }

    private final Path file;
    private final Consumer<List<QuotaGroup>> use;
    private final Clock clock;
    private final Duration interval;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final LongAdder reloads = new LongAdder();
    private final LongAdder refusals = new LongAdder();
    private final Thread thread = Thread.ofVirtual().name("keys-file").unstarted(this::run);
    private Reading judged;
    private Reading last;
    private volatile List<QuotaGroup> inForce;
    private volatile Status status;

    /** What reading the file gave: its text, or why there is none. */
    private record Reading(Optional<String> text, List<String> problems) {}

    private KeysWatch(
            Path file, List<QuotaGroup> inForce, Consumer<List<QuotaGroup>> use, Clock clock, Duration interval) {
        this.file = file;
        this.inForce = inForce;
        this.use = use;
        this.clock = clock;
        this.interval = interval;
        this.status = new Status(clock.instant(), List.of());
    }

    /**
     * @param inForce what was read at the start
     * @param use called on the watch's own thread with what is new
     */
    public static KeysWatch start(
            Path file, List<QuotaGroup> inForce, Consumer<List<QuotaGroup>> use, Clock clock, Duration interval) {
        KeysWatch watch = new KeysWatch(file, inForce, use, clock, interval);
        watch.thread.start();
        return watch;
    }

    public Status status() {
        return status;
    }

    /** How often a changed file was taken. */
    public long reloads() {
        return reloads.sum();
    }

    /** How often a changed file was refused. */
    public long refusals() {
        return refusals.sum();
    }

    private void run() {
        try {
            do {
                look();
            } while (!closed.await(interval.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() {
        Reading now = reading();
        boolean settled = now.equals(last);
        last = now;
        if (!settled || now.equals(judged)) {
            return;
        }
        judged = now;
        try {
            List<QuotaGroup> groups =
                    KeysFile.parse(now.text().orElseThrow(() -> new InvalidKeys(now.problems())), file);
            if (!groups.equals(inForce)) {
                use.accept(groups);
                inForce = groups;
                reloads.increment();
                LOG.log(Level.INFO, "the keys file has changed: {0} quota groups are in force", groups.size());
            }
            status = new Status(clock.instant(), List.of());
        } catch (InvalidKeys e) {
            refuse(e.problems());
        } catch (RuntimeException e) {
            LOG.log(Level.ERROR, "the changed keys file could not be put in force", e);
            refuse(List.of("it could not be put in force"));
        }
    }

    private Reading reading() {
        try {
            return new Reading(Optional.of(KeysFile.content(file)), List.of());
        } catch (InvalidKeys e) {
            return new Reading(Optional.empty(), e.problems());
        }
    }

    private void refuse(List<String> problems) {
        refusals.increment();
        status = new Status(status.loadedAt(), problems);
        LOG.log(
                Level.ERROR,
                "the changed keys file is refused, the earlier keys stay in force: {0}",
                String.join("; ", problems));
    }

    @Override
    public void close() {
        closed.countDown();
    }
}
