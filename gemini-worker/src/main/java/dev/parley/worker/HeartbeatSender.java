package dev.parley.worker;

import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.KeyGroup;
import dev.parley.worker.quota.GroupState;
import dev.parley.worker.quota.QuotaScheduler;
import dev.parley.worker.request.RequestConsumer;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Tells everybody every few seconds that this worker lives and what it is doing; once more when it begins to drain. */
final class HeartbeatSender implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(HeartbeatSender.class.getName());

    private final String worker;
    private final Broker broker;
    private final RequestConsumer consumer;
    private final QuotaScheduler quota;
    private final Supplier<Optional<String>> trouble;
    private final Instant startedAt;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread thread;

    private HeartbeatSender(
            String worker,
            Broker broker,
            RequestConsumer consumer,
            QuotaScheduler quota,
            Supplier<Optional<String>> trouble,
            Clock clock) {
        this.worker = worker;
        this.broker = broker;
        this.consumer = consumer;
        this.quota = quota;
        this.trouble = trouble;
        this.startedAt = clock.instant();
        this.thread = Thread.ofVirtual().name("heartbeat").unstarted(this::beat);
    }

    /** @param trouble what keeps this worker from calling the model, for {@link Heartbeat#trouble} */
    static HeartbeatSender start(
            String worker,
            Broker broker,
            RequestConsumer consumer,
            QuotaScheduler quota,
            Supplier<Optional<String>> trouble,
            Clock clock) {
        HeartbeatSender sender = new HeartbeatSender(worker, broker, consumer, quota, trouble, clock);
        sender.thread.start();
        return sender;
    }

    private void beat() {
        try {
            do {
                send(Heartbeat.State.WORKING);
            } while (!closed.await(Heartbeat.INTERVAL.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void send(Heartbeat.State state) {
        try {
            tell(state);
        } catch (RuntimeException e) {
            // A worker that falls silent counts as gone, and others would spend its share.
            LOG.log(Level.WARNING, "a heartbeat was not sent; the next one follows", e);
        }
    }

    private void tell(Heartbeat.State state) {
        broker.heartbeat(Json.bytes(new Heartbeat(
                worker,
                startedAt,
                state,
                consumer.calling(),
                consumer.waiting(),
                consumer.capacity(),
                consumer.completed(),
                quota.spendsShared(),
                quota.groupsReady(),
                quota.groups().size(),
                groups(),
                trouble.get())));
    }

    private List<KeyGroup> groups() {
        return quota.states().stream()
                .sorted(Comparator.comparing(GroupState::ready))
                .limit(Heartbeat.MOST_GROUPS)
                .map(HeartbeatSender::group)
                .toList();
    }

    private static KeyGroup group(GroupState state) {
        return new KeyGroup(
                state.group(),
                state.condition() instanceof GroupState.Condition.Cooling rest
                        ? Optional.of(rest.until().truncatedTo(ChronoUnit.SECONDS))
                        : Optional.empty(),
                state.condition() instanceof GroupState.Condition.Cooling rest
                        ? Optional.of(rest.reason() + " (" + rest.model() + ")")
                        : Optional.empty(),
                state.used(),
                state.usedToday(),
                state.keys().stream().limit(Heartbeat.MOST_KEYS).toList(),
                state.disabledKeys());
    }

    @Override
    public void close() {
        try {
            closed.countDown();
            thread.join(Duration.ofSeconds(1));
            send(Heartbeat.State.DRAINING);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
