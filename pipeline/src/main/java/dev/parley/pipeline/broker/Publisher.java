package dev.parley.pipeline.broker;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ConfirmListener;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.MessageProperties;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Publishes persistent, mandatory messages with confirms, pipelined on one channel. A message counts as published only
 * when its future completes normally: the broker has it on a majority of its disks and in a queue. Thread-safe.
 */
public final class Publisher implements Attachment {
    /** Returned messages come back with this header, which tells which confirm to expect for nothing. */
    private static final String SEQUENCE = "x-parley-sequence";

    private final Duration confirmTimeout;
    private final Semaphore room;
    private final ReentrantLock lock = new ReentrantLock();
    private Session session;
    /** RabbitMQ is short of memory or disk and reads nothing from us: a write would hang once the socket is full. */
    private volatile boolean blocked;

    /** One channel's life: its unconfirmed messages die with it. */
    private record Session(Channel channel, NavigableMap<Long, Unconfirmed> unconfirmed) {}

    /** @param since {@link System#nanoTime()} */
    private record Unconfirmed(CompletableFuture<Void> future, long since) {}

    Publisher(int maxUnconfirmed, Duration confirmTimeout) {
        this.confirmTimeout = confirmTimeout;
        this.room = new Semaphore(maxUnconfirmed);
    }

    /**
     * Hands a message to the broker and returns at once, or waits while too many are unconfirmed.
     *
     * @return completes when the broker has confirmed it; completes with {@link PublishFailed} when it was refused, could
     *     not be routed, was not confirmed in time, or the connection was lost
     */
    public CompletableFuture<Void> publish(Outgoing message) {
        try {
            if (!room.tryAcquire(confirmTimeout.toMillis(), TimeUnit.MILLISECONDS)) {
                return CompletableFuture.failedFuture(new PublishFailed("too many unconfirmed messages"));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return CompletableFuture.failedFuture(new PublishFailed("interrupted", e));
        }
        return send(message);
    }

    /** As {@link #publish}, but never waits: empty when there is no broker, or too many messages are unconfirmed. */
    public Optional<CompletableFuture<Void>> tryPublish(Outgoing message) {
        return attached() && !blocked && room.tryAcquire() ? Optional.of(send(message)) : Optional.empty();
    }

    private CompletableFuture<Void> send(Outgoing message) {
        CompletableFuture<Void> confirmed = new CompletableFuture<>();
        confirmed.whenComplete((ok, e) -> room.release());
        lock.lock();
        try {
            if (session == null || !session.channel().isOpen()) {
                confirmed.completeExceptionally(new PublishFailed("RabbitMQ is not connected"));
                return confirmed;
            }
            if (blocked) {
                confirmed.completeExceptionally(new PublishFailed("RabbitMQ takes no messages for now"));
                return confirmed;
            }
            long sequence = session.channel().getNextPublishSeqNo();
            NavigableMap<Long, Unconfirmed> unconfirmed = session.unconfirmed();
            unconfirmed.put(sequence, new Unconfirmed(confirmed, System.nanoTime()));
            // A broker that never confirms must not make the map grow with every timeout.
            confirmed.exceptionally(failure -> {
                unconfirmed.remove(sequence);
                return null;
            });
            Map<String, Object> headers = new HashMap<>(message.headers());
            headers.put(SEQUENCE, sequence);
            AMQP.BasicProperties properties = MessageProperties.MINIMAL_PERSISTENT_BASIC
                    .builder()
                    .contentType("application/json")
                    .messageId(message.messageId())
                    .headers(headers)
                    .build();
            session.channel().basicPublish("", message.queue(), true, properties, message.body());
        } catch (AlreadyClosedException | IOException e) {
            confirmed.completeExceptionally(new PublishFailed("the connection to RabbitMQ was lost", e));
        } finally {
            lock.unlock();
        }
        return confirmed;
    }

    /**
     * Fails what was not confirmed in time. Once a second for all of them: a timeout of its own would wake a timer's thread
     * twice for each message.
     */
    @Override
    public void tend() {
        Session current;
        lock.lock();
        try {
            current = session;
        } finally {
            lock.unlock();
        }
        if (current == null) {
            return;
        }
        long now = System.nanoTime();
        for (Unconfirmed oldest : current.unconfirmed().values()) {
            if (now - oldest.since() < confirmTimeout.toNanos()) {
                return;
            }
            oldest.future().completeExceptionally(new PublishFailed("RabbitMQ did not confirm in time"));
        }
    }

    /** Publishes and waits for the confirm. @throws PublishFailed when there is none */
    public void publishConfirmed(Outgoing message) throws PublishFailed {
        await(publish(message));
    }

    /** Waits for a confirm. @throws PublishFailed when there is none */
    public static void await(CompletableFuture<Void> confirm) throws PublishFailed {
        try {
            confirm.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof PublishFailed failed) {
                throw failed;
            }
            throw new PublishFailed("publishing failed", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PublishFailed("interrupted while waiting for a confirm", e);
        }
    }

    @Override
    public void attach(Connection connection) throws IOException {
        Channel channel = connection.openChannel().orElseThrow(() -> new IOException("no channel left"));
        NavigableMap<Long, Unconfirmed> unconfirmed = new ConcurrentSkipListMap<>();
        channel.confirmSelect();
        channel.addReturnListener((replyCode, replyText, exchange, queue, properties, body) -> {
            // An unroutable message is returned first and confirmed all the same.
            Unconfirmed returned =
                    unconfirmed.remove((Long) properties.getHeaders().get(SEQUENCE));
            if (returned != null) {
                returned.future().completeExceptionally(new PublishFailed("there is no queue " + queue));
            }
        });
        channel.addConfirmListener(new ConfirmListener() {
            @Override
            public void handleAck(long sequence, boolean multiple) {
                settle(sequence, multiple, future -> future.complete(null));
            }

            @Override
            public void handleNack(long sequence, boolean multiple) {
                settle(
                        sequence,
                        multiple,
                        future -> future.completeExceptionally(new PublishFailed("RabbitMQ refused the message")));
            }

            private void settle(
                    long sequence, boolean multiple, java.util.function.Consumer<CompletableFuture<Void>> how) {
                if (multiple) {
                    NavigableMap<Long, Unconfirmed> settled = unconfirmed.headMap(sequence, true);
                    settled.values().forEach(each -> how.accept(each.future()));
                    settled.clear();
                } else {
                    Unconfirmed settled = unconfirmed.remove(sequence);
                    if (settled != null) {
                        how.accept(settled.future());
                    }
                }
            }
        });
        channel.addShutdownListener(cause -> {
            // Whether these arrived is unknown; the senders publish them again and the receivers expect twins.
            unconfirmed.values().forEach(each -> each.future()
                    .completeExceptionally(
                            new PublishFailed("the connection to RabbitMQ was lost before the confirm", cause)));
            unconfirmed.clear();
        });
        connection.addBlockedListener(reason -> blocked = true, () -> blocked = false);
        lock.lock();
        try {
            if (session == null || session.channel().getConnection() != connection) {
                blocked = false;
            }
            session = new Session(channel, unconfirmed);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean attached() {
        lock.lock();
        try {
            return session != null && session.channel().isOpen();
        } finally {
            lock.unlock();
        }
    }
}
