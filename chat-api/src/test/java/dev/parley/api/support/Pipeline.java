package dev.parley.api.support;

import static org.awaitility.Awaitility.await;

import dev.parley.api.chat.ChatStore;
import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.database.Database;
import dev.parley.api.event.ChatEvent;
import dev.parley.api.event.ChatEvents;
import dev.parley.api.id.Ids;
import dev.parley.api.message.Message;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.MessageStore.Draft;
import dev.parley.api.message.MessageStore.Sending;
import dev.parley.api.message.Notifier;
import dev.parley.api.message.Runs;
import dev.parley.api.message.Sent;
import dev.parley.api.outbox.Outbox;
import dev.parley.api.outbox.OutboxEntry;
import dev.parley.api.outbox.OutboxStore;
import dev.parley.api.user.Users;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.PublishFailed;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.runtime.Meters;
import io.helidon.metrics.api.Metrics;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.core.ConditionFactory;

/** Stores and queues of a test's own, for the parts of the API that stand between them. */
public final class Pipeline implements AutoCloseable {
    public final Topology topology;
    public final Database database;
    public final MessageStore messages;
    public final OutboxStore outbox;
    public final List<ChatEvent> events = new CopyOnWriteArrayList<>();
    public final ChatEvents listener = (chat, told) -> events.addAll(told);
    public final AtomicInteger wakes = new AtomicInteger();
    public final Notifier notifier = new Notifier(new NoRuns(), listener, new CountedOutbox());
    private final ChatStore chats;
    private final List<AutoCloseable> opened = new ArrayList<>();

    private static final class NoRuns implements Runs {
        @Override
        public Set<UUID> running(Collection<UUID> answers) {
            return Set.of();
        }

        @Override
        public Optional<String> textSoFar(UUID answer) {
            return Optional.empty();
        }

        @Override
        public void revoke(UUID answer, int belowRound) {}
    }

    private final class CountedOutbox implements Outbox {
        @Override
        public void hand(OutboxEntry accepted) {}

        @Override
        public void wake() {
            wakes.incrementAndGet();
        }
    }

    public Pipeline(String databaseUrl) {
        String name = "api" + UUID.randomUUID().toString().substring(0, 8);
        topology = new Topology(
                name + ".requests",
                name + ".responses",
                List.of(Duration.ofMinutes(1)),
                List.of(Duration.ofSeconds(5)));
        database = open(Database.open(URI.create(databaseUrl), 6, Duration.ofSeconds(30)));
        Ids ids = new Ids(Clock.systemUTC(), new Random(5));
        // Nobody here publishes what he accepts: it is due at once.
        messages = new MessageStore(database, ids, Clock.systemUTC(), 5, Duration.ZERO);
        outbox = new OutboxStore(database, Clock.systemUTC());
        chats = new ChatStore(database, ids, Clock.systemUTC());
    }

    public Pipeline() {
        this(SharedServers.freshDatabase());
    }

    public <T extends AutoCloseable> T open(T component) {
        opened.add(component);
        return component;
    }

    public Broker broker() {
        return broker(SharedServers.rabbit().url());
    }

    public Broker broker(String url) {
        return open(Broker.open(URI.create(url), "test", topology));
    }

    public static Meters meters() {
        return new Meters(Metrics.createMeterRegistry());
    }

    public static ConditionFactory soon() {
        return await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(20));
    }

    public UUID newChat() {
        return chats.create(Users.LOCAL, "", GenerationSettings.STANDARD).id();
    }

    public Sent send(UUID chat, String content) {
        return ((Sending.Accepted) messages.send(
                        Users.LOCAL,
                        chat,
                        new Draft(content, Optional.empty(), Optional.of("m"), "standard", Optional.empty(), "r")))
                .sent();
    }

    public Message now(Message message) {
        return messages.find(Users.LOCAL, message.id()).orElseThrow();
    }

    /** The last turns of the requests that reach the request queue from now on. */
    public Queue<String> requests(Broker broker) {
        Queue<String> got = new ConcurrentLinkedQueue<>();
        broker.subscribe(topology.requests(), 100, delivery -> {
            got.add(Json.read(delivery.body(), GenerationRequest.class)
                    .turns()
                    .getLast()
                    .text());
            delivery.ack();
        });
        return got;
    }

    public void publish(Broker broker, String queue, Object message) throws PublishFailed {
        byte[] body = message instanceof String text ? text.getBytes(StandardCharsets.UTF_8) : Json.bytes(message);
        broker.publisher(10).publishConfirmed(new Outgoing(queue, "test", Map.of(), body));
    }

    public long depth(Broker broker, String queue) {
        return broker.depths().orElseThrow().get(queue);
    }

    @Override
    public void close() {
        for (AutoCloseable each : opened.reversed()) {
            try {
                each.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
