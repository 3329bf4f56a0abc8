package dev.parley.pipeline.broker;

import java.util.Map;

/**
 * A message to publish: persistent, mandatory, JSON.
 *
 * @param queue the queue it goes to, over the default exchange
 * @param messageId the broker's {@code message-id}
 * @param headers text and numbers; no secrets and no content of a conversation
 * @param body JSON
 */
public record Outgoing(String queue, String messageId, Map<String, Object> headers, byte[] body) {
    public Outgoing {
        headers = Map.copyOf(headers);
    }
}
