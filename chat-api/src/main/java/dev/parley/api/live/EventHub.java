package dev.parley.api.live;

import dev.parley.api.event.ChatEvent;
import dev.parley.api.event.ChatEvents;
import dev.parley.pipeline.live.LiveEvent;
import dev.parley.pipeline.live.LiveKeys;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.MalformedMessage;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.redis.RedisUnavailable;
import dev.parley.pipeline.runtime.Meters;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisConnectionStateAdapter;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

/**
 * Brings a chat's events to everybody who watches it on this instance: those of this instance directly, those of other
 * instances and the workers' live text over the chat's channel in Redis, which is subscribed while somebody watches.
 * Without Redis its viewers are told to poll; when it is back they get a snapshot. Thread-safe.
 */
public final class EventHub implements ChatEvents, AutoCloseable {
    private static final System.Logger LOG = System.getLogger(EventHub.class.getName());
    private static final Duration LOOK_EVERY = Duration.ofMillis(500);
    private static final Duration SUBSCRIBE_TIMEOUT = Duration.ofSeconds(1);
    /** One instance's open connections; each costs a virtual thread and a queue. */
    private static final int MOST_VIEWERS = 10_000;

    private final Redis redis;
    private final String instance;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<UUID, Set<Viewer>> viewers = new HashMap<>();
    private final AtomicInteger count = new AtomicInteger();
    private final AtomicReference<StatefulRedisPubSubConnection<String, String>> subscriptions =
            new AtomicReference<>();
    /** Of the connection for subscriptions: also a loss that is over before anybody looks has cost events. */
    private final AtomicInteger losses = new AtomicInteger();

    private final Thread lookout;
    private volatile boolean closed;

    private EventHub(Redis redis, String instance, Meters meters) {
        this.redis = redis;
        this.instance = instance;
        this.lookout = Thread.ofVirtual().name("event-hub").unstarted(this::lookOut);
        meters.gauge("viewers", "Open connections that watch a chat", count::get);
    }

    /** @param instance unique for this process */
    public static EventHub open(Redis redis, String instance, Meters meters) {
        EventHub hub = new EventHub(redis, instance, meters);
        redis.onSubscriptions(connection -> {
            connection.addListener(new RedisPubSubAdapter<>() {
                @Override
                public void message(String channel, String message) {
                    hub.received(channel, message);
                }
            });
            connection.addListener(new RedisConnectionStateAdapter() {
                @Override
                public void onRedisDisconnected(RedisChannelHandler<?, ?> lost) {
                    hub.losses.incrementAndGet();
                }
            });
            hub.subscriptions.set(connection);
            hub.subscribeAll(connection);
        });
        hub.lookout.start();
        return hub;
    }

    /** Whether live text arrives right now. */
    boolean live() {
        return redis.connected();
    }

    /**
     * Begins to watch a chat; returns when nothing that happens from now on is missed, or Redis is away.
     *
     * @param quiet after which of nothing the viewer is told so
     */
    Optional<Viewer> watch(UUID chat, Duration quiet) {
        Viewer viewer = new Viewer(chat, quiet);
        lock.lock();
        try {
            if (closed || count.get() >= MOST_VIEWERS) {
                return Optional.empty();
            }
            viewers.computeIfAbsent(chat, id -> new HashSet<>()).add(viewer);
            count.incrementAndGet();
        } finally {
            lock.unlock();
        }
        StatefulRedisPubSubConnection<String, String> connection = subscriptions.get();
        if (connection != null && redis.connected()) {
            // Also for a second viewer: the first one's subscription may still be under way.
            await(connection.async().subscribe(LiveKeys.chatChannel(chat)).toCompletableFuture());
        }
        return Optional.of(viewer);
    }

    void leave(Viewer viewer) {
        boolean last;
        lock.lock();
        try {
            Set<Viewer> watching = viewers.getOrDefault(viewer.chat(), new HashSet<>());
            if (watching.remove(viewer)) {
                count.decrementAndGet();
            }
            last = watching.isEmpty() && viewers.remove(viewer.chat()) != null;
            StatefulRedisPubSubConnection<String, String> connection = subscriptions.get();
            // Under the lock, so that it cannot overtake the subscription of a viewer who comes now.
            if (last && connection != null && redis.connected()) {
                connection.async().unsubscribe(LiveKeys.chatChannel(viewer.chat()));
            }
        } finally {
            lock.unlock();
        }
    }

