package dev.parley.worker.request;

import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Subscription;
import dev.parley.pipeline.live.LiveKeys;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.runtime.Meters;
import dev.parley.worker.gemini.GeminiClient;
import dev.parley.worker.quota.QuotaScheduler;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.random.RandomGenerator;

/**
 * Takes requests from the queue, each on a virtual thread of its own, at most {@code prefetch} at a time. Closing it
 * takes nothing new, hands back what only waits, lets calls finish within the grace and hands back the rest. Thread-safe.
 */
public final class RequestConsumer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(RequestConsumer.class.getName());
    /** A result that cannot be published for this long is left to the redelivery, which finds it in Redis. */
    private static final Duration PUBLISH_PATIENCE = Duration.ofMinutes(10);
    /** For the hand-backs after the calls were cut. */
    private static final Duration HAND_BACK = Duration.ofSeconds(2);

    /**
     * What a consumer works with; none of it is closed by it.
     *
     * @param grace for calls that run when it is closed
     */
    public record Parts(
            Redis redis,
            Runs runs,
            Broker broker,
            QuotaScheduler quota,
            GeminiClient gemini,
            Meters meters,
            Clock clock,
            RandomGenerator random,
            int prefetch,
            int maxRetries,
            Duration grace) {}

    private final Parts parts;
    private final Running running = new Running();
    private final WorkerMeters meters;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("live-text").factory());
    private final LeaseKeeper leases;
    private final ParkedPlaces places;
    private final Subscription subscription;

    private RequestConsumer(Parts parts) {
        this.parts = parts;
        this.meters = new WorkerMeters(parts.meters());
        this.leases = LeaseKeeper.start(parts.runs(), running);
        this.places = new ParkedPlaces(parts.quota(), parts.maxRetries());
        parts.redis().onSubscriptions(connection -> {
            connection.addListener(new RedisPubSubAdapter<>() {
                @Override
                public void message(String channel, String message) {
                    revoked(message);
                }
            });
            connection.async().subscribe(LiveKeys.REVOKED_CHANNEL);
        });
        Outbound outbound = new Outbound(
                parts.broker().publisher(parts.prefetch() * 2),
                parts.broker().topology(),
                parts.maxRetries(),
                parts.clock(),
                parts.random(),
                PUBLISH_PATIENCE);
        RequestHandler handler = new RequestHandler(
                parts.runs(),
                running,
                parts.quota(),
                parts.gemini(),
                outbound,
                meters,
                timer,
                parts.clock(),
                parts.random(),
                () -> UUID.randomUUID().toString());
        parts.meters().gauge("requests_calling", "Requests for which the model is being called", this::calling);
        parts.meters().gauge("requests_waiting", "Requests held for a lease or a turn under the quota", this::waiting);
        parts.meters().gauge("requests_capacity", "Requests this worker holds at most", this::capacity);
        // Last: from here on messages come.
        this.subscription = parts.broker()
                .subscribe(parts.broker().topology().requests(), parts.prefetch(), new Quarantine(handler, outbound));
        parts.meters()
                .gauge(
                        "requests_behind",
                        "Requests that came on a new connection and wait for those of the lost one",
                        subscription::waiting);
    }

    public static RequestConsumer start(Parts parts) {
        return new RequestConsumer(parts);
    }

    private void revoked(String message) {
        int colon = message.indexOf(':');
        try {
            UUID answer = UUID.fromString(message.substring(0, colon));
            long order = Long.parseLong(message.substring(colon + 1));
            if (!running.revoke(answer, order)) {
                places.free(answer, order);
            }
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            LOG.log(Level.WARNING, "a message that is no revocation on {0}", LiveKeys.REVOKED_CHANNEL);
        }
    }

    /** Requests for which the model is being called. */
    public int calling() {
        return running.count(Running.Phase.CALLING);
    }

    /** Requests held for a lease or a turn. */
    public int waiting() {
        return running.count(Running.Phase.WAITING);
    }

    /** Requests held at most. */
    public int capacity() {
        return parts.prefetch();
    }

    /** Answers made since the start. */
    public long completed() {
        return meters.completed();
    }

    @Override
    public void close() {
        try {
            subscription.stop();
            running.stopWaiting();
            subscription.letThrough();
            if (!subscription.awaitIdle(parts.grace())) {
                running.stopAll();
                subscription.awaitIdle(HAND_BACK);
            }
            LOG.log(
                    Level.INFO,
                    "takes no more requests: {0,number,#} handed back, {1,number,#} left to the broker",
                    meters.allHandedBack(),
                    subscription.running() + subscription.waiting());
            places.close();
            leases.close();
            timer.shutdownNow();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
