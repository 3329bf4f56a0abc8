package dev.parley.worker.request;

import dev.parley.pipeline.broker.Delivery;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.PublishFailed;
import dev.parley.pipeline.broker.Publisher;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.Headers;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.runtime.Backoff;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * Everything the worker publishes. Each method returns when the broker has confirmed, after as many tries as it takes
 * while the broker is away: the original stays unacknowledged meanwhile, so nothing is lost if this process dies first.
 * Thread-safe.
 */
final class Outbound {
    private final Publisher publisher;
    private final Topology topology;
    private final int maxRetries;
    private final Clock clock;
    private final RandomGenerator random;
    /** After this a publish gives up; the delivery is then redelivered and everything up to here repeated cheaply. */
    private final Duration patience;

    Outbound(
            Publisher publisher,
            Topology topology,
            int maxRetries,
            Clock clock,
            RandomGenerator random,
            Duration patience) {
        this.publisher = publisher;
        this.topology = topology;
        this.maxRetries = maxRetries;
        this.clock = clock;
        this.random = random;
        this.patience = patience;
    }

    void result(AnswerUpdate update) throws PublishFailed {
        publish(new Outgoing(
                topology.responses(),
                update.answer().messageId(),
                Map.of(Headers.ATTEMPT, update.answer().attempt()),
                Json.bytes(update)));
    }

    /**
     * Takes the next step of the ladder, or dead-letters past its end.
     *
     * @return whether there is a next attempt
     */
    boolean retryLater(GenerationRequest request, Failure failure) throws PublishFailed {
        Instant now = clock.instant();
        int failed = request.answer().attempt();
        if (failed > maxRetries || topology.retryDelays().isEmpty()) {
            publish(request(
                    topology.deadLetters(),
                    request,
                    Map.of(Headers.REASON, failure.type(), Headers.DIED, now.toString())));
            result(new AnswerUpdate.Failed(request.answer(), failure, now));
            return false;
        }
        Duration delay = topology.retryDelays()
                .get(Math.min(failed, topology.retryDelays().size()) - 1);
        GenerationRequest next = request.nextAttempt();
        publish(request(topology.waitQueue(delay), next, Map.of()));
        result(new AnswerUpdate.Retrying(next.answer(), failure, now.plus(delay)));
        return true;
    }

    /**
     * Lets the request wait, at most as long as asked, and come back.
     *
     * @param outlook for the user; empty where another run of it is being shown, which word of a wait would take off the
     *     page
     */
    void park(GenerationRequest request, Duration wait, Optional<Outlook> outlook, int crashes) throws PublishFailed {
        Duration queue = topology.waits().stream()
                .filter(candidate -> candidate.compareTo(wait) <= 0)
                .max(Comparator.naturalOrder())
                .orElse(topology.waits().getFirst());
        Instant back = clock.instant().plus(queue);
        publish(request(topology.waitQueue(queue), request, crashed(crashes)));
        if (outlook.isPresent()) {
            Instant expected = outlook.get().expectedAt();
            // A wait shorter than every queue's is over only when the message is back.
            result(new AnswerUpdate.Waiting(
                    request.answer(),
                    expected.isBefore(back) ? back : expected,
                    outlook.get().ahead()));
        }
    }

    /** Puts a copy at the end of the queue. A plain requeue would count towards the delivery limit. */
    void handBack(GenerationRequest request, int crashes) throws PublishFailed {
        publish(request(topology.requests(), request, crashed(crashes)));
    }

    /** Takes a suspect out of everybody's way for a moment, as it is. */
    void setAside(Delivery suspect, int crashes) throws PublishFailed {
        publish(copy(topology.waitQueue(topology.waits().getFirst()), suspect, crashed(crashes)));
    }

    /** Dead-letters a message as it is. Whoever watches the dead letters ends its answer. */
    void bury(Delivery poison) throws PublishFailed {
        publish(copy(
                topology.deadLetters(),
                poison,
                Map.of(
                        Headers.REASON,
                        Headers.POISON,
                        Headers.DIED,
                        clock.instant().toString())));
    }

    private static Map<String, Object> crashed(int crashes) {
        return crashes == 0 ? Map.of() : Map.of(Headers.CRASHES, crashes);
    }

    private static Outgoing copy(String queue, Delivery original, Map<String, Object> headers) {
        Map<String, Object> all = new HashMap<>(headers);
        if (original.headers().get(Headers.ATTEMPT) instanceof Number attempt) {
            all.put(Headers.ATTEMPT, attempt);
        }
        return new Outgoing(queue, original.messageId(), all, original.body());
    }

    private static Outgoing request(String queue, GenerationRequest request, Map<String, Object> headers) {
        Map<String, Object> all = new HashMap<>(headers);
        all.put(Headers.ATTEMPT, request.answer().attempt());
        return new Outgoing(queue, request.answer().messageId(), all, Json.bytes(request));
    }

    private void publish(Outgoing message) throws PublishFailed {
        Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(2), random);
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            try {
                publisher.publishConfirmed(message);
                return;
            } catch (PublishFailed e) {
                if (System.nanoTime() > deadline || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
            }
            try {
                Thread.sleep(backoff.next());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
