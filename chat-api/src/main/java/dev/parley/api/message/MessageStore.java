package dev.parley.api.message;

import dev.parley.api.chat.Chat;
import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.outbox.OutboxEntry;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Messages and answers. Every question names the user, and another user's message is as absent as one that never was.
 *
 * <p>An answer ends once ({@link Outcomes}), and one that waits for another is never forgotten ({@link FollowUps}).
 *
 * <p>Thread-safe.
 */
public final class MessageStore {
    /** Long for publishing what was just committed, short for the users of an instance that died before it could. */
    private static final Duration HAND_OVER = Duration.ofSeconds(5);

    private final Database database;
    private final MessageRows rows;
    private final Acceptance acceptance;
    private final Outcomes outcomes;
    private final Rounds rounds;
    private final Branches branches;
    private final Revisions revisions;

    /** @param maxAttempts how often an answer is tried in one round, as shown to users */
    public MessageStore(Database database, Ids ids, Clock clock, int maxAttempts) {
        this(database, ids, clock, maxAttempts, HAND_OVER);
    }

    /** @param handOver how long a new message is left to the one who accepted it */
    public MessageStore(Database database, Ids ids, Clock clock, int maxAttempts, Duration handOver) {
        this.database = database;
        this.rows = new MessageRows(maxAttempts, clock);
        this.acceptance = new Acceptance(database, rows, ids, handOver);
        this.outcomes = new Outcomes(database, rows);
        this.rounds = new Rounds(database, rows);
        this.branches = new Branches(database, rows, ids);
        this.revisions = new Revisions(database, rows);
    }

    /**
     * What is to be sent, checked and filled in.
     *
     * @param editOf a user's message of the chat of which this is another version: it begins a branch beside it
     * @param model empty for the chat's, or, where it has none, the standard one
     * @param idempotency where the sender may repeat the request
     * @param requestId of the HTTP request
     */
    public record Draft(
            String content,
            Optional<UUID> editOf,
            Optional<String> model,
            String standardModel,
            Optional<Idempotency> idempotency,
            String requestId) {}

    /** @param requestHash tells requests apart that use the same key */
    public record Idempotency(String key, String requestHash) {}

    /** What became of a send. */
    public sealed interface Sending {
        /**
         * @param chat as the send left it
         * @param due what can be published at once; empty when an earlier answer is waited for
         */
        record Accepted(Sent sent, Chat chat, Optional<OutboxEntry> due) implements Sending {}

        /** The chat has no such user's message that this could be a version of. */
        record NoSuchVersion() implements Sending {}

        /** The key was used before, for the same request; {@code sent} is what was answered then. */
        record Repeated(Sent sent) implements Sending {}

        /** The key was used before, for another request. */
        record KeyReused() implements Sending {}

        record NoSuchChat() implements Sending {}
    }

    /**
     * Accepts a message: stores it with its pending answer, and puts the answer's request into the outbox or makes it
     * wait for the pending answer before it. One statement, which is its own transaction; two and the commit more when
     * another send to the chat, or the end of its last answer, was just under way.
     */
    public Sending send(UUID user, UUID chat, Draft draft) {
        return acceptance.send(user, chat, draft);
    }

    /** What an earlier request with this key led to; empty when there was none, or the user has no such chat. */
    Optional<Sending> sentBefore(UUID user, UUID chat, Idempotency idempotency) {
        return acceptance.sentBefore(user, chat, idempotency);
    }

    /**
     * An update that changed its answer.
     *
     * @param requestId of the HTTP request that asked for it, for the logs
     * @param followUpsReleased whether the outbox has something new for the relay
     */
    public record Applied(Message message, UUID chatId, Optional<String> requestId, boolean followUpsReleased) {}

    /**
     * Applies what became of a try, once: a duplicate, an update of an earlier round, or one for an answer that has
     * ended or is gone changes nothing and is empty. An end releases the follow-ups in the same transaction.
     *
     * <p>One statement and the commit for a passing state, two for an end, three when follow-ups waited.
     */
    public Optional<Applied> apply(AnswerUpdate update) {
        return outcomes.apply(update);
    }

    /** Ends an answer whose request the broker has given up on. */
    public Optional<Applied> failDeadLetter(AnswerRef answer, Failure failure) {
        return apply(new AnswerUpdate.Failed(answer, failure, rows.now()));
    }

    /**
     * What a user's wish did to an answer.
     *
     * @param round the answer's round now; runs of lower rounds are obsolete
     * @param changed false when it already was so, or may not become so: {@code message} tells
     * @param outboxGrew whether the relay has something to do
     */
    public record Change(Message message, int round, boolean changed, boolean outboxGrew) {}

    /**
     * Cancels a pending answer; any other is left as it is.
     *
     * @param textSoFar what stays of it
     * @return empty when the user has no such message
     */
    public Optional<Change> cancel(UUID user, UUID answer, String textSoFar) {
        return rounds.cancel(user, answer, textSoFar);
    }

