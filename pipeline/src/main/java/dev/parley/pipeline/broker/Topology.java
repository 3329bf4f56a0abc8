package dev.parley.pipeline.broker;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.BuiltinExchangeType;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ShutdownSignalException;
import dev.parley.pipeline.config.Environment;
import dev.parley.pipeline.config.Variable;
import java.io.IOException;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The queues both services agree on; whoever connects first declares them, and declaring them again changes nothing.
 *
 * @param requests to the workers; quorum, dead-letters to {@link #deadLetters()} past its delivery limit
 * @param responses to the API; quorum, what cannot be read is dead-lettered too
 * @param retryDelays the ladder, growing; one wait queue each
 * @param turnDelays waits for a turn under the quota; one wait queue each
 */
public record Topology(String requests, String responses, List<Duration> retryDelays, List<Duration> turnDelays) {
    public static final String HEARTBEATS = "gemini.heartbeats";

    /**
     * Deliveries after which a message counts as poison. A worker that stops hands its messages back as new copies, so
     * only crashes count; three innocent bystanders of a poisonous neighbour still pass.
     */
    public static final int DELIVERY_LIMIT = 5;

    /**
     * A quorum queue expires messages only at its head, so a wait of any length needs queues of a few fixed lengths, taken
     * one after the other: the largest that fits, each overshooting by nothing.
     */
    public static final List<Duration> TURN_DELAYS = List.of(Duration.ofSeconds(5), Duration.ofSeconds(30));

    /**
     * For queues whose messages must survive any number of deliveries: RabbitMQ 4 drops a message after 20 unless told
     * otherwise, and looking at a dead letter counts as one.
     */
    private static final int NO_DELIVERY_LIMIT = 1_000_000_000;

    private static final List<Duration> LADDER =
            List.of(Duration.ofMinutes(1), Duration.ofMinutes(10), Duration.ofHours(1), Duration.ofDays(1));

    public Topology {
        retryDelays = List.copyOf(retryDelays);
        turnDelays = List.copyOf(turnDelays);
    }

    public static Topology of(String requests, String responses, List<Duration> retryDelays) {
        return new Topology(requests, responses, retryDelays, TURN_DELAYS);
    }

    /** The queues as the environment names them; both services read them here, or they would declare different ones. */
    public static Topology from(Environment environment) {
        Topology topology = of(
                environment.text(Variable.REQUEST_QUEUE, "gemini.requests"),
                environment.text(Variable.RESPONSE_QUEUE, "gemini.responses"),
                environment.delays(Variable.QUEUE_RETRY_DELAYS, LADDER));
        if (topology.requests().equals(topology.responses())) {
            environment.problem(Variable.RESPONSE_QUEUE, "must differ from REQUEST_QUEUE");
        }
        return topology;
    }

    /** Steps of this ladder that the environment wants used, at most as many as it has. */
    public int maxRetries(Environment environment) {
        return environment.integer(
                Variable.QUEUE_MAX_RETRIES, Math.min(LADDER.size(), retryDelays.size()), 0, retryDelays.size());
    }

    public String deadLetters() {
        return requests + ".dlq";
    }

    /** Every wait there is a queue for, growing. */
    public List<Duration> waits() {
        return Stream.concat(retryDelays.stream(), turnDelays.stream())
                .distinct()
                .sorted(Comparator.naturalOrder())
                .toList();
    }

    /** The queue that gives a message back to {@link #requests()} after exactly this wait, one of {@link #waits()}. */
    public String waitQueue(Duration wait) {
        if (!retryDelays.contains(wait) && !turnDelays.contains(wait)) {
            throw new IllegalArgumentException("there is no wait queue for " + wait);
        }
        return waitQueueName(wait);
    }

    private String waitQueueName(Duration wait) {
        return requests + ".wait." + (wait.toMillis() % 1000 == 0 ? wait.toSeconds() + "s" : wait.toMillis() + "ms");
    }

    /** Every queue by name, the request queue first. */
    public List<String> queues() {
        return Stream.concat(
                        Stream.of(requests, responses, deadLetters()),
                        waits().stream().map(this::waitQueueName))
                .toList();
    }

    /** @throws TopologyConflict when a queue exists with other settings; nothing of it is changed */
    void declare(Connection connection) throws IOException {
        queue(connection, deadLetters(), NO_DELIVERY_LIMIT, Map.of());
        queue(connection, requests, DELIVERY_LIMIT, deadLetteringTo(deadLetters()));
        queue(connection, responses, NO_DELIVERY_LIMIT, deadLetteringTo(deadLetters()));
        for (Duration wait : waits()) {
            Map<String, Object> expiring = new HashMap<>(deadLetteringTo(requests));
            expiring.put("x-message-ttl", wait.toMillis());
            queue(connection, waitQueueName(wait), NO_DELIVERY_LIMIT, expiring);
        }
        declare(
                connection,
                "exchange " + HEARTBEATS,
                channel -> channel.exchangeDeclare(HEARTBEATS, BuiltinExchangeType.FANOUT, true));
    }

    /** At least once: a message leaves its queue only when the other one has it, which needs reject-publish. */
    private static Map<String, Object> deadLetteringTo(String queue) {
        return Map.of(
                "x-dead-letter-exchange",
                "",
                "x-dead-letter-routing-key",
                queue,
                "x-dead-letter-strategy",
                "at-least-once",
                "x-overflow",
                "reject-publish");
    }

    private static void queue(Connection connection, String name, int deliveryLimit, Map<String, Object> more)
            throws IOException {
        Map<String, Object> arguments = new HashMap<>(more);
        arguments.put("x-queue-type", "quorum");
        arguments.put("x-delivery-limit", deliveryLimit);
        declare(connection, "queue " + name, channel -> channel.queueDeclare(name, true, false, false, arguments));
    }

    private interface Declaration {
        Object on(Channel channel) throws IOException;
    }

    private static void declare(Connection connection, String what, Declaration declaration) throws IOException {
        // A refused declaration closes its channel, so each has its own and the message can name the culprit.
        Channel channel = connection.openChannel().orElseThrow(() -> new IOException("no channel left"));
        try {
            declaration.on(channel);
        } catch (IOException e) {
            if (e.getCause() instanceof ShutdownSignalException shutdown
                    && shutdown.getReason() instanceof AMQP.Channel.Close close
                    && close.getReplyCode() == AMQP.PRECONDITION_FAILED) {
                throw new TopologyConflict(what, close.getReplyText());
            }
            throw e;
        } finally {
            if (channel.isOpen()) {
                channel.abort();
            }
        }
    }
}
