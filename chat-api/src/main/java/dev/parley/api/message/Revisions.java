package dev.parley.api.message;

import dev.parley.api.chat.Chat;
import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.Message.Status;
import dev.parley.api.message.MessageRows.Stored;
import dev.parley.api.message.MessageStore.Change;
import dev.parley.api.message.MessageStore.Deletion;
import dev.parley.api.message.MessageStore.Orphan;
import dev.parley.api.message.MessageStore.Revision;
import io.helidon.dbclient.DbExecute;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;

/** Changes of what was asked: another text for it while its answer is pending, or its end. */
final class Revisions {
    private final Database database;
    private final MessageRows rows;

    Revisions(Database database, MessageRows rows) {
        this.database = database;
        this.rows = rows;
    }

    private static final String ANSWERS = """
            SELECT %s FROM messages m WHERE m.parent_id = :message AND m.role = 'assistant' ORDER BY m.id FOR UPDATE
            """.formatted(MessageRows.COLUMNS);
    private static final String ANSWER_OF = """
            SELECT m.id FROM messages m JOIN chats c ON c.id = m.chat_id
            WHERE m.parent_id = :message AND m.role = 'assistant' AND c.user_id = :user
            ORDER BY m.id DESC LIMIT 1
            """;
    // Whatever waits behind the answer has not read its question yet.
    private static final String READ_ON = """
            SELECT later.id
            FROM messages question JOIN messages later ON later.parent_id = question.id
            WHERE question.parent_id = :answer AND later.waits_for IS NULL
            LIMIT 1
            """;
    private static final String EDIT = """
            UPDATE messages m SET content = :content WHERE m.id = :message RETURNING %s
            """.formatted(MessageRows.COLUMNS);
    private static final String ASK_AGAIN = Rounds.beginning("", "WHERE m.id = :message");

    /** {@link MessageStore#answerOf} */
    Optional<UUID> answerOf(UUID user, UUID message) {
        return database.run(db -> Sql.of(db, ANSWER_OF)
                .with("message", message)
                .with("user", user)
                .one(row -> row.uuid("id")));
    }

    /** {@link MessageStore#edit} */
    Optional<Revision> edit(UUID user, UUID message, String content, String requestId) {
        return database.inTransaction(tx -> {
            Optional<Message> question = Sql.of(tx, MessageRows.FIND)
                    .with("message", message)
                    .with("user", user)
                    .one(rows::message);
            if (question.isEmpty() || question.get().role() != Role.USER) {
                return question.map(found -> new Revision.NotAsked());
            }
            Optional<Stored> pending = onlyPending(tx, message);
            if (pending.isEmpty()) {
                return Optional.of(new Revision.Ended());
            }
            UUID answer = pending.get().message().id();
            if (Sql.of(tx, READ_ON)
                    .with("answer", answer)
                    .one(row -> row.uuid("id"))
                    .isPresent()) {
                return Optional.of(new Revision.Followed());
            }
            Message edited = Sql.of(tx, EDIT)
                    .with("message", message)
                    .with("content", content)
                    .one(rows::message)
                    .orElseThrow();
            Rounds.withdraw(tx, answer);
            Stored again = Sql.of(tx, ASK_AGAIN)
                    .with("message", answer)
                    .with("waits_for", pending.get().waitsFor())
                    .with("request", requestId)
                    .with("now", rows.now())
                    .one(rows::stored)
                    .orElseThrow();
            return Optional.of(new Revision.Edited(
                    edited,
                    new Change(
                            again.message(),
                            again.round(),
                            true,
                            again.waitsFor().isEmpty())));
        });
    }

    /** The answer of a message, locked, if it is the only one and pending. */
    private Optional<Stored> onlyPending(DbExecute tx, UUID message) {
        List<Stored> answers = Sql.of(tx, ANSWERS).with("message", message).list(rows::stored);
        return answers.size() == 1 && answers.getFirst().message().pending()
                ? Optional.of(answers.getFirst())
                : Optional.empty();
    }

    // A chat that is empty again and has the title of its only message gets a new one from the next.
    private static final String STEP_BACK = """
            UPDATE chats c
            SET head_id = CAST(:head AS uuid), updated_at = :now,
                title = CASE WHEN CAST(:head AS uuid) IS NULL AND c.title = :title THEN '' ELSE c.title END
            WHERE c.id = :chat
            RETURNING %s
            """.formatted(Chat.COLUMNS);

