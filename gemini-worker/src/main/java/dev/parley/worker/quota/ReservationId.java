package dev.parley.worker.quota;

import dev.parley.pipeline.message.AnswerRef;
import java.util.regex.Pattern;

/**
 * Names one call to the model before it is made; asking twice for the same id yields one slot. A call that was made
 * spends the id: the next try of the same answer needs another.
 *
 * @param value 1 to 120 characters of {@code A-Z a-z 0-9 . _ : -}
 */
public record ReservationId(String value) {
    private static final Pattern SHAPE = Pattern.compile("[A-Za-z0-9._:-]{1,120}");

    public ReservationId {
        if (!SHAPE.matcher(value).matches()) {
            throw new IllegalArgumentException("not a reservation id: " + value);
        }
    }

    /** @param number of the call within one handling of the request */
    public static ReservationId of(AnswerRef answer, int number) {
        return new ReservationId(answer.answerId() + ":" + answer.round() + ":" + answer.attempt() + ":" + number);
    }
}
