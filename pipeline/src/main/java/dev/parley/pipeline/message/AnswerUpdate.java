package dev.parley.pipeline.message;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.time.Instant;
import java.util.Arrays;
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
            implements AnswerUpdate {
        public Completed {
            require("a completed answer needs answer, run, text and completedAt", answer, run, text, completedAt);
            notice = notice == null ? Optional.empty() : notice;
        }
    }

    /** No more tries: shown as failed, with <em>Try again</em>. */
    record Failed(AnswerRef answer, Failure failure, Instant failedAt) implements AnswerUpdate {
        public Failed {
            require("a failed answer needs answer, failure and failedAt", answer, failure, failedAt);
        }
    }

    /** The try failed in passing; {@code answer} is the next try, which starts at {@code nextAttemptAt}. */
    record Retrying(AnswerRef answer, Failure failure, Instant nextAttemptAt) implements AnswerUpdate {
        public Retrying {
            require("a retrying answer needs answer, failure and nextAttemptAt", answer, failure, nextAttemptAt);
        }
    }

    /**
     * The request waits for its reserved turn under the quota, which is no failure.
     *
     * @param ahead how many of those who wait for the model come first, 0 for who is next; empty where that is not known
     */
    record Waiting(AnswerRef answer, Instant expectedAt, Optional<Integer> ahead) implements AnswerUpdate {
        public Waiting {
            require("a waiting answer needs answer and expectedAt", answer, expectedAt);
            ahead = ahead == null ? Optional.empty() : ahead;
            if (ahead.filter(number -> number < 0).isPresent()) {
                throw new MalformedMessage("nobody has fewer than none before him");
            }
        }
    }

    /** Tokens as the model counted them. */
    record Usage(int inputTokens, int outputTokens) {}

    private static void require(String rule, Object... fields) {
        if (Arrays.asList(fields).contains(null)) {
            throw new MalformedMessage(rule);
        }
    }
}
