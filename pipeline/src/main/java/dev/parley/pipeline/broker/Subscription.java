package dev.parley.pipeline.broker;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A queue being consumed: one virtual thread per message, at most {@code prefetch} at a time. The broker hands out no more,
 * but after a reconnect it does so beside what still runs of before; such a message waits here for its place. Thread-safe.
 */
public final class Subscription implements Attachment {
    private static final System.Logger LOG = System.getLogger(Subscription.class.getName());
    /** A message whose handler failed rests a moment, so that a broken dependency is not hammered. */
    private static final Duration PAUSE_AFTER_FAILURE = Duration.ofMillis(500);

    private static final Duration LAST_DELIVERIES = Duration.ofSeconds(5);

    private final String queue;
    private final int prefetch;
    private final Handler handler;
    private final Semaphore places;
    private final AtomicInteger running = new AtomicInteger();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition idle = lock.newCondition();
    private Channel channel;
    private String consumerTag;
    /** Open once the client has handed over everything that came before the end of the consumer. */
    private CountDownLatch ended = new CountDownLatch(0);

    private boolean stopped;

    Subscription(String queue, int prefetch, Handler handler) {
        this.queue = queue;
        this.prefetch = prefetch;
        this.handler = handler;
        this.places = new Semaphore(prefetch, true);
    }

    /** Messages being handled now, or waiting for that. */
    public int running() {
        return running.get();
    }

    /** Takes no more messages; what is being handled goes on and can still be acknowledged. */
    public void stop() {
        lock.lock();
        try {
            stopped = true;
            if (channel != null && channel.isOpen() && consumerTag != null) {
                channel.basicCancel(consumerTag);
                // What the broker sent before it heard of this is still on its way to the handler.
                ended.await(LAST_DELIVERIES.toMillis(), TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (AlreadyClosedException | IOException e) {
            LOG.log(Level.DEBUG, "the channel of {0} was gone before its consumer stopped", queue);
        } finally {
            lock.unlock();
        }
    }

    /** Waits until nothing is being handled. @return false when that took longer than the limit */
    public boolean awaitIdle(Duration limit) throws InterruptedException {
        long nanos = limit.toNanos();
        lock.lock();
        try {
            while (running.get() > 0) {
                if (nanos <= 0) {
                    return false;
                }
                nanos = idle.awaitNanos(nanos);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void attach(Connection connection) throws IOException {
        lock.lock();
        try {
            if (stopped) {
                return;
            }
            Channel fresh = connection.openChannel().orElseThrow(() -> new IOException("no channel left"));
            ReentrantLock channelLock = new ReentrantLock();
            CountDownLatch end = new CountDownLatch(1);
            ended = end;
            fresh.basicQos(prefetch);
            consumerTag = fresh.basicConsume(queue, false, new DefaultConsumer(fresh) {
                @Override
                public void handleDelivery(
                        String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
                    dispatch(new Delivery(
                            fresh, channelLock, envelope.getDeliveryTag(), envelope.isRedeliver(), properties, body));
                }

                @Override
                public void handleCancelOk(String tag) {
                    end.countDown();
                }

                @Override
                public void handleShutdownSignal(String tag, ShutdownSignalException cause) {
                    end.countDown();
                }

                @Override
                public void handleCancel(String tag) throws IOException {
                    // The queue's leader moved or the queue was deleted: begin anew on a fresh channel.
                    LOG.log(Level.WARNING, "RabbitMQ ended the consumer of {0}", queue);
                    fresh.abort();
                }
            });
            channel = fresh;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean attached() {
        lock.lock();
        try {
            return stopped || (channel != null && channel.isOpen());
        } finally {
            lock.unlock();
        }
    }

    private void dispatch(Delivery delivery) {
        running.incrementAndGet();
        Thread.ofVirtual().name(queue + "-" + delivery.messageId()).start(() -> {
            try {
                places.acquire();
                try {
                    // Of a connection that was lost meanwhile: the broker delivers it again.
                    if (delivery.settleable()) {
                        handler.handle(delivery);
                    }
                } finally {
                    places.release();
                }
            } catch (Throwable e) {
                // An Error too: a delivery that nobody settles would take a place of the prefetch for good.
                LOG.log(Level.ERROR, "handling a message of " + queue + " failed; it will be delivered again", e);
                pause();
                delivery.requeue();
            } finally {
                if (running.decrementAndGet() == 0) {
                    signalIdle();
                }
            }
        });
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(PAUSE_AFTER_FAILURE.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void signalIdle() {
        lock.lock();
        try {
            idle.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
