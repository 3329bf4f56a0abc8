package dev.parley.api.live;

import dev.parley.pipeline.live.LiveEvent;
import java.util.Optional;
import java.util.UUID;

/** What the hub hands to viewers. */
sealed interface HubEvent {
    /** Live text, straight from a worker. */
    record Live(LiveEvent event) implements HubEvent {}

    /**
     * A stored change.
     *
     * @param name the event's name on the wire
     * @param data JSON, written once for all viewers
     * @param answer the answer whose state this tells
     * @param ended whether that state is final
     */
    record Stored(String name, String data, Optional<UUID> answer, boolean ended) implements HubEvent {}
}
