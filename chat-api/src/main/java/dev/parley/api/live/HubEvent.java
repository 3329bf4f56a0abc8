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
     * @param ended the answer that is final with this event
     */
    record Stored(String name, String data, Optional<UUID> ended) implements HubEvent {}
}
