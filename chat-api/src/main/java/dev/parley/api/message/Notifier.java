package dev.parley.api.message;

import dev.parley.api.event.ChatEvent;
import dev.parley.api.event.ChatEvents;
import dev.parley.api.message.MessageStore.Applied;
import dev.parley.api.message.MessageStore.Change;
import dev.parley.api.outbox.Outbox;

/**
 * Tells those who have to hear of a committed change of an answer: workers, viewers, the relay. A crash may lose it, and
 * each of them also looks by itself. Thread-safe.
 */
public final class Notifier {
    private final Runs runs;
    private final ChatEvents events;
    private final Outbox outbox;

    public Notifier(Runs runs, ChatEvents events, Outbox outbox) {
        this.runs = runs;
        this.events = events;
        this.outbox = outbox;
    }

    /** What became of a try. */
    public void applied(Applied applied) {
        events.publish(applied.chatId(), ChatEvent.of(applied.message()));
        if (applied.followUpsReleased()) {
            outbox.wake();
        }
    }

    /** What a user's or an operator's wish did: what runs by an earlier round is to stop. */
    public void changed(Change change) {
        Message answer = change.message();
        runs.revoke(answer.id(), change.round());
        // Before a worker can begin: a viewer takes a new run only after it has heard that the answer is queued again.
        events.publish(answer.chatId(), ChatEvent.of(answer));
        if (change.outboxGrew()) {
            outbox.wake();
        }
    }
}
