package dev.parley.worker.request;

import java.time.Instant;
import java.util.Optional;

/**
 * What a user is told of a wait for a turn.
 *
 * @param expectedAt when the call should begin
 * @param ahead how many of those who wait for the model come first; empty where that is not known
 */
record Outlook(Instant expectedAt, Optional<Integer> ahead) {}
