package dev.parley.api.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.MessageStore.Draft;
import dev.parley.api.message.MessageStore.Sending;
import dev.parley.api.message.Sent;
import dev.parley.api.support.Pipeline;
import dev.parley.api.user.Users;
import dev.parley.dev.server.RabbitServer;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.PublishFailed;
import dev.parley.pipeline.broker.Publisher;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.message.Json;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RelayIT {
    private final Pipeline pipeline = new Pipeline();
    // One source for all messages of a test: two of the same seed give the same id in the same millisecond.
    private final Ids ids = new Ids(Clock.systemUTC(), new Random(7));

    @AfterEach
    void close() {
        pipeline.close();
    }

    private OutboxRelay relay(Broker broker) {
        return pipeline.open(OutboxRelay.start(pipeline.outbox, broker, Pipeline.meters()));
    }

    @Test
    void twoRelaysPublishEachRowOnce() {
        Queue<String> got = pipeline.requests(pipeline.broker());
        OutboxRelay one = relay(pipeline.broker());
        OutboxRelay two = relay(pipeline.broker());
        Set<String> sent = new HashSet<>();
        for (int i = 0; i < 250; i++) {
            pipeline.send(pipeline.newChat(), "message " + i);
            sent.add("message " + i);
            one.wake();
            two.wake();
        }
        Pipeline.soon().until(() -> pipeline.outbox.depth() == 0 && got.size() >= sent.size());
        assertThat(got).hasSize(sent.size()).containsExactlyInAnyOrderElementsOf(sent);
    }

    @Test
    void moreThanOneBatchThatWaitedGoesOutInOrderWithoutAWakeUp() throws Exception {
        List<String> sent = new ArrayList<>();
        for (int i = 0; i < 220; i++) {
            pipeline.send(pipeline.newChat(), "message " + i);
            sent.add("message " + i);
        }
        Broker broker = pipeline.broker();
        relay(broker);
        Pipeline.soon().until(() -> pipeline.outbox.depth() == 0);
        List<String> queued = new ArrayList<>();
        Pipeline.soon().until(() -> pipeline.depth(broker, pipeline.topology.requests()) == sent.size());
        Duration patience = Duration.ofMinutes(1);
        broker.walk(pipeline.topology.requests(), 1_000, patience, patience, message -> {
            queued.add(Json.read(message.body(), JsonNode.class).get("turns").toString());
            return Walk.Step.KEEP;
        });
        assertThat(queued).hasSize(sent.size());
        for (int i = 0; i < sent.size(); i++) {
            assertThat(queued.get(i)).contains(sent.get(i));
        }
    }

    /** As the API does: left to the one who accepted it. */
    private OutboxEntry accept(String content, Duration handOver) {
        MessageStore store = new MessageStore(pipeline.database, ids, Clock.systemUTC(), 5, handOver);
        return ((Sending.Accepted) store.send(
                        Users.LOCAL,
                        pipeline.newChat(),
                        new Draft(content, Optional.empty(), Optional.of("m"), "standard", Optional.empty(), "r")))
                .due()
                .orElseThrow();
    }

    @Test
    void whatIsHandedOverGoesOutOnceAndLeavesTheOutboxAfterItsConfirm() {
        Broker broker = pipeline.broker();
        Queue<String> got = pipeline.requests(broker);
        OutboxRelay relay = relay(broker);
        // Another instance sweeps the same outbox and finds nothing due.
        relay(pipeline.broker());
        for (int i = 0; i < 50; i++) {
            relay.hand(accept("message " + i, Duration.ofMinutes(10)));
        }
        Pipeline.soon().until(() -> pipeline.outbox.depth() == 0 && got.size() >= 50);
        assertThat(got).hasSize(50).doesNotHaveDuplicates();
    }

    @Test
    void whatCouldNotBeHandedOverGoesOutWhenItIsDue(@TempDir Path folder) {
        try (RabbitServer rabbit = RabbitServer.start(folder.resolve("rabbitmq"), 0)) {
            Broker broker = pipeline.broker(rabbit.url());
            OutboxRelay relay = relay(broker);
            Queue<String> got = pipeline.requests(broker);
            rabbit.stop();
            Pipeline.soon().until(() -> !broker.connected());
            relay.hand(accept("left", Duration.ofSeconds(1)));
            assertThat(pipeline.outbox.depth()).isEqualTo(1);
            rabbit.start();
            Pipeline.soon().until(() -> pipeline.outbox.depth() == 0 && got.contains("left"));
            assertThat(got).containsExactly("left");
            pipeline.close();
        }
    }

    @Test
    void whatIsHandedOverIsTheRequestThatTheRelayWouldHaveRead() {
        OutboxEntry handed = accept("the same", Duration.ZERO);
        OutboxEntry claimed = pipeline.outbox
                .inTransaction(tx -> pipeline.outbox.claim(tx, 10).entries())
                .getFirst();
        assertThat(claimed).isEqualTo(handed);
    }

    @Test
    void aRowWhoseRequestHasNoQueueStaysUntilItHas() throws Exception {
        Broker broker = pipeline.broker();
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(SharedServers.rabbit().url());
        try (Connection operator = factory.newConnection();
                Channel channel = operator.createChannel()) {
            channel.queueDelete(pipeline.topology.requests());
        }
        Publisher publisher = broker.publisher(1);
        assertThatThrownBy(() -> publisher.publishConfirmed(
                        new Outgoing(pipeline.topology.requests(), "x", Map.of(), new byte[] {'{', '}'})))
                .isInstanceOf(PublishFailed.class);
        OutboxRelay relay = relay(broker);
        pipeline.send(pipeline.newChat(), "patient");
        relay.wake();
        Pipeline.soon().until(() -> pipeline.outbox.oldestAge().isPresent());
        assertThat(pipeline.outbox.depth()).isEqualTo(1);
        Queue<String> got = pipeline.requests(pipeline.broker());
        Pipeline.soon().until(() -> got.contains("patient") && pipeline.outbox.depth() == 0);
    }

    @Test
    void whatIsAcceptedWhileTheBrokerIsAwayGoesOutWhenItIsBack(@TempDir Path folder) {
        try (RabbitServer rabbit = RabbitServer.start(folder.resolve("rabbitmq"), 0)) {
            Broker broker = pipeline.broker(rabbit.url());
            OutboxRelay relay = relay(broker);
            Queue<String> got = pipeline.requests(broker);
            pipeline.send(pipeline.newChat(), "before");
            relay.wake();
            Pipeline.soon().until(() -> got.contains("before"));
            rabbit.stop();
            Pipeline.soon().until(() -> !broker.connected());
            for (int i = 0; i < 5; i++) {
                pipeline.send(pipeline.newChat(), "away " + i);
                relay.wake();
            }
            assertThat(pipeline.outbox.depth()).isEqualTo(5);
            rabbit.start();
            Pipeline.soon().until(() -> pipeline.outbox.depth() == 0);
            Pipeline.soon().until(() -> new HashSet<>(got)
                    .equals(Set.of("before", "away 0", "away 1", "away 2", "away 3", "away 4")));
            pipeline.close();
        }
    }

    @Test
    void aCrashBetweenPublishAndDeletePublishesTwiceAndLosesNothing() {
        Broker broker = pipeline.broker();
        Queue<String> got = pipeline.requests(broker);
        Publisher publisher = broker.publisher(10);
        pipeline.send(pipeline.newChat(), "twice");
        assertThatThrownBy(() -> pipeline.outbox.inTransaction(tx -> {
                    OutboxEntry entry = pipeline.outbox.claim(tx, 10).entries().getFirst();
                    try {
                        publisher.publishConfirmed(new Outgoing(
                                pipeline.topology.requests(),
                                "x",
                                Map.of(),
                                Json.bytes(entry.request().orElseThrow())));
                    } catch (PublishFailed e) {
                        throw new IllegalStateException(e);
                    }
                    throw new IllegalArgumentException("crashed before the delete");
                }))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(pipeline.outbox.depth()).isEqualTo(1);
        relay(broker);
        Pipeline.soon().until(() -> pipeline.outbox.depth() == 0 && got.size() == 2);
        assertThat(got).containsOnly("twice");
    }

    @Test
    void aRowOfAnAnswerThatWasCancelledIsDeletedAndNotPublished() {
        Broker broker = pipeline.broker();
        Queue<String> got = pipeline.requests(broker);
        Sent sent = pipeline.send(pipeline.newChat(), "cancelled");
        // A relay holds the row just then, so the cancel leaves it.
        pipeline.outbox.inTransaction(tx -> {
            assertThat(pipeline.outbox.claim(tx, 10).entries()).hasSize(1);
            return pipeline.messages.cancel(Users.LOCAL, sent.answer().id(), "");
        });
        assertThat(pipeline.outbox.depth()).isEqualTo(1);
        OutboxRelay relay = relay(broker);
        Pipeline.soon().until(() -> pipeline.outbox.depth() == 0);
        pipeline.send(pipeline.newChat(), "another");
        relay.wake();
        Pipeline.soon().until(() -> got.contains("another"));
        assertThat(got).containsExactly("another");
    }

    private void change(String statement, UUID answer) {
        pipeline.database.run(db -> Sql.of(db, statement).with("answer", answer).change());
    }

    @Test
    void aRowWhoseRequestCannotBeBuiltHoldsNobodyUpAndGoesOutWhenItIsMended() {
        UUID broken = pipeline.send(pipeline.newChat(), "broken").answer().id();
        change("UPDATE messages SET settings = '[]' WHERE id = :answer", broken);
        pipeline.send(pipeline.newChat(), "sound");
        Broker broker = pipeline.broker();
        Queue<String> got = pipeline.requests(broker);
        OutboxRelay relay = relay(broker);
        Pipeline.soon().until(() -> got.contains("sound") && pipeline.outbox.depth() == 1);
        pipeline.send(pipeline.newChat(), "after it");
        relay.wake();
        Pipeline.soon().until(() -> got.contains("after it") && pipeline.outbox.depth() == 1);
        change("UPDATE messages SET settings = NULL WHERE id = :answer", broken);
        change("UPDATE outbox SET due_at = now() WHERE answer_id = :answer", broken);
        Pipeline.soon().until(() -> pipeline.outbox.depth() == 0 && got.contains("broken"));
        assertThat(got).containsExactly("sound", "after it", "broken");
    }

    @Test
    void aClosedRelayTakesNothingMore() {
        Broker broker = pipeline.broker();
        OutboxRelay relay = relay(broker);
        relay.close();
        pipeline.send(pipeline.newChat(), "left");
        relay.wake();
        relay.close();
        assertThat(pipeline.outbox.depth()).isEqualTo(1);
        relay(broker);
        Pipeline.soon().until(() -> pipeline.outbox.depth() == 0);
    }
}
