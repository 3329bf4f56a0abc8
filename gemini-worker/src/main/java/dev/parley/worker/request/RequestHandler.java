package dev.parley.worker.request;

import dev.parley.pipeline.broker.Delivery;
import dev.parley.pipeline.broker.Handler;
import dev.parley.pipeline.broker.PublishFailed;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.MalformedMessage;
import dev.parley.pipeline.redis.RedisUnavailable;
import dev.parley.pipeline.runtime.Logs;
import dev.parley.worker.gemini.CallOutcome;
import dev.parley.worker.gemini.Cancellation;
import dev.parley.worker.gemini.GeminiClient;
import dev.parley.worker.quota.Demand;
import dev.parley.worker.quota.InputTokens;
import dev.parley.worker.quota.QuotaScheduler;
import dev.parley.worker.quota.ReservationId;
import dev.parley.worker.quota.Turn;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/**
 * Steps 3 to 7 of a message's path: one request from the queue to its result, or to the queue where it goes on. Each
 * way out ends with a confirmed publish or with nothing left to do, and only then with the acknowledgement, so that a
 * crash anywhere costs a repetition and never an answer. Thread-safe; one call per message, on its own virtual thread.
 */
final class RequestHandler implements Handler {
    private static final System.Logger LOG = System.getLogger(RequestHandler.class.getName());

    /** A turn this near is waited for here; a later one in a wait queue, so that prefetch is not spent on waiting. */
    static final Duration HOLD = Duration.ofSeconds(7);
    /** A parked message comes back this much before its turn, or a busy broker would make it miss it. */
    private static final Duration EARLY = Duration.ofSeconds(2);
    /** How often a redelivered twin looks whether the run beside it has ended. */
    private static final Duration LOOK_AGAIN = Duration.ofMillis(500);
    /** DESIGN.md: up to two quick retries before the ladder. */
    private static final int QUICK_RETRIES = 2;

    private static final Duration QUICK_RETRY_PAUSE = Duration.ofMillis(400);
    /** A proxy that restarts is back within this; what was never sent costs no attempt meanwhile. */
    private static final Duration UNSENT_PATIENCE = Duration.ofSeconds(15);
    /** More keys in trouble than this in one go means that trying another is pointless. */
    private static final int KEY_TROUBLES = 100;

    private final Runs runs;
    private final Running running;
    private final QuotaScheduler quota;
    private final GeminiClient gemini;
    private final Outbound outbound;
    private final WorkerMeters meters;
    private final ScheduledExecutorService timer;
    private final Clock clock;
    private final RandomGenerator random;
    private final Supplier<String> runIds;

    RequestHandler(
            Runs runs,
            Running running,
            QuotaScheduler quota,
            GeminiClient gemini,
            Outbound outbound,
            WorkerMeters meters,
            ScheduledExecutorService timer,
            Clock clock,
            RandomGenerator random,
            Supplier<String> runIds) {
        this.runs = runs;
        this.running = running;
        this.quota = quota;
        this.gemini = gemini;
        this.outbound = outbound;
        this.meters = meters;
        this.timer = timer;
        this.clock = clock;
        this.random = random;
        this.runIds = runIds;
    }

    @Override
    public void handle(Delivery delivery) throws Exception {
        GenerationRequest request;
        try {
            request = Json.read(delivery.body(), GenerationRequest.class);
        } catch (MalformedMessage e) {
            LOG.log(Level.ERROR, "a message that is no request goes to the dead letters: {0}", e.getMessage());
            delivery.deadLetter();
            return;
        }
        AnswerRef answer = request.answer();
        Logs.with(
                Map.of(
                        "request", request.requestId(),
                        "chat", answer.chatId().toString(),
                        "answer", answer.answerId().toString(),
                        "attempt", Integer.toString(answer.attempt())),
                () -> {
                    LOG.log(Level.DEBUG, "taken from the queue");
                    running.<Exception>with(
                            answer,
                            held -> settle(delivery, request, held, conclude(request, held, !delivery.redelivered())));
                });
    }

    /** What the handling of a request came to; {@link #settle} makes it durable. */
    private sealed interface Conclusion {
        record Done(AnswerUpdate.Completed result) implements Conclusion {}

        record GaveUp(Failure failure) implements Conclusion {}

