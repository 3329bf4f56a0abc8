package dev.parley.pipeline.broker;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A message handed to a consumer, unsettled until {@link #ack()}. Acknowledging after the channel is gone does nothing:
 * the broker delivers the message again.
 */
public final class Delivery {
    private final Channel channel;
    private final ReentrantLock channelLock;
    private final long tag;
    private final boolean redelivered;
    private final AMQP.BasicProperties properties;
    private final byte[] body;

    Delivery(
            Channel channel,
            ReentrantLock channelLock,
            long tag,
            boolean redelivered,
            AMQP.BasicProperties properties,
            byte[] body) {
        this.channel = channel;
        this.channelLock = channelLock;
        this.tag = tag;
        this.redelivered = redelivered;
        this.properties = properties;
        this.body = body;
    }

    public byte[] body() {
        return body;
    }

    public String messageId() {
        return properties.getMessageId() == null ? "" : properties.getMessageId();
    }

    /** Our own headers; broker bookkeeping such as {@code x-death} is among them. Strings arrive as LongString. */
    public Map<String, Object> headers() {
        return properties.getHeaders() == null ? Map.of() : properties.getHeaders();
    }

    /** Whether the broker may have delivered it before. */
    public boolean redelivered() {
        return redelivered;
    }

    /** Whether settling it would still reach the broker. */
    boolean settleable() {
        return channel.isOpen();
    }

    /** The last step: tells the broker that the next durable step is done and it may forget the message. */
    public void ack() {
        channelLock.lock();
        try {
            channel.basicAck(tag, false);
        } catch (AlreadyClosedException | IOException e) {
            // The broker takes the message back and delivers it again; every consumer is made for that.
        } finally {
            channelLock.unlock();
        }
    }

    /** Sends it to the queue's dead letters as it is: nobody here can ever make sense of it. */
    public void deadLetter() {
        channelLock.lock();
        try {
            channel.basicNack(tag, false, false);
        } catch (AlreadyClosedException | IOException e) {
            // As in ack(): the broker delivers it again.
        } finally {
            channelLock.unlock();
        }
    }

    /** Gives it back for another delivery, which counts towards the delivery limit. */
    void requeue() {
        channelLock.lock();
        try {
            channel.basicNack(tag, false, true);
        } catch (AlreadyClosedException | IOException e) {
            // As in ack(): the broker delivers it again anyway.
        } finally {
            channelLock.unlock();
        }
    }
}
