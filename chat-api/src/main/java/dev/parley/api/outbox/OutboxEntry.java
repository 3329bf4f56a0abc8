package dev.parley.api.outbox;

import dev.parley.pipeline.message.GenerationRequest;
import java.util.Optional;
import java.util.UUID;

/**
 * A claimed row of the outbox.
 *
 * @param request what to publish; empty when the row is obsolete (the answer has ended, waits again, is in a later
 *     round or gone) and only has to be deleted
 */
public record OutboxEntry(long id, UUID answerId, Optional<GenerationRequest> request) {}