        record TryLater(Failure failure) implements Conclusion {}

        /**
         * Wait in a wait queue, without spending an attempt.
         *
         * @param outlook on the turn it waits for; empty when it waits for another run of the same answer
         */
        record Park(Duration delay, Optional<Outlook> outlook) implements Conclusion {}

        /** Another worker shall take it at once, without spending an attempt. */
        record HandBack() implements Conclusion {}

        /** Nobody waits for this try any more. */
        record Drop(String why) implements Conclusion {}
    }

    private void settle(Delivery delivery, GenerationRequest request, Running.Try held, Conclusion conclusion)
            throws PublishFailed {
        AnswerRef answer = request.answer();
        switch (conclusion) {
            case Conclusion.Done(AnswerUpdate.Completed result) -> {
                outbound.result(result);
                LOG.log(Level.DEBUG, "answered");
            }
            case Conclusion.GaveUp(Failure failure) ->
                outbound.result(new AnswerUpdate.Failed(answer, failure, clock.instant()));
            case Conclusion.TryLater(Failure failure) -> {
                if (outbound.retryLater(request, failure)) {
                    meters.retried();
                    runs.supersede(answer.nextAttempt());
                } else {
                    meters.deadLettered();
                    LOG.log(Level.WARNING, "no attempts left, dead-lettered: {0}", failure.title());
                }
            }
            case Conclusion.Park(Duration delay, Optional<Outlook> outlook) ->
                outbound.park(request, delay, outlook, Quarantine.crashes(delivery));
            case Conclusion.HandBack() -> {
                outbound.handBack(request, Quarantine.crashes(delivery));
                meters.handedBack();
                LOG.log(Level.DEBUG, "handed back");
            }
            case Conclusion.Drop(String why) -> LOG.log(Level.DEBUG, "dropped: {0}", why);
        }
        delivery.ack();
        // When the answer is stored the API clears the lease away with all the rest.
        boolean over = conclusion instanceof Conclusion.Done || conclusion instanceof Conclusion.GaveUp;
        held.letGo(run -> {
            if (!over) {
                runs.release(answer, run);
            }
        });
    }

    /** @param alone no twin of this message can be running, so a turn is not asked for in vain */
    private Conclusion conclude(GenerationRequest request, Running.Try held, boolean alone) {
        boolean askAtOnce = alone;
        int quickRetries = 0;
        int keyTroubles = 0;
        Instant unsentSince = null;
        Demand demand = new Demand(request.model(), request.user(), InputTokens.estimate(request));
        while (true) {
            held.enters(Running.Phase.WAITING);
            String run = runIds.get();
            Supplier<Runs.Begin> begin = runs.askToBegin(request.answer(), run);
            // Both questions in one round trip.
            Optional<Turn> asked = askAtOnce && gemini.wayOut().open()
                    ? Optional.of(quota.reserve(reservation(request.answer()), demand, Optional.empty()))
                    : Optional.empty();
            askAtOnce = false;
            Optional<Conclusion> other = takeLease(request, held, run, begin);
            if (other.isPresent()) {
                asked.ifPresent(this::giveBack);
                return other.get();
            }
            if (!gemini.wayOut().open()) {
                // Before a turn is asked for: what is not called must not keep a place that another worker could use.
                asked.ifPresent(this::giveBack);
                asked = Optional.empty();
                unsentSince = unsentSince == null ? clock.instant() : unsentSince;
                Duration left = Duration.between(clock.instant(), unsentSince.plus(UNSENT_PATIENCE));
                if (!gemini.wayOut().await(left, held.cancellation())) {
                    if (held.cancellation().isCancelled()
                            || Thread.currentThread().isInterrupted()) {
                        return cancelled(held);
                    }
                    LOG.log(Level.INFO, "not called, as the proxy is away");
                    return new Conclusion.TryLater(gemini.wayOut().failure());
                }
            }
            Turn.Reserved turn;
            switch (awaitTurn(request, held, demand, asked)) {
                case Got(Turn.Reserved reserved) -> turn = reserved;
                case Instead(Conclusion conclusion) -> {
                    return conclusion;
                }
            }
            held.enters(Running.Phase.CALLING);
            CallOutcome outcome = call(request, held, turn);
            meters.called(outcome);
            switch (outcome) {
                case CallOutcome.Finished finished -> {
                    quota.used(turn, finished.usage().inputTokens());
                    return finished(request, held, finished);
                }
                case CallOutcome.Cancelled cancelled -> {
                    if (!cancelled.requestSent()) {
                        quota.release(turn);
                    }
                    return cancelled(held);
                }
                case CallOutcome.KeyTrouble trouble -> {
                    heed(turn, trouble);
                    if (++keyTroubles >= KEY_TROUBLES) {
                        return new Conclusion.TryLater(trouble.failure());
                    }
                }
                case CallOutcome.Final fatal -> {
                    LOG.log(Level.INFO, "the model refused: {0}", fatal.diagnosis());
                    return new Conclusion.GaveUp(fatal.failure());
                }
                case CallOutcome.Transient passing -> {
                    LOG.log(Level.INFO, "the call failed in passing: {0}", passing.diagnosis());
                    Instant now = clock.instant();
                    boolean patient;
                    if (passing.requestSent()) {
                        // It got through: the next outage is another one.
                        unsentSince = null;
                        patient = quickRetries++ < QUICK_RETRIES;
                    } else {
                        quota.release(turn);
                        unsentSince = unsentSince == null ? now : unsentSince;
                        patient = now.isBefore(unsentSince.plus(UNSENT_PATIENCE));
                    }
                    if (!patient) {
                        return new Conclusion.TryLater(passing.failure());
                    }
                    long base = QUICK_RETRY_PAUSE.toMillis();
                    Duration pause = Duration.ofMillis(base / 2 + random.nextLong(base));
                    if (!Pause.of(pause, held.cancellation())) {
                        return cancelled(held);
                    }
                }
            }
            // The next call is a run of its own: its text replaces what this one has shown.
            held.letGo(over -> runs.release(request.answer(), over));
        }
    }