    private void await(CompletableFuture<Void> subscribed) {
        try {
            subscribed.get(SUBSCRIBE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            LOG.log(Level.DEBUG, "Redis did not take a subscription in time");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void publish(UUID chat, List<ChatEvent> events) {
        List<HubEvent.Stored> stored = events.stream().map(EventHub::stored).toList();
        deliver(chat, stored);
        // Between instances they travel behind their origin and a space, a line each; live events of workers stand
        // alone.
        String message = stored.stream().map(Json::text).collect(Collectors.joining("\n", instance + " ", ""));
        redis.<Long>async(commands -> commands.publish(LiveKeys.chatChannel(chat), message));
    }

    private static HubEvent.Stored stored(ChatEvent event) {
        boolean ended = event instanceof ChatEvent.AnswerCompleted
                || event instanceof ChatEvent.AnswerFailed
                || event instanceof ChatEvent.AnswerCancelled
                || event instanceof ChatEvent.MessageDeleted;
        return new HubEvent.Stored(event.name(), Json.text(event), answer(event), ended);
    }

    private static Optional<UUID> answer(ChatEvent event) {
        return switch (event) {
            case ChatEvent.AnswerQueued queued -> Optional.of(queued.answerId());
            case ChatEvent.AnswerRetrying retrying -> Optional.of(retrying.answerId());
            case ChatEvent.AnswerCompleted completed -> Optional.of(completed.answerId());
            case ChatEvent.AnswerFailed failed -> Optional.of(failed.answerId());
            case ChatEvent.AnswerCancelled cancelled -> Optional.of(cancelled.answerId());
            case ChatEvent.MessageCreated created -> Optional.empty();
            case ChatEvent.MessageUpdated updated -> Optional.empty();
            case ChatEvent.MessageDeleted deleted -> Optional.of(deleted.answerId());
            case ChatEvent.BranchChanged changed -> Optional.empty();
            case ChatEvent.ChatUpdated updated -> Optional.empty();
            case ChatEvent.ChatDeleted deleted -> Optional.empty();
        };
    }

    private void received(String channel, String message) {
        try {
            UUID chat = UUID.fromString(channel.substring(LiveKeys.CHAT_CHANNEL_PREFIX.length()));
            if (message.startsWith("{")) {
                deliver(chat, List.of(new HubEvent.Live(Json.read(message, LiveEvent.class))));
                return;
            }
            int space = message.indexOf(' ');
            // Our own have been delivered already.
            if (!message.substring(0, space).equals(instance)) {
                deliver(
                        chat,
                        message.substring(space + 1)
                                .lines()
                                .map(line -> Json.read(line, HubEvent.Stored.class))
                                .toList());
            }
        } catch (IllegalArgumentException | IndexOutOfBoundsException | MalformedMessage e) {
            LOG.log(Level.DEBUG, "not a chat event on {0}", channel);
        }
    }

    private void deliver(UUID chat, List<? extends HubEvent> events) {
        lock.lock();
        try {
            viewers.getOrDefault(chat, Set.of()).forEach(viewer -> viewer.offer(events));
        } finally {
            lock.unlock();
        }
    }

    private void subscribeAll(StatefulRedisPubSubConnection<String, String> connection) {
        lock.lock();
        try {
            viewers.keySet().forEach(chat -> connection.async().subscribe(LiveKeys.chatChannel(chat)));
        } finally {
            lock.unlock();
        }
    }

    /** Whether Redis came or went, and who has heard nothing for long. */
    private void lookOut() {
        boolean live = redis.connected();
        int lossesSeen = losses.get();
        while (!closed) {
            try {
                Thread.sleep(LOOK_EVERY);
            } catch (InterruptedException e) {
                return;
            }
            long at = System.nanoTime();
            everyone().forEach(viewer -> viewer.tick(at));
            int lossesNow = losses.get();
            boolean now = redis.connected();
            if (now == live && lossesNow == lossesSeen) {
                continue;
            }
            live = now;
            lossesSeen = lossesNow;
            try {
                if (now) {
                    // Subscribed anew where Lettuce has not; whatever was missed comes with the snapshots.
                    Optional.ofNullable(subscriptions.get()).ifPresent(this::subscribeAll);
                }
            } catch (RedisUnavailable e) {
                live = false;
            }
            everyone().forEach(Viewer::resync);
        }
    }

    private Set<Viewer> everyone() {
        Set<Viewer> all = new HashSet<>();
        lock.lock();
        try {
            viewers.values().forEach(all::addAll);
        } finally {
            lock.unlock();
        }
        return all;
    }

    /** Ends every stream and takes no new ones: the browsers come back to another instance. */
    public void endStreams() {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
        everyone().forEach(Viewer::end);
    }

    @Override
    public void close() {
        endStreams();
        lookout.interrupt();
    }
}