    /**
     * Begins the next round of an answer that failed, was cancelled or waits for its retry; any other is left as it is.
     *
     * @param standardModel for an answer that names no model, of a chat that names none
     * @return empty when the user has no such message
     */
    public Optional<Change> retry(UUID user, UUID answer, String standardModel, String requestId) {
        return rounds.retry(user, answer, standardModel, requestId);
    }

    /**
     * Begins the next round of an answer whose request is a dead letter.
     *
     * @param dead the try that died
     * @return empty when the letter is obsolete: the answer is gone, has been answered, cancelled or tried again
     */
    public Optional<Change> redrive(AnswerRef dead, String requestId) {
        return rounds.redrive(dead, requestId);
    }

    /** What became of a wish for another version of an answer. */
    public sealed interface Regeneration {
        /** @param outboxGrew whether the relay has something to do */
        record Begun(Message answer, Chat chat, boolean outboxGrew) implements Regeneration {}

        /** A user's message. */
        record NotAnAnswer() implements Regeneration {}

        /** It has not ended yet. */
        record Pending() implements Regeneration {}
    }

    /**
     * Asks for another version of an ended answer, and shows that branch.
     *
     * @param model empty for the chat's, or, where it has none, the standard one
     * @return empty when the user has no such message
     */
    public Optional<Regeneration> regenerate(
            UUID user, UUID answer, Optional<String> model, String standardModel, String requestId) {
        return branches.regenerate(user, answer, model, standardModel, requestId);
    }

    /**
     * Makes the branch that a message is on the current one, with the message's newest continuation as its end.
     *
     * @return empty when the user has no such message
     */
    public Optional<Chat> show(UUID user, UUID message) {
        return branches.show(user, message);
    }

    /** What became of an edit or a withdrawal. */
    public sealed interface Revision {
        /** @param answer whose next round has begun */
        record Edited(Message message, Change answer) implements Revision {}

        /** @param round above those of the answer that was withdrawn */
        record Withdrawn(UUID answer, int round, Chat chat) implements Revision {}

        /** Not a user's message. */
        record NotAsked() implements Revision {}

        /** Its answer is final. */
        record Ended() implements Revision {}

        /** Later messages build upon it. */
        record Followed() implements Revision {}
    }

    /** The answer of a user's message. */
    Optional<UUID> answerOf(UUID user, UUID message) {
        return revisions.answerOf(user, message);
    }

    /**
     * Changes a user's message whose answer is pending, and begins the answer's next round with it.
     *
     * @return empty when the user has no such message
     */
    public Optional<Revision> edit(UUID user, UUID message, String content, String requestId) {
        return revisions.edit(user, message, content, requestId);
    }

    /**
     * Deletes the last message of a chat together with its pending answer.
     *
     * @return empty when the user has no such message
     */
    public Optional<Revision> withdraw(UUID user, UUID message) {
        return revisions.withdraw(user, message);
    }

    /** What became of a deletion. */
    public sealed interface Deletion {
        /** @param orphans answers that somebody may still be working on */
        record Deleted(Chat chat, List<Orphan> orphans) implements Deletion {}

        /** An answer without another version: its question cannot stand alone. */
        record OnlyAnswer() implements Deletion {}
    }

    /** An answer that was pending when it was deleted. @param round its last */
    public record Orphan(UUID answer, int round) {}

    /**
     * Deletes a message and everything that follows it, on all branches. Where it was shown, the newest other version of
     * it is, or what came before.
     *
     * @return empty when the user has no such message
     */
    public Optional<Deletion> delete(UUID user, UUID message) {
        return revisions.delete(user, message);
    }

    public Optional<Message> find(UUID user, UUID message) {
        return database.run(db -> Sql.of(db, MessageRows.FIND)
                .with("message", message)
                .with("user", user)
                .one(rows::message));
    }

    private static final String FIND_ALL = """
            SELECT %s FROM unnest(string_to_array(:messages, ',')) WITH ORDINALITY AS wanted(id, place)
            JOIN messages m ON m.id = CAST(wanted.id AS uuid) JOIN chats c ON c.id = m.chat_id
            WHERE c.user_id = :user ORDER BY wanted.place
            """.formatted(MessageRows.COLUMNS);

    /** Those of the messages that the user has, in the order asked for. */
    public List<Message> find(UUID user, List<UUID> messages) {
        return database.run(db -> Sql.of(db, FIND_ALL)
                .with("messages", messages.stream().map(UUID::toString).collect(Collectors.joining(",")))
                .with("user", user)
                .list(rows::message));
    }

    /**
     * A part of a chat's current branch.
     *
     * @param messages in order, oldest first
     * @param versions of those messages that have more than one: the ids of all, oldest first
     * @param older the newest message that is not on this page, where there is one
     */
    public record BranchPage(Chat chat, List<Message> messages, Map<UUID, List<UUID>> versions, Optional<UUID> older) {}

    /**
     * The messages of the current branch up to the newest wanted.
     *
     * @param newest where the page ends; the branch's end when empty
     * @return empty when the user has no such chat
     */
    public Optional<BranchPage> branch(UUID user, UUID chat, Optional<UUID> newest, int limit) {
        return branches.branch(user, chat, newest, limit);
    }
}
