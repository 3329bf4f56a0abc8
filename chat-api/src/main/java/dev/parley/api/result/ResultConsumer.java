package dev.parley.api.result;

import dev.parley.api.database.DatabaseUnavailable;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.MessageStore.Applied;
import dev.parley.api.message.Notifier;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Delivery;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.PublishFailed;
import dev.parley.pipeline.broker.Publisher;
import dev.parley.pipeline.broker.Subscription;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.Headers;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.MalformedMessage;
import dev.parley.pipeline.runtime.Backoff;
import dev.parley.pipeline.runtime.Logs;
import dev.parley.pipeline.runtime.Meters;
import io.helidon.metrics.api.Timer;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Step 8 of a message's path: stores what became of an answer, once, and tells the viewers. The acknowledgement comes
 * after the commit, so a crash repeats the update, which then changes nothing. Thread-safe.
 */
public final class ResultConsumer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ResultConsumer.class.getName());
    /** As many as the connection pool can store side by side, and a few that wait for it. */
    private static final int PREFETCH = 32;

    /** A defect stays one; a few tries cost little if it was none. */
    private static final int MOST_REJECTIONS = 5;

    /** Why an answer failed whose result was moved to the dead letters. */
    public static final Failure REJECTED = Failure.of(
            "result-rejected",
            "The answer could not be stored",
            "The model has answered, but the answer could not be stored. Try again; whoever runs Parley finds it among the"
                    + " dead letters.");

    private static final Duration DRAIN = Duration.ofSeconds(5);

    private final MessageStore store;
    private final Runs runs;
    private final Notifier notifier;
    private final Meters meters;
    private final Clock clock;
    private final Timer whole;
    private final Publisher publisher;
    private final String deadLetters;
    private final Subscription subscription;
    private volatile boolean closed;

    private ResultConsumer(
            Broker broker, MessageStore store, Runs runs, Notifier notifier, Meters meters, Clock clock) {
        this.store = store;
        this.runs = runs;
        this.notifier = notifier;
        this.meters = meters;
        this.clock = clock;
        this.whole = meters.timer("answer_stored", "From accepting a message to its stored and announced answer");
        this.publisher = broker.publisher(PREFETCH);
        this.deadLetters = broker.topology().deadLetters();
        this.subscription = broker.subscribe(broker.topology().responses(), PREFETCH, this::handle);
    }

    public static ResultConsumer start(
            Broker broker, MessageStore store, Runs runs, Notifier notifier, Meters meters, Clock clock) {
        return new ResultConsumer(broker, store, runs, notifier, meters, clock);
    }

    private void handle(Delivery delivery) throws PublishFailed {
        AnswerUpdate update;
        try {
            update = Json.read(delivery.body(), AnswerUpdate.class);
        } catch (MalformedMessage e) {
            LOG.log(Level.ERROR, "a message that is no result goes to the dead letters: {0}", e.getMessage());
            count("malformed");
            delivery.deadLetter();
            return;
        }
        Logs.with(
                Map.of(
                        "chat", update.answer().chatId().toString(),
                        "answer", update.answer().answerId().toString(),
                        "attempt", Integer.toString(update.answer().attempt())),
                () -> store(delivery, update));
    }

    private void store(Delivery delivery, AnswerUpdate update) throws PublishFailed {
        Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(3), ThreadLocalRandom.current());
        int rejections = 0;
        do {
            Optional<Applied> applied;
            try {
                applied = store.apply(update);
            } catch (DatabaseUnavailable e) {
                // It waits here, unacknowledged, rather than turning in circles through the queue.
                LOG.log(Level.WARNING, "a result waits for PostgreSQL");
                continue;
            } catch (RuntimeException e) {
                LOG.log(Level.ERROR, "a result cannot be stored, which is a defect", e);
                if (++rejections == MOST_REJECTIONS) {
                    bury(delivery, update);
                    return;
                }
                continue;
            }
            stored(delivery, update, applied);
            return;
        } while (rest(backoff));
    }

    /** @return false when this consumer is closed meanwhile: the broker delivers the result to another */
    private boolean rest(Backoff backoff) {
        try {
            if (closed) {
                return false;
            }
            Thread.sleep(backoff.next());
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void stored(Delivery delivery, AnswerUpdate update, Optional<Applied> applied) {
        delivery.ack();
        count(applied.isPresent() ? kind(update) : "duplicate");
        applied.ifPresent(change -> {
            log(change);
            announce(update, change);
        });
        if (ends(update)) {
            runs.settle(update.answer());
        }
    }

    /**
     * Moves a result that cannot be stored to the dead letters, for somebody who can mend it. The copy is ours, as the
     * queue's own dead-lettering would take a delivery limit, and the arguments of an existing queue cannot change.
     */
    private void bury(Delivery delivery, AnswerUpdate update) throws PublishFailed {
        publisher.publishConfirmed(new Outgoing(
                deadLetters,
                update.answer().messageId(),
                Map.of(
                        Headers.ATTEMPT,
                        update.answer().attempt(),
                        Headers.REASON,
                        REJECTED.type(),
                        Headers.DIED,
                        clock.instant().toString()),
                delivery.body()));
        count("rejected");
        try {
            store.failDeadLetter(update.answer(), REJECTED).ifPresent(change -> {
                notifier.applied(change);
                // The text that Redis still keeps would be found again by the next round, and be rejected again.
                runs.settle(update.answer());
            });
        } catch (RuntimeException e) {
            // The copy is there: without the acknowledgement each redelivery would add another.
            LOG.log(Level.WARNING, "the answer of a rejected result is left to the watch over the dead letters", e);
        }
        delivery.ack();
    }

    private static void log(Applied change) {
        Logs.with(
                Map.of("request", change.requestId().orElse("")),
                () -> LOG.log(
                        Level.DEBUG,
                        "stored that its answer is {0}",
                        change.message().status().name().toLowerCase(Locale.ROOT)));
    }

    private void announce(AnswerUpdate update, Applied change) {
        notifier.applied(change);
        if (update instanceof AnswerUpdate.Completed) {
            Instant accepted = change.message().createdAt();
            Duration took = Duration.between(accepted, clock.instant());
            whole.record(took.isNegative() ? Duration.ZERO : took);
        }
    }

    private static boolean ends(AnswerUpdate update) {
        return switch (update) {
            case AnswerUpdate.Completed completed -> true;
            case AnswerUpdate.Failed failed -> true;
            case AnswerUpdate.Retrying retrying -> false;
            case AnswerUpdate.Waiting waiting -> false;
        };
    }

    private static String kind(AnswerUpdate update) {
        return update.getClass().getSimpleName().toLowerCase(Locale.ROOT);
    }

    private void count(String outcome) {
        meters.counter("results", "Messages on the response queue by what they came to", "outcome", outcome)
                .increment();
    }

    @Override
    public void close() {
        try {
            closed = true;
            subscription.stop();
            subscription.awaitIdle(DRAIN);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
