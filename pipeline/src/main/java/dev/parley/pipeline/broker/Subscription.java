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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A queue being consumed: one virtual thread per message, at most {@code prefetch} handled at a time. A broker hands out
 * that many to each channel; after a reconnect the handlers of the lost one still run, so what the new one brings waits
 * for their places. Thread-safe.
 */
public final class Subscription implements Attachment {
    private static final System.Logger LOG = System.getLogger(Subscription.class.getName());
    /** A message whose handler failed rests a moment, so that a broken dependency is not hammered. */
    private static final Duration PAUSE_AFTER_FAILURE = Duration.ofMillis(500);

    private static final Duration LAST_DELIVERIES = Duration.ofSeconds(5);

    private final String queue;
    private final int prefetch;
    private final Handler handler;
    private final ReentrantLock lock = new ReentrantLock();
    /** Guards the places below and is held for moments only, as the client's callbacks take it too. */
    private final ReentrantLock places = new ReentrantLock();

    private final Condition moved = places.newCondition();
    private int handling;
    private int waiting;
    private boolean unbounded;
    private Channel channel;
    private String consumerTag;
    /** Open once the client has handed over everything that came before the end of the consumer. */
    private CountDownLatch ended = new CountDownLatch(0);

    private boolean stopped;

    Subscription(String queue, int prefetch, Handler handler) {
        this.queue = queue;
        this.prefetch = prefetch;
        this.handler = handler;
    }

    /** Messages being handled now, at most {@code prefetch}. */
    public int running() {
        places.lock();
        try {
            return handling;
        } finally {
            places.unlock();
        }
    }

    /** Messages that came on a new channel and wait for those of a lost one to end, at most {@code prefetch}. */
    public int waiting() {
        places.lock();
        try {
            return waiting;
        } finally {
            places.unlock();
        }
    }

    /** From now on no message waits for a place: for after {@link #stop}, when the handler only gives them back. */
    public void letThrough() {
        places.lock();
        try {
            unbounded = true;
            moved.signalAll();
        } finally {
            places.unlock();
        }
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

    /** Waits until nothing is being handled, nor waits to be. @return false when that took longer than the limit */
    public boolean awaitIdle(Duration limit) throws InterruptedException {
        long nanos = limit.toNanos();
        places.lock();
        try {
            while (handling + waiting > 0) {
                if (nanos <= 0) {
                    return false;
                }
                nanos = moved.awaitNanos(nanos);
            }
            return true;
        } finally {
            places.unlock();
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
                    forgetWaiting();
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
        // Counted here, before the client can tell that the consumer has ended: awaitIdle must not overlook it.
        enterWaiting();
        Thread.ofVirtual().name(queue + "-" + delivery.messageId()).start(() -> {
            if (!takePlace(delivery)) {
                return;
            }
            try {
                handler.handle(delivery);
            } catch (Throwable e) {
                // An Error too: a delivery that nobody settles would take a place of the prefetch for good.
                LOG.log(Level.ERROR, "handling a message of " + queue + " failed; it will be delivered again", e);
                pause();
                delivery.requeue();
            } finally {
                leavePlace();
            }
        });
    }

    private void enterWaiting() {
        places.lock();
        try {
            waiting++;
        } finally {
            places.unlock();
        }
    }

    /** @return false when the message's channel was lost meanwhile: the broker delivers it again, and others wait here */
    private boolean takePlace(Delivery delivery) {
        places.lock();
        try {
            while (handling >= prefetch && !unbounded && delivery.settleable()) {
                moved.awaitUninterruptibly();
            }
            waiting--;
            if (handling >= prefetch && !unbounded) {
                moved.signalAll();
                return false;
            }
            handling++;
            return true;
        } finally {
            places.unlock();
        }
    }

    private void leavePlace() {
        places.lock();
        try {
            handling--;
            moved.signalAll();
        } finally {
            places.unlock();
        }
    }

    /** Without this a series of reconnects would heap up messages that can no longer be acknowledged. */
    private void forgetWaiting() {
        places.lock();
        try {
            moved.signalAll();
        } finally {
            places.unlock();
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(PAUSE_AFTER_FAILURE.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
