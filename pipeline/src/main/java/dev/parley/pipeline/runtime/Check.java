package dev.parley.pipeline.runtime;

import java.time.Duration;
import java.util.Optional;

/**
 * What a component says of the remote thing it depends on; health is made of these.
 *
 * @param up whether it does its duty now
 * @param detail in plain words for an operator, without addresses or secrets
 * @param latency of the question, where one was asked
 */
public record Check(boolean up, Optional<String> detail, Optional<Duration> latency) {
    public static Check up(Duration latency) {
        return new Check(true, Optional.empty(), Optional.of(latency));
    }

    public static Check down(String detail) {
        return new Check(false, Optional.of(detail), Optional.empty());
    }
}
