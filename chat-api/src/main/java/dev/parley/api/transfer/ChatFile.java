package dev.parley.api.transfer;

import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.message.Message;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.Message.Status;
import dev.parley.pipeline.message.AnswerUpdate.Usage;
import dev.parley.pipeline.message.Failure;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * A chat as a file: what an export writes and an import reads.
 *
 * @param format always {@link #FORMAT}
 * @param version {@link #VERSION}; a later one may not be readable
 * @param head the last message of the branch that is shown; absent for the last of all
 * @param messages all versions and branches, each after its parent
 */
record ChatFile(
        Optional<String> format,
        Optional<Integer> version,
        Optional<String> title,
        Optional<Instant> createdAt,
        Optional<GenerationSettings> settings,
        Optional<UUID> head,
        Optional<List<Entry>> messages) {
    static final String FORMAT = "parley-chat";
    static final int VERSION = 1;

    /**
     * A message. An import takes what is neither completed nor failed as cancelled, as nobody works on it.
     *
     * @param content may be empty for an answer
     */
    record Entry(
            Optional<UUID> id,
            Optional<UUID> parentId,
            Optional<Role> role,
            Optional<String> content,
            Optional<Status> status,
            Optional<Failure> error,
            Optional<String> model,
            Optional<Usage> usage,
            Optional<Instant> createdAt,
            Optional<Instant> completedAt) {
        static Entry of(Message message) {
            return new Entry(
                    Optional.of(message.id()),
                    message.parentId(),
                    Optional.of(message.role()),
                    Optional.of(message.content()),
                    Optional.of(message.status()),
                    message.error(),
                    message.model(),
                    message.usage(),
                    Optional.of(message.createdAt()),
                    message.completedAt());
        }
    }
}
