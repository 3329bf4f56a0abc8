package dev.parley.pipeline.live;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.UUID;

/** What a worker tells a chat's viewers of a running answer, over the chat's channel in Redis. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = LiveEvent.Started.class, name = "answer.started"),
    @JsonSubTypes.Type(value = LiveEvent.Delta.class, name = "answer.delta")
})
public sealed interface LiveEvent {
    UUID answerId();

    String run();

    /** A run began; what was shown of an earlier one is void. */
    record Started(UUID answerId, String run, int attempt) implements LiveEvent {}

    /**
     * More text of a run.
     *
     * @param offset where it belongs, in UTF-16 code units from the run's beginning
     * @param text whole code points
     */
    record Delta(UUID answerId, String run, int offset, String text) implements LiveEvent {}
}
