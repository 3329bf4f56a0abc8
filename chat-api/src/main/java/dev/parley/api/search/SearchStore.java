package dev.parley.api.search;

import dev.parley.api.database.Database;
import dev.parley.api.database.Row;
import dev.parley.api.database.Sql;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Full text search over what a user and the model have written. Thread-safe. */
public final class SearchStore {
    /** Of more matches, only the newest are ranked: a common word must not read a year's messages. */
    private static final int RANKED = 1_000;
    /** Noncharacters, which no text has to hold; what has them nevertheless loses them here. */
    private static final char BEGIN = '\uFDD0';

    private static final char END = '\uFDD1';

    private final Database database;

    public SearchStore(Database database) {
        this.database = database;
    }

    /** A piece of a found text. @param match whether it is what was looked for */
    record Piece(String text, boolean match) {}

    /**
     * A message, or a chat by its title.
     *
     * @param messageId absent where the title was found
     * @param at when the message was sent, or the chat was changed last
     */
    record Hit(
            UUID chatId,
            String chatTitle,
            Optional<UUID> messageId,
            Optional<String> role,
            List<Piece> excerpt,
            Instant at) {}

    // The excerpts are made last, as they read the whole texts. A title counts as much as the best of messages.
    private static final String SEARCH = """
            WITH wanted AS (
                SELECT to_tsquery('russian', :words)
                       && (to_tsquery('russian', :last) || to_tsquery('simple', :last)) AS query
            ), newest AS (
                SELECT m.id, m.search FROM messages m JOIN chats c ON c.id = m.chat_id, wanted
                WHERE c.user_id = :user AND m.search @@ wanted.query
                ORDER BY m.id DESC LIMIT :ranked
            ), found AS (
                SELECT c.id AS chat_id, CAST(NULL AS uuid) AS message_id, CAST(1 AS real) AS rank, c.updated_at AS at
                FROM chats c, wanted
                WHERE c.user_id = :user AND (to_tsvector('simple', c.title) || to_tsvector('russian', c.title)) @@ wanted.query
                UNION ALL
                SELECT m.chat_id, m.id, ts_rank(newest.search, wanted.query, 1), m.created_at
                FROM newest JOIN messages m ON m.id = newest.id, wanted
            ), page AS (
                SELECT * FROM found ORDER BY rank DESC, at DESC, chat_id, message_id LIMIT :limit OFFSET :offset
            )
            SELECT page.chat_id, c.title, page.message_id, m.role, page.at,
                   ts_headline('russian', translate(COALESCE(left(m.content, 100000), c.title), :marks, ''), wanted.query,
                               :options) AS excerpt
            FROM page JOIN chats c ON c.id = page.chat_id LEFT JOIN messages m ON m.id = page.message_id, wanted
            ORDER BY page.rank DESC, page.at DESC, page.chat_id, page.message_id
            """;

    /** The best matches first, and the newest among equals. */
    List<Hit> search(UUID user, SearchQuery query, int offset, int limit) {
        return database.run(db -> Sql.of(db, SEARCH)
                .with("user", user)
                .with("words", query.words())
                .with("last", query.last())
                .with("ranked", RANKED)
                .with("offset", offset)
                .with("limit", limit)
                .with("marks", "" + BEGIN + END)
                .with(
                        "options",
                        "StartSel=%c, StopSel=%c, MaxWords=30, MinWords=15, MaxFragments=2, FragmentDelimiter=\" … \""
                                .formatted(BEGIN, END))
                .list(SearchStore::hit));
    }

    private static Hit hit(Row row) {
        return new Hit(
                row.uuid("chat_id"),
                row.text("title"),
                row.optionalUuid("message_id"),
                row.optionalText("role"),
                pieces(row.text("excerpt")),
                row.instant("at"));
    }

    static List<Piece> pieces(String excerpt) {
        List<Piece> pieces = new ArrayList<>();
        int from = 0;
        while (from < excerpt.length()) {
            int begin = excerpt.indexOf(BEGIN, from);
            int end = begin < 0 ? -1 : excerpt.indexOf(END, begin);
            if (end < 0) {
                pieces.add(new Piece(excerpt.substring(from), false));
                break;
            }
            if (begin > from) {
                pieces.add(new Piece(excerpt.substring(from, begin), false));
            }
            pieces.add(new Piece(excerpt.substring(begin + 1, end), true));
            from = end + 1;
        }
        return pieces;
    }
}
