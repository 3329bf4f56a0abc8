package dev.parley.pipeline.broker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.rabbitmq.client.BlockedCallback;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.UnblockedCallback;
import dev.parley.dev.server.SharedServers;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A publisher in front of a broker that is slow to confirm. */
class PublisherIT {
    private static final Duration CONFIRM = Duration.ofMillis(400);

    private final String queue = "p" + UUID.randomUUID();
    private final ScheduledExecutorService tending = Executors.newSingleThreadScheduledExecutor();
    private Link link;
    private Connection connection;

    @BeforeEach
    void connect() throws Exception {
        link = new Link(URI.create(SharedServers.rabbit().url()));
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(link.uri());
        factory.setAutomaticRecoveryEnabled(false);
        connection = factory.newConnection("test");
        try (Channel channel = connection.createChannel()) {
            channel.queueDeclare(queue, false, false, true, Map.of());
        }
    }

    @AfterEach
    void close() throws Exception {
        tending.close();
        connection.abort(1_000);
        link.close();
    }

    private Publisher publisher(int maxUnconfirmed, Duration confirm) throws Exception {
        Publisher publisher = new Publisher(maxUnconfirmed, confirm);
        publisher.attach(connection);
        // The broker's supervisor does so once a second.
        tending.scheduleWithFixedDelay(publisher::tend, 0, 50, TimeUnit.MILLISECONDS);
        return publisher;
    }

    private Outgoing message(int n) {
        return new Outgoing(queue, "m" + n, Map.of(), ("m" + n).getBytes(StandardCharsets.UTF_8));
    }

    private long waiting() throws Exception {
        try (Channel channel = connection.createChannel()) {
            return channel.messageCount(queue);
        }
    }

    @Test
    void aMessageThatIsNotConfirmedInTimeCountsAsNotPublishedAndMakesRoomForTheNext() throws Exception {
        Publisher publisher = publisher(1, CONFIRM);
        link.hold();
        for (int i = 0; i < 3; i++) {
            int n = i;
            assertThatThrownBy(() -> publisher.publishConfirmed(message(n)))
                    .isInstanceOf(PublishFailed.class)
                    .hasMessageContaining("in time");
        }
        link.letGo();
        assertThatCode(() -> publisher.publishConfirmed(message(3))).doesNotThrowAnyException();
        // The late ones had arrived: what is not confirmed may come twice, and never not at all.
        assertThat(waiting()).isEqualTo(4);
    }

    @Test
    void beyondTheBoundAMessageWaitsForAConfirmAndIsRefusedWhenNoneComes() throws Exception {
        Publisher publisher = publisher(2, CONFIRM);
        link.hold();
        List<CompletableFuture<Void>> first = List.of(publisher.publish(message(1)), publisher.publish(message(2)));
        // Both are still open or have just timed out; either way no third is unconfirmed beside two others.
        CompletableFuture<Void> third = publisher.publish(message(3));
        assertThat(first.stream().filter(CompletableFuture::isDone).count()
                        + (third.isCompletedExceptionally() ? 1 : 0))
                .isPositive();
        link.letGo();
        assertThatCode(() -> publisher.publishConfirmed(message(4))).doesNotThrowAnyException();
    }

    @Test
    void manyMessagesAreConfirmedTogether() throws Exception {
        Publisher publisher = publisher(50, Duration.ofSeconds(30));
        List<CompletableFuture<Void>> confirms = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            confirms.add(publisher.publish(message(i)));
        }
        for (CompletableFuture<Void> confirm : confirms) {
            Publisher.await(confirm);
        }
        assertThat(waiting()).isEqualTo(500);
    }

    @Test
    void losingTheConnectionFailsWhatIsUnconfirmedAtOnce() throws Exception {
        Publisher publisher = publisher(10, Duration.ofMinutes(5));
        link.hold();
        CompletableFuture<Void> confirm = publisher.publish(message(1));
        connection.abort(1_000);
        assertThatThrownBy(() -> Publisher.await(confirm))
                .isInstanceOf(PublishFailed.class)
                .hasMessageContaining("lost");
        assertThat(publisher.attached()).isFalse();
        assertThatThrownBy(() -> publisher.publishConfirmed(message(2)))
                .isInstanceOf(PublishFailed.class)
                .hasMessageContaining("not connected");
    }

    @Test
    void aBrokerThatIsShortOfMemoryIsNotWrittenToUntilItHasRoomAgain() throws Exception {
        List<BlockedCallback> blocked = new ArrayList<>();
        List<UnblockedCallback> unblocked = new ArrayList<>();
        Connection watched = (Connection) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("addBlockedListener") && arguments.length == 2) {
                        blocked.add((BlockedCallback) arguments[0]);
                        unblocked.add((UnblockedCallback) arguments[1]);
                        return null;
                    }
                    return method.invoke(connection, arguments);
                });
        Publisher publisher = new Publisher(10, Duration.ofSeconds(30));
        publisher.attach(watched);
        blocked.getFirst().handle("low on memory");
        assertThatThrownBy(() -> publisher.publishConfirmed(message(1)))
                .isInstanceOf(PublishFailed.class)
                .hasMessageContaining("for now");
        unblocked.getFirst().handle();
        publisher.publishConfirmed(message(2));
        assertThat(waiting()).isEqualTo(1);
    }

    @Test
    void anInterruptedPublisherGivesUpAndStaysInterrupted() throws Exception {
        Publisher publisher = publisher(1, Duration.ofMinutes(5));
        link.hold();
        publisher.publish(message(1));
        CountDownLatch done = new CountDownLatch(1);
        List<Object> seen = new ArrayList<>();
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                publisher.publishConfirmed(message(2));
            } catch (PublishFailed e) {
                seen.add(Thread.currentThread().isInterrupted());
            }
            done.countDown();
        });
        thread.interrupt();
        done.await();
        assertThat(seen).containsExactly(true);
    }
}
