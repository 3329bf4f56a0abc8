package dev.parley.api.message;

import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * The body of a send: either content, or a prompt template with values for its variables.
 *
 * @param editOf a user's message of which this is another version
 */
public record NewMessage(
        Optional<String> content,
        Optional<UUID> promptId,
        Optional<Map<String, String>> variables,
        Optional<String> model,
        Optional<UUID> editOf) {}
