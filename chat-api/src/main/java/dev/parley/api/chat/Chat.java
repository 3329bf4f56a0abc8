package dev.parley.api.chat;

import dev.parley.api.database.Row;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * A conversation, as the API shows it.
 *
 * @param title empty until the first message or a rename
 * @param archived put away: only listed when asked for
 * @param folder its name, as the user calls it
 */
public record Chat(
        UUID id,
        String title,
        boolean pinned,
        boolean archived,
        Optional<String> folder,
        Instant createdAt,
        Instant updatedAt) {
    /** The columns that {@link #of} reads, for a query in which the table {@code chats} is called {@code c}. */
    public static final String COLUMNS = """
            c.id AS chat_id, c.title AS chat_title, c.pinned AS chat_pinned, c.archived AS chat_archived,
            c.folder AS chat_folder, c.created_at AS chat_created_at, c.updated_at AS chat_updated_at\
            """;

    public static Chat of(Row row) {
        return new Chat(
                row.uuid("chat_id"),
                row.text("chat_title"),
                row.bool("chat_pinned"),
                row.bool("chat_archived"),
                row.optionalText("chat_folder"),
                row.instant("chat_created_at"),
                row.instant("chat_updated_at"));
    }
}