    /** {@link MessageStore#withdraw} */
    Optional<Revision> withdraw(UUID user, UUID message) {
        return database.inTransaction(tx -> {
            Optional<Optional<UUID>> head = Sql.of(tx, Branches.LOCK_CHAT_OF)
                    .with("message", message)
                    .with("user", user)
                    .one(row -> row.optionalUuid("head_id"));
            Optional<Message> question = Sql.of(tx, MessageRows.FIND)
                    .with("message", message)
                    .with("user", user)
                    .one(rows::message);
            if (head.isEmpty() || question.isEmpty()) {
                return Optional.empty();
            }
            if (question.get().role() != Role.USER) {
                return Optional.of(new Revision.NotAsked());
            }
            Optional<Stored> pending = onlyPending(tx, message);
            if (pending.isEmpty()) {
                return Optional.of(new Revision.Ended());
            }
            UUID answer = pending.get().message().id();
            if (!head.get().equals(Optional.of(answer))) {
                return Optional.of(new Revision.Followed());
            }
            Chat chat = Sql.of(tx, STEP_BACK)
                    .with("chat", question.get().chatId())
                    .with("head", question.get().parentId())
                    .with("title", Title.of(question.get().content()))
                    .with("now", rows.now())
                    .one(Chat::of)
                    .orElseThrow();
            Rounds.withdraw(tx, answer);
            Sql.of(tx, "DELETE FROM messages WHERE id = :message")
                    .with("message", message)
                    .change();
            return Optional.of(new Revision.Withdrawn(answer, pending.get().round() + 1, chat));
        });
    }

    private static final String TREE = """
            WITH RECURSIVE tree AS (
                SELECT m.id, m.status, m.round FROM messages m WHERE m.id = :message
                UNION ALL
                SELECT m.id, m.status, m.round FROM tree JOIN messages m ON m.parent_id = tree.id
            )
            SELECT id, status, round FROM tree
            """;
    private static final String NEWEST_OTHER_VERSION = """
            SELECT other.id FROM messages m JOIN messages other
              ON other.chat_id = m.chat_id AND other.parent_id IS NOT DISTINCT FROM m.parent_id AND other.id <> m.id
            WHERE m.id = :message
            ORDER BY other.id DESC LIMIT 1
            """;

    private static final String HEAD = """
            UPDATE chats c SET head_id = CAST(:head AS uuid) WHERE c.id = :chat RETURNING %s
            """.formatted(Chat.COLUMNS);

    /** {@link MessageStore#delete} */
    Optional<Deletion> delete(UUID user, UUID message) {
        record Node(UUID id, boolean pending, int round) {}
        return database.inTransaction(tx -> {
            Optional<Optional<UUID>> head = Sql.of(tx, Branches.LOCK_CHAT_OF)
                    .with("message", message)
                    .with("user", user)
                    .one(row -> row.optionalUuid("head_id"));
            Optional<Message> top = Sql.of(tx, MessageRows.FIND)
                    .with("message", message)
                    .with("user", user)
                    .one(rows::message);
            if (head.isEmpty() || top.isEmpty()) {
                return Optional.empty();
            }
            Optional<UUID> other =
                    Sql.of(tx, NEWEST_OTHER_VERSION).with("message", message).one(row -> row.uuid("id"));
            if (top.get().role() == Role.ASSISTANT && other.isEmpty()) {
                return Optional.of(new Deletion.OnlyAnswer());
            }
            List<Node> tree = Sql.of(tx, TREE)
                    .with("message", message)
                    .list(row -> new Node(
                            row.uuid("id"),
                            Status.valueOf(row.text("status").toUpperCase(Locale.ROOT))
                                    .pending(),
                            row.integer("round")));
            List<Orphan> orphans = tree.stream()
                    .filter(Node::pending)
                    .map(node -> new Orphan(node.id(), node.round()))
                    .toList();
            orphans.forEach(orphan -> Rounds.withdraw(tx, orphan.answer()));
            UUID chat = top.get().chatId();
            boolean shown = tree.stream().anyMatch(node -> head.get().equals(Optional.of(node.id())));
            Chat now = (shown && other.isPresent()
                            ? Sql.of(tx, Branches.SHOW).with("chat", chat).with("message", other)
                            : Sql.of(tx, HEAD)
                                    .with("chat", chat)
                                    .with("head", shown ? top.get().parentId() : head.get()))
                    .one(Chat::of)
                    .orElseThrow();
            Sql.of(tx, "DELETE FROM messages WHERE id = :message")
                    .with("message", message)
                    .change();
            return Optional.of(new Deletion.Deleted(now, orphans));
        });
    }
}
