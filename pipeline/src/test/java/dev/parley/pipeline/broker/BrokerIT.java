package dev.parley.pipeline.broker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import dev.parley.dev.server.RabbitServer;
import dev.parley.dev.server.SharedServers;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BrokerIT {
    private static final Duration SOON = Duration.ofSeconds(30);

    private final List<AutoCloseable> open = new java.util.ArrayList<>();
    private final Topology topology = topology(List.of(Duration.ofMillis(300)));

    private static Topology topology(List<Duration> delays) {
        String name = "t" + UUID.randomUUID().toString().substring(0, 8);
        return new Topology(name + ".requests", name + ".responses", delays, List.of(Duration.ofMillis(200)));
    }

    private Broker broker(Topology topology) {
        return broker(SharedServers.rabbit().url(), topology);
    }

    private Broker broker(String url, Topology topology) {
        Broker broker = Broker.open(URI.create(url), "test", topology);
        open.addFirst(broker);
        return broker;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private static Outgoing message(String queue, String body) {
        return new Outgoing(queue, body, Map.of("n", 1), body.getBytes(StandardCharsets.UTF_8));
    }

    private static void deleteQueue(String queue) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(SharedServers.rabbit().url());
        try (Connection operator = factory.newConnection();
                Channel channel = operator.createChannel()) {
            channel.queueDelete(queue);
        }
    }

    private static String text(Delivery delivery) {
        return new String(delivery.body(), StandardCharsets.UTF_8);
    }

    @Test
    void aConfirmedMessageIsDeliveredWithItsIdAndHeaders() throws Exception {
        Broker broker = broker(topology);
        Queue<String> got = new ConcurrentLinkedQueue<>();
        broker.subscribe(topology.requests(), 5, delivery -> {
            got.add(delivery.messageId() + "|" + text(delivery) + "|"
                    + delivery.headers().get("n"));
            delivery.ack();
        });
        broker.publisher(10).publishConfirmed(message(topology.requests(), "hello"));
        await().atMost(SOON).until(() -> got.contains("hello|hello|1"));
    }

    @Test
    void aMessageForNoQueueIsRefusedAlthoughTheBrokerConfirmsIt() {
        Publisher publisher = broker(topology).publisher(10);
        assertThatThrownBy(() -> publisher.publishConfirmed(message("no.such.queue", "lost?")))
                .isInstanceOf(PublishFailed.class)
                .hasMessageContaining("no.such.queue");
    }

    @Test
    void neverMoreThanThePrefetchIsHandledAtOnce() throws Exception {
        Broker broker = broker(topology);
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch gate = new CountDownLatch(1);
        AtomicInteger done = new AtomicInteger();
        Subscription subscription = broker.subscribe(topology.requests(), 3, delivery -> {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            gate.await();
            now.decrementAndGet();
            done.incrementAndGet();
            delivery.ack();
        });
        Publisher publisher = broker.publisher(10);
        for (int i = 0; i < 10; i++) {
            publisher.publishConfirmed(message(topology.requests(), "m" + i));
        }
        await().atMost(SOON).until(() -> subscription.running() == 3);
        gate.countDown();
        await().atMost(SOON).until(() -> done.get() == 10);
        assertThat(most).hasValue(3);
    }

    @Test
    void neverMoreThanThePrefetchIsHandledAtOnceAlsoWhenTheConnectionWasLostAgainAndAgain() throws Exception {
        try (Link link = new Link(URI.create(SharedServers.rabbit().url()))) {
            Broker broker = broker(link.uri().toString(), topology);
            AtomicInteger now = new AtomicInteger();
            AtomicInteger most = new AtomicInteger();
            CountDownLatch gate = new CountDownLatch(1);
            Queue<String> done = new ConcurrentLinkedQueue<>();
            Subscription subscription = broker.subscribe(topology.requests(), 3, delivery -> {
                most.accumulateAndGet(now.incrementAndGet(), Math::max);
                gate.await();
                now.decrementAndGet();
                done.add(text(delivery));
                delivery.ack();
            });
            Publisher publisher = broker(topology).publisher(10);
            for (int i = 0; i < 8; i++) {
                publisher.publishConfirmed(message(topology.requests(), "m" + i));
            }
            await().atMost(SOON).until(() -> subscription.running() == 3);
            for (int i = 2; i <= 4; i++) {
                int connections = i;
                link.cut();
                await().atMost(SOON).until(() -> link.connections() == connections && subscription.waiting() == 3);
            }
            assertThat(subscription.running()).isEqualTo(3);
            assertThat(subscription.awaitIdle(Duration.ZERO)).isFalse();
            gate.countDown();
            await().atMost(SOON)
                    .until(() -> Set.copyOf(done).size() == 8
                            && subscription.awaitIdle(Duration.ZERO)
                            && broker.depths().orElseThrow().get(topology.requests()) == 0);
            // Three on the first connection and all on the last: what waited on those between is forgotten with them.
            assertThat(done).hasSize(11);
            assertThat(most).hasValue(3);
        }
    }

    @Test
    void afterAStopWhatWaitsForAPlaceCanBeGivenBackWithoutOne() throws Exception {
        try (Link link = new Link(URI.create(SharedServers.rabbit().url()))) {
            Broker broker = broker(link.uri().toString(), topology);
            AtomicInteger handed = new AtomicInteger();
            CountDownLatch gate = new CountDownLatch(1);
            Subscription subscription = broker.subscribe(topology.requests(), 2, delivery -> {
                if (handed.incrementAndGet() <= 2) {
                    gate.await();
                }
                delivery.ack();
            });
            Publisher publisher = broker(topology).publisher(10);
            for (int i = 0; i < 4; i++) {
                publisher.publishConfirmed(message(topology.requests(), "m" + i));
            }
            await().atMost(SOON).until(() -> subscription.running() == 2);
            link.cut();
            await().atMost(SOON).until(() -> subscription.waiting() == 2);
            subscription.stop();
            assertThat(handed).hasValue(2);
            subscription.letThrough();
            await().atMost(SOON).until(() -> handed.get() == 4 && subscription.running() == 2);
            gate.countDown();
            assertThat(subscription.awaitIdle(SOON)).isTrue();
        }
    }

    @Test
    void aMessageWhoseHandlerAlwaysFailsEndsInTheDeadLettersAfterItsDeliveryLimit() throws Exception {
        Broker broker = broker(topology);
        AtomicInteger deliveries = new AtomicInteger();
        broker.subscribe(topology.requests(), 5, delivery -> {
            deliveries.incrementAndGet();
            throw new IllegalStateException("poison");
        });
        broker.publisher(10).publishConfirmed(message(topology.requests(), "poison"));
        await().atMost(SOON)
                .until(() -> walk(broker, 10, text -> Walk.Step.KEEP).equals(new Walk.Done(1, 0, 1)));
        assertThat(deliveries).hasValue(Topology.DELIVERY_LIMIT + 1);
    }

    @Test
    void aDeadLetterCanBeLookedAtAnyNumberOfTimes() throws Exception {
        Broker broker = broker(topology);
        broker.publisher(10).publishConfirmed(message(topology.deadLetters(), "dead"));
        for (int i = 0; i < 30; i++) {
            await().atMost(SOON)
                    .until(() -> walk(broker, 10, text -> Walk.Step.KEEP).equals(new Walk.Done(1, 0, 1)));
        }
    }

    @Test
    void aWalkRemovesWhatItIsToldToAndLeavesTheRest() throws Exception {
        Broker broker = broker(topology);
        for (String text : List.of("a", "b", "c", "d")) {
            broker.publisher(10).publishConfirmed(message(topology.deadLetters(), text));
        }
        assertThat(walk(broker, 10, text -> text.equals("b") ? Walk.Step.REMOVE : Walk.Step.KEEP))
                .isEqualTo(new Walk.Done(4, 1, 3));
        List<String> seen = new ArrayList<>();
        assertThat(walk(broker, 2, text -> Walk.Step.KEEP)).isEqualTo(new Walk.Done(2, 0, 3));
        assertThat(walk(broker, 10, text -> Walk.Step.STOP)).isEqualTo(new Walk.Done(1, 0, 3));
        assertThatThrownBy(() -> walk(broker, 10, text -> {
                    if (seen.isEmpty()) {
                        seen.add(text);
                        return Walk.Step.REMOVE;
                    }
                    throw new IllegalStateException("the database is away");
                }))
                .isInstanceOf(IllegalStateException.class);
        walk(broker, 10, text -> {
            seen.add(text);
            return Walk.Step.KEEP;
        });
        assertThat(seen).containsExactlyInAnyOrder("a", "c", "d");
    }

    @Test
    void oneWalkAtATimeGoesThroughAQueueWhateverProcessItIsOf() throws Exception {
        Broker broker = broker(topology);
        Broker other = broker(topology);
        broker.publisher(10).publishConfirmed(message(topology.deadLetters(), "a"));
        Queue<Walk> meanwhile = new ConcurrentLinkedQueue<>();
        walk(broker, 10, text -> {
            try {
                meanwhile.add(other.walk(
                        topology.deadLetters(), 10, SOON, Duration.ofMillis(50), message -> Walk.Step.REMOVE));
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return Walk.Step.KEEP;
        });
        assertThat(meanwhile).containsExactly(new Walk.Busy());
        assertThat(walk(other, 10, text -> Walk.Step.REMOVE)).isEqualTo(new Walk.Done(1, 1, 0));
    }

    private Walk walk(Broker broker, int limit, Function<String, Walk.Step> visitor) throws InterruptedException {
        return broker.walk(
                topology.deadLetters(),
                limit,
                SOON,
                SOON,
                message -> visitor.apply(new String(message.body(), StandardCharsets.UTF_8)));
    }

    @Test
    void aWaitQueueGivesItsMessagesBackToTheRequests() throws Exception {
        Broker broker = broker(topology);
        Queue<String> got = new ConcurrentLinkedQueue<>();
        broker.subscribe(topology.requests(), 5, delivery -> {
            got.add(text(delivery));
            delivery.ack();
        });
        broker.publisher(10).publishConfirmed(message(topology.waitQueue(Duration.ofMillis(300)), "later"));
        await().atMost(SOON).until(() -> got.contains("later"));
    }

    @Test
    void aQueueWithOtherSettingsIsNamedAndNothingOfItIsChanged() {
        broker(topology);
        // The same names, but the responses queue of the one is the dead-letter queue of the other.
        Topology other = new Topology(
                topology.requests().replace(".requests", ".x"),
                topology.requests(),
                topology.retryDelays(),
                topology.turnDelays());
        assertThatThrownBy(() -> broker(other))
                .isInstanceOf(TopologyConflict.class)
                .hasMessageContaining(topology.requests())
                .hasMessageContaining("REQUEST_QUEUE");
    }

    @Test
    void publishingAndConsumingGoOnAfterTheBrokerWasStoppedAndStarted(@TempDir Path folder) throws Exception {
        try (RabbitServer rabbit = RabbitServer.start(folder.resolve("rabbitmq"), 0)) {
            Broker broker = broker(rabbit.url(), topology);
            Publisher publisher = broker.publisher(10);
            Queue<String> got = new ConcurrentLinkedQueue<>();
            publisher.publishConfirmed(message(topology.requests(), "before"));
            rabbit.stop();
            await().atMost(SOON).until(() -> !broker.connected());
            assertThatThrownBy(() -> publisher.publishConfirmed(message(topology.requests(), "down")))
                    .isInstanceOf(PublishFailed.class);
            assertThat(broker.check().up()).isFalse();
            broker.subscribe(topology.requests(), 5, delivery -> {
                got.add(text(delivery));
                delivery.ack();
            });
            rabbit.start();
            await().atMost(SOON).until(() -> got.contains("before"));
            await().atMost(SOON)
                    .ignoreExceptions()
                    .untilAsserted(() -> publisher.publishConfirmed(message(topology.requests(), "after")));
            await().atMost(SOON).until(() -> got.contains("after"));
            assertThat(got).doesNotContain("down");
        }
    }

    @Test
    void aHeartbeatReachesEveryListener() {
        Broker broker = broker(topology);
        Queue<String> got = new ConcurrentLinkedQueue<>();
        String beat = "beat-" + UUID.randomUUID();
        broker.onHeartbeat(body -> got.add("1" + new String(body, StandardCharsets.UTF_8)));
        broker.onHeartbeat(body -> got.add("2" + new String(body, StandardCharsets.UTF_8)));
        broker.heartbeat(beat.getBytes(StandardCharsets.UTF_8));
        await().atMost(SOON).until(() -> got.contains("1" + beat) && got.contains("2" + beat));
    }

    @Test
    void stoppingTakesNothingNewAndLetsWhatRunsBeAcknowledged() throws Exception {
        Broker broker = broker(topology);
        CountDownLatch gate = new CountDownLatch(1);
        AtomicInteger handled = new AtomicInteger();
        Subscription subscription = broker.subscribe(topology.requests(), 1, delivery -> {
            gate.await();
            handled.incrementAndGet();
            delivery.ack();
        });
        Publisher publisher = broker.publisher(10);
        publisher.publishConfirmed(message(topology.requests(), "first"));
        await().atMost(SOON).until(() -> subscription.running() == 1);
        publisher.publishConfirmed(message(topology.requests(), "second"));
        subscription.stop();
        assertThat(subscription.awaitIdle(Duration.ZERO)).isFalse();
        gate.countDown();
        assertThat(subscription.awaitIdle(SOON)).isTrue();
        assertThat(handled).hasValue(1);
        await().atMost(SOON).until(() -> broker.depths().orElseThrow().get(topology.requests()) == 1);
    }

    @Test
    void aDeletedQueueIsDeclaredAgainAndConsumed() throws Exception {
        Broker broker = broker(topology);
        Queue<String> got = new ConcurrentLinkedQueue<>();
        broker.subscribe(topology.requests(), 5, delivery -> {
            got.add(text(delivery));
            delivery.ack();
        });
        deleteQueue(topology.requests());
        Publisher publisher = broker.publisher(10);
        await().atMost(SOON)
                .ignoreExceptions()
                .untilAsserted(() -> publisher.publishConfirmed(message(topology.requests(), "after")));
        await().atMost(SOON).until(() -> got.contains("after"));
    }

    @Test
    void afterAStopNothingIsHandedOverAnyMore() throws Exception {
        Publisher publisher = broker(topology).publisher(500);
        for (int i = 0; i < 400; i++) {
            publisher.publish(message(topology.requests(), "m" + i));
        }
        for (int i = 0; i < 10; i++) {
            Broker broker = broker(topology);
            AtomicInteger handled = new AtomicInteger();
            Subscription subscription = broker.subscribe(topology.requests(), 50, delivery -> {
                handled.incrementAndGet();
                delivery.ack();
            });
            await().atMost(SOON).until(() -> handled.get() > 0);
            subscription.stop();
            assertThat(subscription.awaitIdle(SOON)).isTrue();
            int before = handled.get();
            broker.close();
            assertThat(handled).hasValue(before);
            publisher.publishConfirmed(message(topology.requests(), "one more"));
        }
    }

    @Test
    void anErrorInAHandlerLosesNoPlaceOfThePrefetch() throws Exception {
        Broker broker = broker(topology);
        AtomicInteger deliveries = new AtomicInteger();
        broker.subscribe(topology.requests(), 1, delivery -> {
            if (deliveries.incrementAndGet() == 1) {
                throw new StackOverflowError("deep");
            }
            delivery.ack();
        });
        broker.publisher(10).publishConfirmed(message(topology.requests(), "once more"));
        await().atMost(SOON).until(() -> deliveries.get() == 2);
    }
}
