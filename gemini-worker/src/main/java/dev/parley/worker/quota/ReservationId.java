package dev.parley.worker.quota;

import java.util.UUID;
import java.util.regex.Pattern;

/**
 * Names a try's calls to the model before they are made. Asking twice for the same id yields one slot, until a call was made
 * under it: then it yields another.
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

    /** @param order of the try, see {@link dev.parley.pipeline.message.AnswerRef#order} */
    public static ReservationId of(UUID answer, long order) {
        return new ReservationId(answer + ":" + order);
    }
}
