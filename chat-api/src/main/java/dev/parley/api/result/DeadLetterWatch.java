package dev.parley.api.result;

import dev.parley.api.database.DatabaseUnavailable;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.Notifier;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.Headers;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Shows answers as failed whose requests the broker itself has dead-lettered, past the delivery limit: no worker lived
 * to say so. Looks at the dead letters and leaves them there for an operator.
 */
public final class DeadLetterWatch implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(DeadLetterWatch.class.getName());
    /** Most dead letters looked at. Those at the end are the new ones, so beyond this an operator has to make room. */
    public static final int MOST = 20_000;

    private static final Duration AT_MOST = Duration.ofSeconds(60);
    /** Rounds after which it looks although nothing seems to have changed. */
    private static final int LOOK_ANYWAY = 6;

    private static final Failure POISON = new Failure(
            Headers.POISON,
            "This message could not be processed",
            "Workers have failed on it several times. Try again, or change the message; whoever runs Parley finds it"
                    + " among the dead letters.");

    private final Broker broker;
    private final MessageStore store;
    private final Notifier notifier;
    private final Duration interval;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread thread;
    private long depthSeen;
    private long lookedAt = System.nanoTime();
    /** Those of the last whole look, which ended their answers. */
    private Set<AnswerRef> seen = Set.of();

    private DeadLetterWatch(Broker broker, MessageStore store, Notifier notifier, Duration interval) {
        this.broker = broker;
        this.store = store;
        this.notifier = notifier;
        this.interval = interval;
        this.thread = Thread.ofVirtual().name("dead-letter-watch").unstarted(this::watch);
    }

    public static DeadLetterWatch start(Broker broker, MessageStore store, Notifier notifier, Duration interval) {
        DeadLetterWatch watch = new DeadLetterWatch(broker, store, notifier, interval);
        watch.thread.start();
        return watch;
    }

    private void watch() {
        try {
            while (!closed.await(interval.toMillis(), TimeUnit.MILLISECONDS)) {
                try {
                    look();
                } catch (DatabaseUnavailable e) {
                    depthSeen = 0;
                } catch (RuntimeException e) {
                    LOG.log(Level.ERROR, "looking at the dead letters failed; it is tried again", e);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() throws InterruptedException {
        long depth = broker.depths()
                .map(depths -> depths.getOrDefault(broker.topology().deadLetters(), 0L))
                .orElse(depthSeen);
        // An equal depth says little: an operator may have taken as many out as have come.
        if (depth == depthSeen
                && (depth == 0
                        || System.nanoTime() - lookedAt
                                < interval.multipliedBy(LOOK_ANYWAY).toNanos())) {
            return;
        }
        Set<AnswerRef> seenNow = new HashSet<>();
        Walk walk = broker.walk(broker.topology().deadLetters(), MOST, AT_MOST, Duration.ZERO, message -> {
            AnswerRef.in(message.body()).ifPresent(answer -> fail(answer, seenNow));
            return Walk.Step.KEEP;
        });
        // Where an operator is at work, the next round looks again.
        if (walk instanceof Walk.Done done) {
            if (done.seen() < done.left()) {
                LOG.log(Level.ERROR, "of {0} dead letters the newest are not seen", done.left());
            }
            seen = seenNow;
            depthSeen = depth;
            lookedAt = System.nanoTime();
        }
    }

    private void fail(AnswerRef answer, Set<AnswerRef> seenNow) {
        try {
            if (!seen.contains(answer)) {
                fail(answer, store, notifier);
            }
            seenNow.add(answer);
        } catch (DatabaseUnavailable e) {
            throw e;
        } catch (RuntimeException e) {
            // What is wrong with one must not keep the walk from the letters behind it.
            LOG.log(
                    Level.ERROR,
                    "the answer " + answer.answerId() + " of a dead letter cannot be ended; tried again",
                    e);
        }
    }

    /** Shows a dead letter's answer as failed, unless it has ended already, as the worker's own failures have. */
    public static void fail(AnswerRef answer, MessageStore store, Notifier notifier) {
        store.failDeadLetter(answer, POISON).ifPresent(applied -> {
            LOG.log(Level.WARNING, "a dead letter''s answer {0} is shown as failed", answer.answerId());
            notifier.applied(applied);
        });
    }

    @Override
    public void close() {
        try {
            closed.countDown();
            thread.join(Duration.ofSeconds(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
