package dev.parley.api.event;

import java.util.List;
import java.util.UUID;

/** Tells a chat's viewers, on every instance. Called after the commit; best effort, never throws. Thread-safe. */
@FunctionalInterface
public interface ChatEvents {
    /** @param events what one change came to, in this order: on their way together, as each wakes everybody up to the browser */
    void publish(UUID chatId, List<ChatEvent> events);

    default void publish(UUID chatId, ChatEvent event) {
        publish(chatId, List.of(event));
    }
}
