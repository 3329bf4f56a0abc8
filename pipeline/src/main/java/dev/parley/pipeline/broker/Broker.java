package dev.parley.pipeline.broker;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.BuiltinExchangeType;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.ShutdownSignalException;
import dev.parley.pipeline.runtime.Backoff;
import dev.parley.pipeline.runtime.Check;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.random.RandomGenerator;

/**
 * The one way to RabbitMQ: keeps a connection, declares the topology on it, and moves publishers and subscriptions to
 * the next connection when it breaks. Opens whether or not the broker is there. Thread-safe.
 *
 * <p>The client's own recovery is off: it covers neither the first connect nor channel errors nor publishes made while
 * down, so there would be two mechanisms.
 */
public final class Broker implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Broker.class.getName());
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration CONFIRM_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration RPC_TIMEOUT = Duration.ofSeconds(5);
    private static final int HEARTBEAT_SECONDS = 10;
    private static final Duration PUT_BACK = Duration.ofSeconds(2);
    private static final Duration WALKER_LOOKS_EVERY = Duration.ofMillis(100);

    private final ConnectionFactory factory;
    /** What a delivery begins is virtual too, and then begins on the thread that is awake already. */
    private final ExecutorService deliveries = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("broker-delivery").factory());

    private final String name;
    private final Topology topology;
    private final List<Attachment> attachments = new CopyOnWriteArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** One walk at a time; those of other processes are kept out by the broker. */
    private final ReentrantLock walking = new ReentrantLock();

    private final Thread supervisor;
    /** Written under the lock; read without it, as an attachment being made holds the lock for seconds. */
    private volatile Connection connection;

    private Optional<String> problem = Optional.of("not connected yet");
    private boolean closed;

    private Broker(ConnectionFactory factory, String name, Topology topology) {
        this.factory = factory;
        this.name = name;
        this.topology = topology;
        this.supervisor = Thread.ofPlatform().daemon().name("broker-supervisor").unstarted(this::supervise);
    }

    /**
     * @param uri {@code amqp://user:password@host:port/vhost} or {@code amqps://…}
     * @param name of this process, shown in the broker's list of connections
     * @throws TopologyConflict when the broker is there and has other queues under our names
     */
    public static Broker open(URI uri, String name, Topology topology) {
        ConnectionFactory factory = new ConnectionFactory();
        try {
            factory.setUri(uri);
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("not a usable RabbitMQ URL", e);
        }
        factory.setAutomaticRecoveryEnabled(false);
        factory.setTopologyRecoveryEnabled(false);
        factory.setConnectionTimeout((int) CONNECT_TIMEOUT.toMillis());
        factory.setHandshakeTimeout((int) CONNECT_TIMEOUT.toMillis());
        factory.setChannelRpcTimeout((int) RPC_TIMEOUT.toMillis());
        factory.setRequestedHeartbeat(HEARTBEAT_SECONDS);
        factory.setThreadFactory(
                task -> Thread.ofPlatform().daemon().name("broker-io").unstarted(task));
        Broker broker = new Broker(factory, name, topology);
        factory.setSharedExecutor(broker.deliveries);
        // One try in the foreground, so that a conflict stops the start instead of hiding in a log.
        try {
            broker.connect();
        } catch (IOException | TimeoutException e) {
            LOG.log(Level.WARNING, "RabbitMQ is not reachable; going on without it until it is");
        }
        broker.supervisor.start();
        return broker;
    }

    public Topology topology() {
        return topology;
    }

    /** A publisher with its own channel. @param maxUnconfirmed messages, beyond which publishing waits */
    public Publisher publisher(int maxUnconfirmed) {
        return attach(new Publisher(maxUnconfirmed, CONFIRM_TIMEOUT));
    }

    /** Consumes a queue of the topology with at most {@code prefetch} messages at a time. */
    public Subscription subscribe(String queue, int prefetch, Handler handler) {
        return attach(new Subscription(queue, prefetch, handler));
    }

    /** Hears every heartbeat from now on; those sent while disconnected are missed. The listener must not block. */
    public void onHeartbeat(Consumer<byte[]> listener) {
        attach(new Attachment() {
            private volatile Channel channel;

            @Override
            public void attach(Connection connection) throws IOException {
                Channel fresh = connection.openChannel().orElseThrow(() -> new IOException("no channel left"));
                // Bounded: old heartbeats are worthless, so a slow listener loses them first.
                String queue = fresh.queueDeclare("", false, true, true, Map.of("x-max-length", 1_000))
                        .getQueue();
                fresh.exchangeDeclare(Topology.HEARTBEATS, BuiltinExchangeType.FANOUT, true);
                fresh.queueBind(queue, Topology.HEARTBEATS, "");
                fresh.basicConsume(queue, true, new DefaultConsumer(fresh) {
                    @Override
                    public void handleDelivery(
                            String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
                        listener.accept(body);
                    }
                });
                channel = fresh;
            }

            @Override
            public boolean attached() {
                Channel current = channel;
                return current != null && current.isOpen();
            }
        });
    }

    /** Tells every listener, at most once and without a promise. */
    public void heartbeat(byte[] body) {
        withChannel(channel -> {
            channel.basicPublish(
                    Topology.HEARTBEATS,
                    "",
                    new AMQP.BasicProperties.Builder()
                            .contentType("application/json")
                            .build(),
                    body);
            return body.length;
        });
    }

    /** Ready messages in each queue of the topology; empty when the broker is away. */
    public Optional<Map<String, Long>> depths() {
        return withChannel(channel -> {
            Map<String, Long> depths = new LinkedHashMap<>();
            for (String queue : topology.queues()) {
                depths.put(queue, channel.messageCount(queue));
            }
            return depths;
        });
    }

    /**
     * Goes through a queue, oldest first, and removes what the visitor wants removed. Everything else stays, though a
     * quorum queue may put what was looked at behind what was not. One body is held at a time. Nobody else walks through the same queue meanwhile, in no process: a message that one
     * walker holds would be missing for the other.
     *
     * <p>Each removal is an acknowledgement of its own, after the visitor has returned: a crash in between shows that
     * message again. It does not go beyond the messages that are there at its beginning.
     *
     * @param limit most messages to look at
     * @param atMost after which it ends with the message it is at
     * @param patience for another walker
     * @param visitor what it throws ends the walk and is thrown on; what was removed before stays removed
     */
    public Walk walk(
            String queue, int limit, Duration atMost, Duration patience, Function<HeldMessage, Walk.Step> visitor)
            throws InterruptedException {
        long begun = System.nanoTime();
        if (!walking.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
            return new Walk.Busy();
        }
        // An exclusive queue is the broker's own mutex: it goes with the connection of whoever holds it.
        String mutex = queue + ".walk";
        try {
            while (true) {
                Exclusive got = exclusive(mutex);
                if (got == Exclusive.AWAY) {
                    return new Walk.Away();
                }
                if (got == Exclusive.HELD) {
                    break;
                }
                if (System.nanoTime() - begun > patience.toNanos()) {
                    return new Walk.Busy();
                }
                Thread.sleep(WALKER_LOOKS_EVERY);
            }
            try {
                return withChannel(channel -> walk(channel, queue, limit, atMost, visitor))
                        .orElseGet(Walk.Away::new);
            } finally {
                withChannel(channel -> channel.queueDelete(mutex));
            }
        } finally {
            walking.unlock();
        }
    }

    private static Walk walk(
            Channel channel, String queue, int limit, Duration atMost, Function<HeldMessage, Walk.Step> visitor)
            throws IOException {
        long begun = System.nanoTime();
        long there = channel.messageCount(queue);
        int seen = 0;
        int removed = 0;
        long last = 0;
        try {
            Walk.Step step = Walk.Step.KEEP;
            while (step != Walk.Step.STOP
                    && seen < limit
                    && seen < there
                    && System.nanoTime() - begun < atMost.toNanos()) {
                GetResponse got = channel.basicGet(queue, false);
                if (got == null) {
                    break;
                }
                seen++;
                last = got.getEnvelope().getDeliveryTag();
                step = visitor.apply(HeldMessage.of(got));
                if (step == Walk.Step.REMOVE) {
                    channel.basicAck(last, false);
                    removed++;
                }
            }
        } finally {
            if (seen > removed) {
                putBack(channel, queue, last, there - removed);
            }
        }
        return new Walk.Done(seen, removed, Math.max(0, there - removed));
    }

    /** The broker puts them back in its own time, and the next walker would miss those that are still on their way. */
    private static void putBack(Channel channel, String queue, long last, long expected) throws IOException {
        channel.basicNack(last, true, true);
        long begun = System.nanoTime();
        while (channel.messageCount(queue) < expected && System.nanoTime() - begun < PUT_BACK.toNanos()) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }

    private enum Exclusive {
        HELD,
        TAKEN,
        AWAY
    }

    private Exclusive exclusive(String name) {
        Connection current = connection;
        if (current == null || !current.isOpen()) {
            return Exclusive.AWAY;
        }
        try {
            // A refusal closes the channel, so it has one of its own.
            Channel channel = current.openChannel().orElseThrow(() -> new IOException("no channel left"));
            try {
                channel.queueDeclare(name, false, true, true, Map.of());
                return Exclusive.HELD;
            } finally {
                if (channel.isOpen()) {
                    channel.abort();
                }
            }
        } catch (IOException e) {
            return e.getCause() instanceof ShutdownSignalException shutdown
                            && shutdown.getReason() instanceof AMQP.Channel.Close close
                            && close.getReplyCode() == AMQP.RESOURCE_LOCKED
                    ? Exclusive.TAKEN
                    : Exclusive.AWAY;
        } catch (ShutdownSignalException e) {
            return Exclusive.AWAY;
        }
    }

    public Check check() {
        long start = System.nanoTime();
        return withChannel(channel -> channel.messageCount(topology.requests()))
                .map(depth -> Check.up(Duration.ofNanos(System.nanoTime() - start)))
                .orElseGet(() -> Check.down(
                        problem().orElse("RabbitMQ does not answer; messages wait in the outbox until it does")));
    }

    /** Whether there is a connection with the topology declared on it; costs nothing. */
    public boolean connected() {
        Connection current = connection;
        return current != null && current.isOpen();
    }

    private Optional<String> problem() {
        lock.lock();
        try {
            return problem;
        } finally {
            lock.unlock();
        }
    }

    private interface Question<T> {
        T ask(Channel channel) throws IOException;
    }

    private <T> Optional<T> withChannel(Question<T> question) {
        Connection current = connection;
        if (current == null || !current.isOpen()) {
            return Optional.empty();
        }
        try (Channel channel = current.openChannel().orElseThrow(() -> new IOException("no channel left"))) {
            return Optional.of(question.ask(channel));
        } catch (IOException | TimeoutException | ShutdownSignalException e) {
            return Optional.empty();
        }
    }

    private <T extends Attachment> T attach(T attachment) {
        attachments.add(attachment);
        lock.lock();
        try {
            // The supervisor may have found it in the list before we had the lock; twice would be two consumers.
            if (connection != null && connection.isOpen() && !attachment.attached()) {
                attachment.attach(connection);
            }
        } catch (IOException | ShutdownSignalException e) {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        return attachment;
    }

    private void connect() throws IOException, TimeoutException {
        Connection fresh = factory.newConnection(name);
        try {
            topology.declare(fresh);
            lock.lock();
            try {
                if (closed) {
                    throw new IOException("closed while connecting");
                }
                connection = fresh;
                problem = Optional.empty();
                for (Attachment attachment : attachments) {
                    attachment.attach(fresh);
                }
            } finally {
                lock.unlock();
            }
        } catch (IOException | RuntimeException e) {
            fresh.abort((int) RPC_TIMEOUT.toMillis());
            throw e;
        }
        fresh.addShutdownListener(cause -> wake());
    }

    private void wake() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void supervise() {
        Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(3), RandomGenerator.getDefault());
        boolean wasConnected = connected();
        while (true) {
            lock.lock();
            try {
                if (closed) {
                    return;
                }
                attachments.forEach(Attachment::tend);
                if (healthy()) {
                    if (!wasConnected) {
                        LOG.log(Level.INFO, "RabbitMQ is reachable");
                        wasConnected = true;
                    }
                    backoff.reset();
                    // A lost channel has no listener of its own: look once a second.
                    changed.await(1, TimeUnit.SECONDS);
                    continue;
                }
            } catch (InterruptedException e) {
                return;
            } finally {
                lock.unlock();
            }
            if (wasConnected && !connected()) {
                LOG.log(Level.WARNING, "the connection to RabbitMQ was lost");
                wasConnected = false;
            }
            mend();
            // Also where only a channel cannot be had, as when somebody has deleted its queue.
            if (!healthy() && !pause(backoff.next())) {
                return;
            }
        }
    }

    private boolean healthy() {
        lock.lock();
        try {
            return connection != null
                    && connection.isOpen()
                    && attachments.stream().allMatch(Attachment::attached);
        } finally {
            lock.unlock();
        }
    }

    private void mend() {
        try {
            if (!connected()) {
                connect();
                return;
            }
            // The usual end of a channel alone is the end of its queue.
            topology.declare(connection);
            lock.lock();
            try {
                for (Attachment attachment : attachments) {
                    if (!attachment.attached()) {
                        attachment.attach(connection);
                    }
                }
            } finally {
                lock.unlock();
            }
        } catch (TopologyConflict e) {
            LOG.log(Level.ERROR, e.getMessage());
            note(e.getMessage());
        } catch (IOException | TimeoutException | ShutdownSignalException e) {
            note("RabbitMQ is not reachable; messages wait in the outbox until it is");
        } catch (RuntimeException e) {
            // Whatever it is: without this thread nothing would ever connect again.
            LOG.log(Level.ERROR, "mending the connection to RabbitMQ failed; it is tried again", e);
            note("RabbitMQ cannot be used; messages wait in the outbox until it can");
        }
    }

    private void note(String what) {
        lock.lock();
        try {
            problem = Optional.of(what);
        } finally {
            lock.unlock();
        }
    }

    private boolean pause(Duration pause) {
        try {
            Thread.sleep(pause);
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    @Override
    public void close() {
        Connection last;
        lock.lock();
        try {
            closed = true;
            last = connection;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        supervisor.interrupt();
        if (last != null) {
            last.abort((int) RPC_TIMEOUT.toMillis());
        }
        deliveries.shutdown();
    }
}
