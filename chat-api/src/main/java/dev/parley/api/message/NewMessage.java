package dev.parley.api.message;

import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** The body of a send: either content, or a prompt template with values for its variables. */
public record NewMessage(
        Optional<String> content,
        Optional<UUID> promptId,
        Optional<Map<String, String>> variables,
        Optional<String> model) {}
