package dev.parley.pipeline.broker;

/** The broker has a queue or exchange of this name with other settings; an operator has to decide. */
public final class TopologyConflict extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TopologyConflict(String what, String brokerSays) {
        super(("RabbitMQ already has the %s with other settings (%s). Drain and delete it, or choose other names with"
                        + " REQUEST_QUEUE and RESPONSE_QUEUE.")
                .formatted(what, brokerSays));
    }
}