    private void giveBack(Turn turn) {
        if (turn instanceof Turn.Reserved reserved) {
            quota.release(reserved);
        }
    }

    /**
     * Makes this the only run of the answer.
     *
     * @param first the reply to the first question
     * @return how it ends instead, if it may not run
     */
    private Optional<Conclusion> takeLease(
            GenerationRequest request, Running.Try held, String run, Supplier<Runs.Begin> first) {
        Supplier<Runs.Begin> reply = first;
        // Twice the lease: a dead holder's is over by then, so whoever still holds it is alive.
        Instant patience = clock.instant().plus(Runs.LEASE.multipliedBy(2));
        while (true) {
            Runs.Begin begin;
            try {
                begin = reply.get();
            } catch (RedisUnavailable e) {
                // Without Redis nobody can tell twins apart; the API still stores one answer only.
                held.holds(run);
                return Optional.empty();
            }
            switch (begin) {
                case Runs.Begin.Begun() -> {
                    held.holds(run);
                    return Optional.empty();
                }
                case Runs.Begin.Obsolete() -> {
                    // Where it waited for its turn in a wait queue, the turn is somebody else's now.
                    quota.revoke(List.of(reservation(request.answer())));
                    return Optional.of(new Conclusion.Drop("a cancel or a newer try has replaced it"));
                }
                case Runs.Begin.Finished(AnswerUpdate.Completed result) -> {
                    meters.reused();
                    return Optional.of(new Conclusion.Done(result));
                }
                case Runs.Begin.Busy(Duration left) -> {
                    if (clock.instant().isAfter(patience)) {
                        return Optional.of(new Conclusion.Park(HOLD, Optional.empty()));
                    }
                    Duration pause = left.compareTo(LOOK_AGAIN) < 0 ? left.plusMillis(1) : LOOK_AGAIN;
                    if (!Pause.of(pause, held.cancellation())) {
                        return Optional.of(cancelled(held));
                    }
                    reply = runs.askToBegin(request.answer(), run);
                }
            }
        }
    }

    private sealed interface TurnOrNot {}

    private record Got(Turn.Reserved turn) implements TurnOrNot {}

    private record Instead(Conclusion conclusion) implements TurnOrNot {}

    /** One name for all calls of an attempt, so that a parked message finds its place again whatever came before. */
    private static ReservationId reservation(AnswerRef answer) {
        return ReservationId.of(answer.answerId(), answer.order());
    }

