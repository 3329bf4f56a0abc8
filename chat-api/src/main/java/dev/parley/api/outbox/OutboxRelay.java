package dev.parley.api.outbox;

import dev.parley.api.database.DatabaseUnavailable;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.PublishFailed;
import dev.parley.pipeline.broker.Publisher;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.Headers;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.runtime.Backoff;
import dev.parley.pipeline.runtime.Meters;
import io.helidon.metrics.api.Counter;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.random.RandomGenerator;

/**
 * Step 2 of a message's path: hands accepted requests to the broker. A message goes out on the thread that accepted it,
 * from memory; the relay of every instance takes what that left behind (the broker was away, the process died) and what
 * came due otherwise, with {@code SKIP LOCKED} to keep them out of each other's way. A row is deleted only after the
 * broker's confirm, so a crash in between publishes it twice and never loses it. Thread-safe.
 */
public final class OutboxRelay implements Outbox, AutoCloseable {
    private static final System.Logger LOG = System.getLogger(OutboxRelay.class.getName());
    private static final int BATCH = 100;
    /** Beyond this many, messages wait in the outbox and not in memory. */
    private static final int MOST_UNCONFIRMED = 1_000;
    /** Finds what a crashed instance left and what a missed wake-up would. */
    private static final Duration SWEEP = Duration.ofSeconds(1);
    /**
     * Confirmed rows are deleted together, and not while their answers are begun. Far below the time after which a row is
     * anybody's, so that a crash meanwhile is all that makes twins of them.
     */
    private static final Duration LINGER = Duration.ofMillis(50);

    /** A row whose request cannot be built stays, for another version of this program or a hand that mends it. */
    private static final Duration UNREADABLE_RESTS = Duration.ofMinutes(10);

    private final OutboxStore store;
    private final Broker broker;
    private final Publisher publisher;
    private final Counter published;
    private final Counter failed;
    private final Counter unreadable;
    /** Holds a permit when there may be work; more than one would say the same. */
    private final Semaphore work = new Semaphore(0);
    /** Rows to be deleted. Not more than were accepted, which ends when PostgreSQL takes no deletes either. */
    private final Queue<Long> confirmed = new ConcurrentLinkedQueue<>();

    /** Whether the thread knows that there are some. */
    private final AtomicBoolean lingering = new AtomicBoolean();

    private final AtomicBoolean due = new AtomicBoolean();

    private final Thread thread;
    private volatile boolean closed;

    private OutboxRelay(OutboxStore store, Broker broker, Meters meters) {
        this.store = store;
        this.broker = broker;
        this.publisher = broker.publisher(MOST_UNCONFIRMED);
        this.published = meters.counter("outbox_published", "Requests the broker has confirmed");
        this.failed = meters.counter("outbox_failed", "Requests the broker did not confirm, to be tried again");
        this.unreadable = meters.counter(
                "outbox_unreadable", "Looks at rows whose requests cannot be built, each again after ten minutes");
        this.thread = Thread.ofVirtual().name("outbox-relay").unstarted(this::relay);
    }

    public static OutboxRelay start(OutboxStore store, Broker broker, Meters meters) {
        OutboxRelay relay = new OutboxRelay(store, broker, meters);
        relay.thread.start();
        return relay;
    }

    @Override
    public void hand(OutboxEntry accepted) {
        if (closed || accepted.request().isEmpty()) {
            return;
        }
        publisher
                .tryPublish(message(accepted.request().get()))
                .ifPresent(confirm -> confirm.whenComplete((ok, failure) -> {
                    if (failure == null) {
                        published.increment();
                        confirmed.add(accepted.id());
                        if (!lingering.getAndSet(true)) {
                            stir();
                        }
                    } else {
                        failed.increment();
                        LOG.log(Level.WARNING, "a request stays in the outbox: {0}", failure.getMessage());
                    }
                }));
    }

    @Override
    public void wake() {
        due.set(true);
        stir();
    }

    private void stir() {
        if (work.availablePermits() == 0) {
            work.release();
        }
    }

    private void relay() {
        Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5), RandomGenerator.getDefault());
        long swept = System.nanoTime() - SWEEP.toNanos();
        while (!closed) {
            try {
                long untilSweep = SWEEP.toNanos() - (System.nanoTime() - swept);
                work.tryAcquire(untilSweep, TimeUnit.NANOSECONDS);
                work.drainPermits();
                if (lingering.get() && !due.get()) {
                    work.tryAcquire(LINGER.toNanos(), TimeUnit.NANOSECONDS);
                }
                // Before the look into the queue, so that whoever comes behind it stirs anew.
                lingering.set(false);
                forget();
                if (!due.getAndSet(false) && System.nanoTime() - swept < SWEEP.toNanos()) {
                    continue;
                }
                swept = System.nanoTime();
                // Without a broker nothing is claimed: rows stay free for an instance that has one.
                boolean more = true;
                while (more && !closed && broker.connected()) {
                    more = batch() == BATCH;
                    backoff.reset();
                }
            } catch (DatabaseUnavailable e) {
                LOG.log(Level.WARNING, "the outbox cannot be read; PostgreSQL is away");
                rest(backoff);
            } catch (InterruptedException e) {
                return;
            } catch (RuntimeException e) {
                LOG.log(Level.ERROR, "the outbox relay stumbled and goes on", e);
                rest(backoff);
            }
        }
    }

    private void forget() {
        List<Long> gone = new ArrayList<>();
        for (Long id; gone.size() < MOST_UNCONFIRMED && (id = confirmed.poll()) != null; ) {
            gone.add(id);
        }
        try {
            store.delete(gone);
        } catch (RuntimeException e) {
            confirmed.addAll(gone);
            throw e;
        }
    }

    private void rest(Backoff backoff) {
        try {
            Thread.sleep(backoff.next());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** @return how many rows were done with; a full batch means there may be more, and that it makes sense to go on */
    private int batch() {
        return store.inTransaction(tx -> {
            OutboxStore.Claim claim = store.claim(tx, BATCH);
            store.postpone(tx, claim.unreadable(), UNREADABLE_RESTS);
            unreadable.increment(claim.unreadable().size());
            Map<Long, CompletableFuture<Void>> confirms = new HashMap<>();
            List<Long> done = new ArrayList<>();
            for (OutboxEntry entry : claim.entries()) {
                entry.request()
                        .ifPresentOrElse(
                                request -> confirms.put(entry.id(), publisher.publish(message(request))),
                                () -> done.add(entry.id()));
            }
            confirms.forEach((id, confirm) -> {
                try {
                    Publisher.await(confirm);
                    done.add(id);
                    published.increment();
                } catch (PublishFailed e) {
                    failed.increment();
                    LOG.log(Level.WARNING, "a request stays in the outbox: {0}", e.getMessage());
                }
            });
            store.delete(tx, done);
            return done.size() + claim.unreadable().size();
        });
    }

    private Outgoing message(GenerationRequest request) {
        return new Outgoing(
                broker.topology().requests(),
                request.answer().messageId(),
                Map.of(Headers.ATTEMPT, request.answer().attempt()),
                Json.bytes(request));
    }

    @Override
    public void close() {
        try {
            closed = true;
            wake();
            // A batch under way is finished: at most one confirm timeout.
            if (!thread.join(Duration.ofSeconds(12))) {
                thread.interrupt();
            }
            forget();
        } catch (DatabaseUnavailable e) {
            LOG.log(Level.DEBUG, "what was confirmed last is published once more; PostgreSQL is away");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
