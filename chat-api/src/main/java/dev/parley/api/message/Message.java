package dev.parley.api.message;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.parley.pipeline.message.AnswerUpdate.Usage;
import dev.parley.pipeline.message.Failure;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * A user's message or an answer, as the API and the events show it; facts that do not exist (yet) are empty.
 *
 * @param parentId the message before it in its branch
 * @param content empty while an answer is pending
 * @param round 1-based, of an answer: which wish to have it answered this is of; of two states, the one of the lower round is
 *     outdated, and within a round an answer ends once
 * @param attempt 1-based, of an answer: the attempt it is in, or ended in
 * @param maxAttempts after which it fails
 * @param ahead how many come before a queued answer that waits for its turn under the quota, 0 for the next one
 * @param waitsFor the pending answer before it, until that has ended
 * @param error why it failed or has to be tried again, or on a completed answer why it is cut short
 * @param model that answers
 */
public record Message(
        UUID id,
        UUID chatId,
        Optional<UUID> parentId,
        Role role,
        String content,
        Status status,
        Optional<Integer> round,
        Optional<Integer> attempt,
        Optional<Integer> maxAttempts,
        Optional<Instant> nextAttemptAt,
        Optional<Instant> expectedAt,
        Optional<Integer> ahead,
        Optional<UUID> waitsFor,
        Optional<Failure> error,
        Optional<String> model,
        Optional<Usage> usage,
        Instant createdAt,
        Optional<Instant> completedAt) {

    public enum Role {
        @JsonProperty("user")
        USER,
        @JsonProperty("assistant")
        ASSISTANT
    }

    public enum Status {
        @JsonProperty("queued")
        QUEUED,
        /** Never stored: an answer generates while a worker holds a run of it. */
        @JsonProperty("generating")
        GENERATING,
        @JsonProperty("retrying")
        RETRYING,
        @JsonProperty("completed")
        COMPLETED,
        @JsonProperty("failed")
        FAILED,
        @JsonProperty("cancelled")
        CANCELLED;

        /** Whether it can still become an answer without a user's doing. */
        public boolean pending() {
            return this == QUEUED || this == GENERATING || this == RETRYING;
        }
    }

    @JsonIgnore
    public boolean pending() {
        return status.pending();
    }

    /** The same answer while a worker runs it: what it waited for is over. Any other message stays as it is. */
    public Message generating() {
        if (!pending()) {
            return this;
        }
        return new Message(
                id,
                chatId,
                parentId,
                role,
                content,
                Status.GENERATING,
                round,
                attempt,
                maxAttempts,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                model,
                usage,
                createdAt,
                completedAt);
    }
}
