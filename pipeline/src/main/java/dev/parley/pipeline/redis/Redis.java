package dev.parley.pipeline.redis;

import dev.parley.pipeline.runtime.Backoff;
import dev.parley.pipeline.runtime.Check;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.metrics.CommandLatencyRecorder;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import io.lettuce.core.resource.Delay;
import java.lang.System.Logger.Level;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.random.RandomGenerator;

/**
 * The one way to Redis. Redis is a help and never the truth, so this opens whether or not the server is there, connects
 * in the background, and fails a command at once ({@link RedisUnavailable}) rather than queueing it. Thread-safe; all
 * commands share one pipelined connection, subscriptions have a second.
 */
public final class Redis implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Redis.class.getName());
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);

    private final ClientResources resources;
    private final RedisClient client;
    private final AtomicReference<StatefulRedisConnection<String, String>> connection = new AtomicReference<>();
    private final AtomicReference<StatefulRedisPubSubConnection<String, String>> subscriptions =
            new AtomicReference<>();
    private final List<Consumer<StatefulRedisPubSubConnection<String, String>>> subscribers = new ArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Thread connector;
    private volatile boolean closed;

    private Redis(URI uri, Duration commandTimeout) {
        this.resources = DefaultClientResources.builder()
                // Two cores do not need Netty's default of several threads for one connection.
                .ioThreadPoolSize(2)
                .computationThreadPoolSize(2)
                // Our own meters tell what matters; a histogram for each command costs on the event loop.
                .commandLatencyRecorder(CommandLatencyRecorder.disabled())
                .reconnectDelay(
                        Delay.exponential(Duration.ofMillis(50), Duration.ofSeconds(1), 2, TimeUnit.MILLISECONDS))
                .build();
        RedisURI redisUri = RedisURI.create(uri);
        redisUri.setTimeout(commandTimeout);
        this.client = new AsyncRedisClient(resources, redisUri);
        client.setOptions(ClientOptions.builder()
                .autoReconnect(true)
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(TimeoutOptions.enabled(commandTimeout))
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(CONNECT_TIMEOUT)
                        .keepAlive(true)
                        .tcpNoDelay(true)
                        .build())
                // Bounds what piles up in front of a server that has stopped answering.
                .requestQueueSize(20_000)
                .build());
        this.connector = Thread.ofVirtual().name("redis-connector").unstarted(this::connect);
    }

    /**
     * @param uri {@code redis://[:password@]host:port/db} or {@code rediss://…}
     * @param commandTimeout after which a command counts as failed
     */
    public static Redis open(URI uri, Duration commandTimeout) {
        Redis redis = new Redis(uri, commandTimeout);
        // One try in the foreground: a start next to a healthy Redis does not begin degraded.
        if (!redis.tryConnect()) {
            LOG.log(Level.WARNING, "Redis is not reachable; going on without it until it is");
            redis.connector.start();
        }
        return redis;
    }

    private void connect() {
        Backoff backoff = new Backoff(Duration.ofMillis(200), Duration.ofSeconds(2), RandomGenerator.getDefault());
        while (!closed) {
            try {
                Thread.sleep(backoff.next());
            } catch (InterruptedException e) {
                return;
            }
            if (tryConnect()) {
                LOG.log(Level.INFO, "Redis is reachable");
                return;
            }
        }
    }

    private boolean tryConnect() {
        lock.lock();
        try {
            if (closed) {
                return true;
            }
            if (connection.get() == null) {
                connection.set(client.connect());
            }
            if (subscriptions.get() == null) {
                StatefulRedisPubSubConnection<String, String> pubSub = client.connectPubSub();
                subscriptions.set(pubSub);
                subscribers.forEach(subscriber -> subscriber.accept(pubSub));
            }
            return true;
        } catch (RedisException e) {
            return false;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Starts a command and returns its result to come; commands started one after the other by one thread arrive in that
     * order.
     *
     * @return completes with {@link RedisUnavailable} when Redis is away
     */
    public <T> CompletableFuture<T> async(Function<RedisAsyncCommands<String, String>, CompletionStage<T>> command) {
        StatefulRedisConnection<String, String> current = connection.get();
        if (current == null || !current.isOpen()) {
            return CompletableFuture.failedFuture(new RedisUnavailable("not connected to Redis", null));
        }
        try {
            return command.apply(current.async())
                    .toCompletableFuture()
                    .exceptionallyCompose(e -> CompletableFuture.failedFuture(translate(e)));
        } catch (RedisException e) {
            return CompletableFuture.failedFuture(translate(e));
        }
    }

    /** Runs a command and waits for its result. @throws RedisUnavailable when Redis is away or slower than the timeout */
    public <T> T call(Function<RedisAsyncCommands<String, String>, CompletionStage<T>> command) {
        return await(async(command));
    }

    /** Starts a script; see {@link #async}. The result is what Lua returned: Long, String or a List of them. */
    public <T> CompletableFuture<T> async(Script script, ScriptOutputType type, List<String> keys, List<String> args) {
        String[] k = keys.toArray(String[]::new);
        String[] a = args.toArray(String[]::new);
        CompletableFuture<T> byDigest = async(commands -> commands.<T>evalsha(script.digest(), type, k, a));
        return byDigest.exceptionallyCompose(e -> cause(e) instanceof RedisNoScriptException
                ? async(commands -> commands.<T>eval(script.source(), type, k, a))
                : CompletableFuture.failedFuture(e));
    }

    /** Runs a script and waits for its result. @throws RedisUnavailable when Redis is away or slower than the timeout */
    public <T> T call(Script script, ScriptOutputType type, List<String> keys, List<String> args) {
        return await(async(script, type, keys, args));
    }

    /**
     * Hands out the connection for subscriptions, now or as soon as there is one. Lettuce subscribes again by itself
     * after a reconnect.
     */
    public void onSubscriptions(Consumer<StatefulRedisPubSubConnection<String, String>> subscriber) {
        lock.lock();
        try {
            subscribers.add(subscriber);
            StatefulRedisPubSubConnection<String, String> current = subscriptions.get();
            if (current != null) {
                subscriber.accept(current);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Whether commands have a connection to go to right now; costs nothing. */
    public boolean connected() {
        StatefulRedisConnection<String, String> current = connection.get();
        StatefulRedisPubSubConnection<String, String> pubSub = subscriptions.get();
        return current != null && current.isOpen() && pubSub != null && pubSub.isOpen();
    }

    public Check check() {
        long start = System.nanoTime();
        try {
            call(commands -> commands.ping());
            return Check.up(Duration.ofNanos(System.nanoTime() - start));
        } catch (RedisUnavailable e) {
            return Check.down("Redis does not answer; answers arrive whole instead of live");
        }
    }

    /** Waits for a command that was started before. @throws RedisUnavailable when Redis is away or too slow */
    public <T> T await(Future<T> result) {
        try {
            // Bounded by Lettuce's timeout of the command. One of its own here would wake a timer's thread twice.
            return result.get();
        } catch (ExecutionException e) {
            throw translate(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RedisUnavailable("interrupted while waiting for Redis", e);
        }
    }

    private static Throwable cause(Throwable e) {
        return (e instanceof CompletionException || e instanceof ExecutionException) && e.getCause() != null
                ? cause(e.getCause())
                : e;
    }

    private static RuntimeException translate(Throwable e) {
        Throwable cause = cause(e);
        if (cause instanceof RedisUnavailable || cause instanceof RedisNoScriptException) {
            return (RuntimeException) cause;
        }
        return new RedisUnavailable("Redis failed: " + cause.getMessage(), cause);
    }

    @Override
    public void close() {
        closed = true;
        connector.interrupt();
        lock.lock();
        try {
            client.shutdown(Duration.ZERO, Duration.ofSeconds(1));
            resources.shutdown(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
        } finally {
            lock.unlock();
        }
    }
}
