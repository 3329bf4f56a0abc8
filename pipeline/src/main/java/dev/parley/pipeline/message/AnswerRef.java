package dev.parley.pipeline.message;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Optional;
import java.util.UUID;

/**
 * Which try at which answer something belongs to.
 *
 * @param chatId the chat, for the channel its viewers listen on
 * @param answerId the answer's message id
 * @param round 1-based; each user-made try (send, retry) and each cancel begins the next. What belongs to an earlier
 *     round is obsolete and ignored
 * @param attempt 1-based within the round; each step of the retry ladder begins the next
 */
public record AnswerRef(UUID chatId, UUID answerId, int round, int attempt) {
    private static final long ATTEMPTS_PER_ROUND = 1_000;

    public AnswerRef {
        if (chatId == null || answerId == null) {
            throw new MalformedMessage("an answer reference needs chatId and answerId");
        }
        if (round < 1 || attempt < 1 || attempt >= ATTEMPTS_PER_ROUND) {
            throw new MalformedMessage("round and attempt count from 1");
        }
    }

    /** One number that grows with every attempt and every round: the older of two tries has the smaller one. */
    @JsonIgnore
    public long order() {
        return round * ATTEMPTS_PER_ROUND + attempt;
    }

    /** The order of the first attempt of a round. */
    public static long orderOfRound(int round) {
        return round * ATTEMPTS_PER_ROUND;
    }

    /** The round that an order belongs to. */
    public static int roundOf(long order) {
        return (int) (order / ATTEMPTS_PER_ROUND);
    }

    public AnswerRef nextAttempt() {
        return new AnswerRef(chatId, answerId, round, attempt + 1);
    }

    /**
     * The reference in the body of any message, also of one that is no valid request or result: as long as this can be
     * read, its answer can be ended.
     */
    public static Optional<AnswerRef> in(byte[] body) {
        try {
            JsonNode answer = Json.mapper().readTree(body).path("answer");
            return answer.isObject()
                    ? Optional.of(Json.mapper().treeToValue(answer, AnswerRef.class))
                    : Optional.empty();
        } catch (IOException | MalformedMessage e) {
            return Optional.empty();
        }
    }

    /** The broker's {@code message-id}: {@code answer:attempt}. */
    @JsonIgnore
    public String messageId() {
        return answerId + ":" + attempt;
    }
}
