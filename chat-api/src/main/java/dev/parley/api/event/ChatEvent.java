package dev.parley.api.event;

import dev.parley.api.chat.Chat;
import dev.parley.api.message.Message;
import java.util.UUID;

/**
 * A change of a chat that its viewers should see, in the shapes of the OpenAPI file. Live text travels apart, straight
 * from the workers.
 */
public sealed interface ChatEvent {
    /** The event's name on the wire. */
    String name();

    record MessageCreated(Message message) implements ChatEvent {
        @Override
        public String name() {
            return "message.created";
        }
    }

    /** A user has changed what he wrote. */
    record MessageUpdated(Message message) implements ChatEvent {
        @Override
        public String name() {
            return "message.updated";
        }
    }

    /** A user has withdrawn a message, and its answer with it. */
    record MessageDeleted(UUID messageId, UUID answerId) implements ChatEvent {
        @Override
        public String name() {
            return "message.deleted";
        }
    }

    /** Another branch of the chat is shown. Not sent to viewers as such: they get a new snapshot. */
    record BranchChanged(UUID chatId) implements ChatEvent {
        public static final String NAME = "branch.changed";

        @Override
        public String name() {
            return NAME;
        }
    }

    /** An answer is (again) queued: after a retry, or with a new expected time. */
    record AnswerQueued(UUID answerId, Message message) implements ChatEvent {
        @Override
        public String name() {
            return "answer.queued";
        }
    }

    record AnswerRetrying(UUID answerId, Message message) implements ChatEvent {
        @Override
        public String name() {
            return "answer.retrying";
        }
    }

    record AnswerCompleted(UUID answerId, Message message) implements ChatEvent {
        @Override
        public String name() {
            return "answer.completed";
        }
    }

    record AnswerFailed(UUID answerId, Message message) implements ChatEvent {
        @Override
        public String name() {
            return "answer.failed";
        }
    }

    record AnswerCancelled(UUID answerId, Message message) implements ChatEvent {
        @Override
        public String name() {
            return "answer.cancelled";
        }
    }

    record ChatUpdated(Chat chat) implements ChatEvent {
        @Override
        public String name() {
            return "chat.updated";
        }
    }

    record ChatDeleted(UUID chatId) implements ChatEvent {
        @Override
        public String name() {
            return "chat.deleted";
        }
    }

    /** The event that tells of an answer's present state. */
    static ChatEvent of(Message answer) {
        return switch (answer.status()) {
            case QUEUED, GENERATING -> new AnswerQueued(answer.id(), answer);
            case RETRYING -> new AnswerRetrying(answer.id(), answer);
            case COMPLETED -> new AnswerCompleted(answer.id(), answer);
            case FAILED -> new AnswerFailed(answer.id(), answer);
            case CANCELLED -> new AnswerCancelled(answer.id(), answer);
        };
    }
}
