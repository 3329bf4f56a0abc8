package dev.parley.api.live;

import com.fasterxml.jackson.databind.JsonNode;
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
     * @param data JSON
     * @param ended the answer that is final with this event
     */
    record Stored(String name, JsonNode data, Optional<UUID> ended) implements HubEvent {}
}
