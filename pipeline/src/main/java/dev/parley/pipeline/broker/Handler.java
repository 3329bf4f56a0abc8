package dev.parley.pipeline.broker;

/** Handles one message on a virtual thread of its own. */
@FunctionalInterface
public interface Handler {
    /**
     * Must settle the delivery by {@link Delivery#ack()} once the next durable step is done.
     *
     * @throws Exception to have it delivered again after a pause, until the queue's delivery limit
     */
    void handle(Delivery delivery) throws Exception;
}
