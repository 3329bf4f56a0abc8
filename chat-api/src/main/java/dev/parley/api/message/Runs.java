package dev.parley.api.message;

import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** What is known of the workers' runs. Best effort: when it is unknown, nothing runs. Never throws. Thread-safe. */
public interface Runs {
    /** Those of the answers that a worker is generating now. */
    Set<UUID> running(Collection<UUID> answers);

    /** The text that the answer's run has made so far. */
    Optional<String> textSoFar(UUID answer);

    /** Stops the runs of every round below the given one, also those that begin later. */
    void revoke(UUID answer, int belowRound);
}