    /**
     * Waits for a slot under the quota, here when it is near.
     *
     * @param asked the reply, where it was asked before
     */
    private TurnOrNot awaitTurn(GenerationRequest request, Running.Try held, Demand demand, Optional<Turn> asked) {
        ReservationId id = reservation(request.answer());
        Turn reply = asked.orElseGet(() -> quota.reserve(id, demand, Optional.empty()));
        while (true) {
            switch (reply) {
                // The lease took longer than the turn lasts.
                case Turn.Reserved turn
                when turn.due() && turn.expired(System.nanoTime()) ->
                    reply = quota.reserve(id, demand, Optional.of(turn));
                case Turn.Reserved turn
                when turn.due() -> {
                    if (held.cancellation().isCancelled()) {
                        quota.release(turn);
                        return new Instead(cancelled(held));
                    }
                    return new Got(turn);
                }
                case Turn.Reserved turn
                when turn.waitLeft().compareTo(HOLD) > 0 -> {
                    // The reservation stays: it is found again by its id when the message is back.
                    return new Instead(new Conclusion.Park(
                            turn.waitLeft().minus(EARLY), Optional.of(new Outlook(turn.expectedAt(), turn.ahead()))));
                }
                case Turn.Reserved turn -> {
                    if (!Pause.of(turn.waitLeft(), held.cancellation())) {
                        quota.release(turn);
                        return new Instead(cancelled(held));
                    }
                    reply = quota.reserve(id, demand, Optional.of(turn));
                }
                case Turn.NoneUsable none -> {
                    return new Instead(none.until()
                            .<Conclusion>map(until -> new Conclusion.Park(
                                    Duration.between(clock.instant(), until),
                                    Optional.of(new Outlook(until, Optional.empty()))))
                            .orElseGet(() -> new Conclusion.TryLater(Failures.noUsableKey())));
                }
            }
        }
    }

    private CallOutcome call(GenerationRequest request, Running.Try held, Turn.Reserved turn) {
        long start = System.nanoTime();
        LiveWriter writer = new LiveWriter(
                runs,
                request.answer(),
                held.run(),
                held.cancellation(),
                timer,
                () -> meters.firstToken(System.nanoTime() - start));
        try {
            return gemini.stream(
                    turn.key(), request, writer, held.cancellation(), () -> !turn.expired(System.nanoTime()));
        } finally {
            writer.end();
        }
    }

    private Conclusion finished(GenerationRequest request, Running.Try held, CallOutcome.Finished finished) {
        Instant now = clock.instant();
        AnswerUpdate.Completed result = new AnswerUpdate.Completed(
                request.answer(),
                held.run(),
                finished.text(),
                finished.model(),
                finished.usage(),
                finished.notice(),
                now);
        // On its way before the publish, and not waited for: without it a twin would only be paid for again.
        runs.keepResult(result).exceptionally(e -> {
            LOG.log(Level.DEBUG, "the result is not kept in Redis");
            return null;
        });
        meters.answered(Duration.between(request.acceptedAt(), now));
        return new Conclusion.Done(result);
    }

    private Conclusion cancelled(Running.Try held) {
        Cancellation cancellation = held.cancellation();
        return switch (cancellation.reason().orElse(Running.STOPPING)) {
            case Running.REVOKED -> {
                // A place that was only promised is somebody else's; one under which a call was made stays spent.
                quota.revoke(List.of(reservation(held.answer())));
                yield new Conclusion.Drop("cancelled or replaced while it ran");
            }
            // Whoever took it may be dead, or a late word of a run that is over. This message is what the answer hangs
            // on: it comes back until one is stored, and is dropped then.
            case Running.LEASE_LOST -> new Conclusion.Park(HOLD, Optional.empty());
            default -> new Conclusion.HandBack();
        };
    }

    private void heed(Turn.Reserved turn, CallOutcome.KeyTrouble trouble) {
        LOG.log(Level.WARNING, "quota group {0}: {1}", turn.group(), trouble.diagnosis());
        switch (trouble.remedy()) {
            case DISABLE ->
                quota.disable(turn.group(), turn.key(), trouble.reason().name());
            case COOL -> {
                if (trouble.perDay()) {
                    quota.coolUntilMidnightPacific(turn.group(), turn.model());
                } else {
                    quota.cool(turn.group(), turn.model(), trouble.retryDelay());
                }
            }
        }
    }
}
