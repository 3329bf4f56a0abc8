package dev.parley.api.message;

import dev.parley.api.database.Row;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.Message.Status;
import dev.parley.pipeline.message.AnswerUpdate.Usage;
import dev.parley.pipeline.message.Failure;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;

/** How a row of {@code messages} becomes a message. Thread-safe. */
final class MessageRows {
    /** For queries in which the table is called {@code m}. */
    static final String COLUMNS = """
            m.id, m.chat_id AS in_chat, m.parent_id, m.role, m.content, m.status, m.round, m.attempt, m.next_attempt_at,
            m.expected_at, m.ahead, m.waits_for, m.error, m.model, m.input_tokens, m.output_tokens, m.created_at, m.completed_at\
            """;

    /** A message that is the user's. */
    static final String FIND = """
            SELECT %s FROM messages m JOIN chats c ON c.id = m.chat_id WHERE m.id = :message AND c.user_id = :user
            """.formatted(COLUMNS);

    private final int maxAttempts;
    private final Clock clock;

    /** @param maxAttempts how often an answer is tried in one round, as shown to users */
    MessageRows(int maxAttempts, Clock clock) {
        this.maxAttempts = maxAttempts;
        this.clock = clock;
    }

    /** In milliseconds, as PostgreSQL keeps less than a Java instant holds and a repeated response must be the same. */
    Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    /** A message with what the API does not show. @param waitsFor also of a cancelled answer */
    record Stored(Message message, int round, Optional<UUID> waitsFor) {}

    Stored stored(Row row) {
        return new Stored(message(row), row.integer("round"), row.optionalUuid("waits_for"));
    }

    Message message(Row row) {
        Instant now = now();
        Role role = Role.valueOf(row.text("role").toUpperCase(Locale.ROOT));
        Status status = Status.valueOf(row.text("status").toUpperCase(Locale.ROOT));
        Optional<Integer> attempt = row.optionalInteger("attempt");
        // Late is not known to be when: workers are busy or away, and tell as soon as they know more.
        Optional<Instant> expected = row.optionalInstant("expected_at").filter(at -> !at.isBefore(now));
        return new Message(
                row.uuid("id"),
                row.uuid("in_chat"),
                row.optionalUuid("parent_id"),
                role,
                row.text("content"),
                status,
                Optional.of(row.integer("round")).filter(round -> role == Role.ASSISTANT),
                attempt,
                attempt.map(known -> Math.max(maxAttempts, known)),
                row.optionalInstant("next_attempt_at"),
                expected,
                // Told with the time, and as old.
                expected.flatMap(at -> row.optionalInteger("ahead")),
                row.optionalUuid("waits_for").filter(answer -> status.pending()),
                row.json("error", Failure.class),
                // On a user's message it only serves to repeat a response.
                row.optionalText("model").filter(model -> role == Role.ASSISTANT),
                row.optionalInteger("input_tokens").map(input -> new Usage(input, row.integer("output_tokens"))),
                row.instant("created_at"),
                row.optionalInstant("completed_at"));
    }
}
