package dev.parley.pipeline.message;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.time.Instant;
import java.util.Optional;

/** The body of a message on the response queue: what became of a try at an answer. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = AnswerUpdate.Completed.class, name = "completed"),
    @JsonSubTypes.Type(value = AnswerUpdate.Failed.class, name = "failed"),
    @JsonSubTypes.Type(value = AnswerUpdate.Retrying.class, name = "retrying"),
    @JsonSubTypes.Type(value = AnswerUpdate.Waiting.class, name = "waiting")
})
public sealed interface AnswerUpdate {
    AnswerRef answer();

    /**
     * The model finished; the text is final.
     *
     * @param run the run that made it
     * @param notice a sentence for the user when the answer is whole but cut short, as by the token limit
     */
    record Completed(
            AnswerRef answer,
            String run,
            String text,
            String model,
            Usage usage,
            Optional<Failure> notice,
            Instant completedAt)
            implements AnswerUpdate {}

    /** No more tries: shown as failed, with <em>Try again</em>. */
    record Failed(AnswerRef answer, Failure failure, Instant failedAt) implements AnswerUpdate {}

    /** The try failed in passing; {@code answer} is the next try, which starts at {@code nextAttemptAt}. */
    record Retrying(AnswerRef answer, Failure failure, Instant nextAttemptAt) implements AnswerUpdate {}

    /** The request waits for its reserved turn under the quota, which is no failure. */
    record Waiting(AnswerRef answer, Instant expectedAt) implements AnswerUpdate {}

    /** Tokens as the model counted them. */
    record Usage(int inputTokens, int outputTokens) {}
}
