package dev.parley.dev.gemini;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/** What goes wrong in a call. A call has one fault at most; all of them are immutable. */
public sealed interface Fault {
    /** An HTTP error instead of an answer, in the shape the real API gives it. */
    record Status(int code, Quota quota, Duration retry, Set<Piece> without, Optional<String> reason) implements Fault {
        public Status {
            without = Set.copyOf(without);
        }
    }

    /** The connection is reset (RST), before the response's first byte or in mid-answer. */
    record Reset(Where where) implements Fault {}

    /** Nothing more comes, until the server is closed or {@link Options#longestHang()} is over. */
    record Hang(Where where) implements Fault {}

    /** The answer ends without a finish reason: as a whole HTTP response (clean), or by a closed connection (abrupt). */
    record Cut(boolean clean) implements Fault {}

    /** An error object takes the place of the rest of a stream. */
    record StreamError(Status error) implements Fault {}

    /** The prompt is refused: {@code promptFeedback.blockReason} and no candidate. */
    record Blocked(String reason) implements Fault {}

    /** The answer stops in the middle with this finish reason, such as SAFETY, MAX_TOKENS or RECITATION. */
    record Finish(String reason) implements Fault {}

    /** A finish reason STOP and not one character of text. */
    record Empty() implements Fault {}

    /** In mid-answer comes one line with this many characters of text. */
    record LongLine(int characters) implements Fault {}

    /** In mid-answer comes a line that is not JSON. */
    record Malformed() implements Fault {}

    /** Where in an answer a fault strikes. */
    enum Where {
        BEFORE,
        MIDDLE
    }

    /** Which quota a 429 names. A minute's limit is gone with its delay, a day's with midnight Pacific. */
    enum Quota {
        MINUTE,
        DAY
    }

    /** The parts of an error body that the real API now and then leaves out. */
    enum Piece {
        RETRY_INFO("retryInfo"),
        QUOTA_FAILURE("quotaFailure"),
        DETAILS("details");

        private final String wire;

        Piece(String wire) {
            this.wire = wire;
        }

        String wire() {
            return wire;
        }
    }
}
