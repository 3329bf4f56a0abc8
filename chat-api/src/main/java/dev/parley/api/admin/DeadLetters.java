package dev.parley.api.admin;

import dev.parley.api.http.Problem;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.MessageStore.Change;
import dev.parley.api.message.Notifier;
import dev.parley.api.result.DeadLetterWatch;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.HeldMessage;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.message.AnswerRef;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/**
 * What an operator can do with dead letters. A letter leaves the queue only after what replaces it is committed, so a
 * crash leaves it there, to be found obsolete the next time; and one walk at a time goes through the queue, so operators
 * do not get in each other's way. Thread-safe.
 *
 * <p>A redrive is a new round of the answer, as <em>Try again</em> is: its request is built from the conversation and goes
 * out through the outbox, so nothing of the dead message, such as the broker's x-death, goes along.
 */
public final class DeadLetters {
    /** As many as {@link DeadLetterWatch} looks at. */
    private static final int MOST = DeadLetterWatch.MOST;
    /** A proxy in between has lost its patience after a minute. */
    private static final Duration AT_MOST = Duration.ofSeconds(30);

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final Comparator<DeadLetter> BY_AGE = Comparator.comparing(
                    (DeadLetter letter) -> letter.diedAt().orElse(Instant.EPOCH))
            .thenComparing(letter -> letter.round().orElse(0))
            .thenComparing(DeadLetter::id);

    private final Broker broker;
    private final MessageStore store;
    private final Notifier notifier;

    public DeadLetters(Broker broker, MessageStore store, Notifier notifier) {
        this.broker = broker;
        this.store = store;
        this.notifier = notifier;
    }

    /** @param total letters in the queue */
    record Listed(List<DeadLetter> letters, long total) {}

    /**
     * What an action came to.
     *
     * @param redriven letters whose answers are queued again
     * @param obsolete letters that were removed because their answers were cancelled, tried again, answered or deleted
     * @param dropped letters that were removed because somebody wanted it
     * @param kept letters that nobody can redrive, as they do not say which answer they belong to
     * @param remaining letters in the queue afterwards
     */
    record Counts(int redriven, int obsolete, int dropped, int kept, long remaining) {}

    Listed list(int offset, int limit) {
        // All of them, as the queue's own order is not kept when only some were looked at.
        List<DeadLetter> letters = new ArrayList<>();
        Walk.Done done = walk(message -> {
            letters.add(DeadLetter.of(message));
            return Walk.Step.KEEP;
        });
        letters.sort(BY_AGE);
        return new Listed(letters.stream().skip(offset).limit(limit).toList(), done.left());
    }

    /** The newest letter of this id. */
    Optional<DeadLetter> find(String id, UUID operator) {
        List<DeadLetter> found = new ArrayList<>();
        walk(message -> {
            if (DeadLetter.id(message).equals(id)) {
                found.add(inspected(message, operator));
            }
            return Walk.Step.KEEP;
        });
        return found.stream().max(BY_AGE);
    }

    private DeadLetter inspected(HeldMessage message, UUID operator) {
        DeadLetter letter = DeadLetter.of(message);
        boolean own = letter.answerId()
                .flatMap(answer -> store.find(operator, answer))
                .isPresent();
        return letter.inspected(message.body(), own);
    }

    /** @param id of one letter and its copies; empty for all. @return empty when there is no such letter */
    Optional<Counts> redrive(Optional<String> id, String requestId) {
        Tally tally = new Tally();
        return act(id, tally, message -> {
            Optional<AnswerRef> answer = AnswerRef.in(message.body());
            if (answer.isEmpty()) {
                tally.kept++;
                return Walk.Step.KEEP;
            }
            Optional<Change> queued = store.redrive(answer.get(), requestId);
            if (queued.isEmpty()) {
                tally.obsolete++;
                return Walk.Step.REMOVE;
            }
            notifier.changed(queued.get());
            tally.redriven++;
            return Walk.Step.REMOVE;
        });
    }

    /** @param id of one letter and its copies; empty for all. @return empty when there is no such letter */
    Optional<Counts> drop(Optional<String> id) {
        Tally tally = new Tally();
        return act(id, tally, message -> {
            // Its answer must have ended visibly before the last trace of its request is gone.
            AnswerRef.in(message.body()).ifPresent(answer -> DeadLetterWatch.fail(answer, store, notifier));
            tally.dropped++;
            return Walk.Step.REMOVE;
        });
    }

    private static final class Tally {
        private int matched;
        private int redriven;
        private int obsolete;
        private int dropped;
        private int kept;
    }

    private Optional<Counts> act(Optional<String> id, Tally tally, Function<HeldMessage, Walk.Step> action) {
        Walk.Done done = walk(message -> {
            if (id.isPresent() && !DeadLetter.id(message).equals(id.get())) {
                return Walk.Step.KEEP;
            }
            tally.matched++;
            return action.apply(message);
        });
        return id.isPresent() && tally.matched == 0
                ? Optional.empty()
                : Optional.of(new Counts(tally.redriven, tally.obsolete, tally.dropped, tally.kept, done.left()));
    }

    private Walk.Done walk(Function<HeldMessage, Walk.Step> visitor) {
        Walk walk;
        try {
            walk = broker.walk(broker.topology().deadLetters(), MOST, AT_MOST, PATIENCE, visitor);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            walk = new Walk.Away();
        }
        return switch (walk) {
            case Walk.Done done -> done;
            case Walk.Busy() ->
                throw Problem.conflict(
                        "dead-letters-busy",
                        "The dead letters are busy",
                        "Somebody else works on the dead letters; try again in a moment.");
            case Walk.Away() ->
                throw Problem.unavailable(
                        "broker-unavailable", "RabbitMQ does not answer; look again before you repeat this.");
        };
    }
}
