package dev.parley.worker.request;

import dev.parley.pipeline.broker.Delivery;
import dev.parley.pipeline.broker.Handler;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.message.Headers;
import java.lang.System.Logger.Level;
import java.util.concurrent.Semaphore;

/**
 * Keeps a message that crashes its worker from taking its neighbours along. A crash counts for every message that was in
 * flight, and all of them come back together, so the broker's delivery limit alone would bury them together. Here those
 * that have seen two crashes are set aside, come back after a few seconds, and run a few at a time; those that have seen
 * another run one at a time. An innocent one is answered then; the guilty one goes on crashing, alone, until it has seen
 * as many crashes as the broker's own limit allows. That one stays as a net for what dies before it gets here.
 *
 * <p>Nothing here reads the body. Thread-safe.
 */
final class Quarantine implements Handler {
    private static final System.Logger LOG = System.getLogger(Quarantine.class.getName());
    /** One crash is an accident that a restart of the broker causes as well. */
    private static final int SUSPECT = 2;

    private static final int STRONG_SUSPECT = 3;
    /** Another crash among these still leaves each of them two tries on its own. */
    private static final int TOGETHER = 16;

    private final Handler handler;
    private final Outbound outbound;
    private final Semaphore few = new Semaphore(TOGETHER);
    private final Semaphore alone = new Semaphore(1);

    Quarantine(Handler handler, Outbound outbound) {
        this.handler = handler;
        this.outbound = outbound;
    }

    /** Times that a message was in flight when its worker, or the connection, was lost; over all copies of it. */
    static int crashes(Delivery delivery) {
        return number(delivery.headers().get(Headers.CRASHES)) + deliveries(delivery);
    }

    private static int deliveries(Delivery delivery) {
        return number(delivery.headers().get("x-delivery-count"));
    }

    private static int number(Object header) {
        return header instanceof Number number ? number.intValue() : 0;
    }

    @Override
    public void handle(Delivery delivery) throws Exception {
        int crashes = crashes(delivery);
        if (crashes < SUSPECT) {
            handler.handle(delivery);
            return;
        }
        if (crashes > Topology.DELIVERY_LIMIT) {
            LOG.log(Level.ERROR, "{0} was in {1} crashes and goes to the dead letters", delivery.messageId(), crashes);
            outbound.bury(delivery);
            delivery.ack();
            return;
        }
        Semaphore place = crashes >= STRONG_SUSPECT ? alone : few;
        // Fresh from a crash its neighbours are here too; first everybody gets out of the way.
        if (deliveries(delivery) > 0 || !place.tryAcquire()) {
            LOG.log(Level.INFO, "{0} was in {1} crashes and is set aside", delivery.messageId(), crashes);
            outbound.setAside(delivery, crashes);
            delivery.ack();
            return;
        }
        try {
            handler.handle(delivery);
        } finally {
            place.release();
        }
    }
}
