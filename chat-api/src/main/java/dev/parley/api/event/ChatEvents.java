package dev.parley.api.event;

import java.util.UUID;

/** Tells a chat's viewers, on every instance. Called after the commit; best effort, never throws. Thread-safe. */
@FunctionalInterface
public interface ChatEvents {
    void publish(UUID chatId, ChatEvent event);
}
