package dev.parley.pipeline.broker;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.GetResponse;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A message of a queue that is being walked through.
 *
 * @param messageId the broker's {@code message-id}; empty when its sender gave none
 * @param headers our own and the broker's
 * @param death the last time the broker itself dead-lettered it; empty for a message that was published where it lies
 * @param body as it was published
 */
public record HeldMessage(String messageId, Map<String, Object> headers, Optional<Death> death, byte[] body) {
    /**
     * How the broker moved a message by itself.
     *
     * @param reason {@code delivery_limit}, {@code rejected}, {@code expired} or {@code maxlen}
     * @param queue that it left
     */
    public record Death(String reason, String queue, Optional<Instant> at) {}

    static HeldMessage of(GetResponse got) {
        AMQP.BasicProperties properties = got.getProps();
        Map<String, Object> headers = properties.getHeaders() == null ? Map.of() : properties.getHeaders();
        return new HeldMessage(
                properties.getMessageId() == null ? "" : properties.getMessageId(),
                headers,
                death(headers.get("x-death")),
                got.getBody());
    }

    /** A header as text; empty when it is missing. */
    public Optional<String> header(String name) {
        return Optional.ofNullable(headers.get(name)).map(Object::toString);
    }

    /** The broker keeps the latest first. */
    private static Optional<Death> death(Object header) {
        return header instanceof List<?> deaths
                        && !deaths.isEmpty()
                        && deaths.getFirst() instanceof Map<?, ?> last
                        && last.get("reason") != null
                ? Optional.of(new Death(
                        last.get("reason").toString(),
                        String.valueOf(last.get("queue")),
                        last.get("time") instanceof Date at ? Optional.of(at.toInstant()) : Optional.empty()))
                : Optional.empty();
    }
}
