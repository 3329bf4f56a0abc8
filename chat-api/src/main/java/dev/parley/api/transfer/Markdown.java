package dev.parley.api.transfer;

import dev.parley.api.chat.Chat;
import dev.parley.api.message.Message;
import dev.parley.api.message.Message.Role;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** A conversation for people to read: the texts are Markdown already and stay as they are. */
final class Markdown {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm 'UTC'", Locale.ROOT).withZone(ZoneOffset.UTC);

    private Markdown() {}

    static String title(Chat chat) {
        return "# " + (chat.title().isEmpty() ? "Chat" : chat.title().replace('\n', ' ')) + "\n";
    }

    static String of(Message message) {
        String who = message.role() == Role.USER ? "You" : message.model().orElse("Answer");
        StringBuilder text = new StringBuilder("\n## %s, %s\n\n".formatted(who, TIME.format(message.createdAt())));
        if (!message.content().isEmpty()) {
            text.append(message.content()).append('\n');
        }
        switch (message.status()) {
            case COMPLETED -> {}
            case CANCELLED -> text.append("\n*(cancelled)*\n");
            case FAILED ->
                text.append("\n*(failed: %s)*\n"
                        .formatted(message.error().map(e -> e.title()).orElse("")));
            case QUEUED, GENERATING, RETRYING -> text.append("*(not answered yet)*\n");
        }
        return text.toString();
    }
}
