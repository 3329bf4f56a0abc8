package dev.parley.api.live;

import dev.parley.api.http.Cursor;
import dev.parley.api.http.Problem;
import dev.parley.api.message.MessageStore;
import dev.parley.pipeline.live.Runs;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/** The live events of a user's chats, for whatever transport. Thread-safe. */
public final class ChatStreams {
    private static final System.Logger LOG = System.getLogger(ChatStreams.class.getName());
    /** What a page shows at once; older messages come by their cursor. */
    private static final int MESSAGES = 100;
    /** Proxies close what is silent; DESIGN.md asks for a sign of life this often. */
    public static final Duration QUIET = Duration.ofSeconds(15);

    private final MessageStore messages;
    private final EventHub hub;
    private final Runs runs;
    private final Duration quiet;

    /** @param quiet after so long without an event a comment shows that the connection lives */
    public ChatStreams(MessageStore messages, EventHub hub, Runs runs, Duration quiet) {
        this.messages = messages;
        this.hub = hub;
        this.runs = runs;
        this.quiet = quiet;
    }

    /** A chat that is being listened to; what happens is kept, within a bound, until it is run. */
    final class Open implements AutoCloseable {
        private final UUID user;
        private final UUID chat;
        private final Viewer viewer;
        private final EventStream.Stored first;

        private Open(UUID user, UUID chat, Viewer viewer) {
            this.user = user;
            this.chat = chat;
            this.viewer = viewer;
            // Only after the hub listens, so that nothing falls between the snapshot and the first event.
            this.first = stored(user, chat).orElseThrow(() -> Problem.notFound("chat"));
        }

        /** Sends until the chat is gone, the service stops, {@link #end} is called, or the reader has left. */
        void run(EventStream.Sink sink, Optional<EventId> resume) throws InterruptedException {
            try {
                new EventStream(viewer, hub, runs, () -> stored(user, chat), sink).run(first, resume);
            } catch (UncheckedIOException e) {
                LOG.log(Level.DEBUG, "a reader has left");
            }
        }

        void end() {
            viewer.end();
        }

        @Override
        public void close() {
            hub.leave(viewer);
        }
    }

    /** @throws Problem 404 when the user has no such chat, 503 when there are too many viewers */
    Open open(UUID user, UUID chat) {
        Viewer viewer = hub.watch(chat, quiet)
                .orElseThrow(() -> Problem.of(
                        503, "too-many-viewers", "Too many open streams", "Poll the messages, or try again later."));
        try {
            return new Open(user, chat, viewer);
        } catch (RuntimeException e) {
            hub.leave(viewer);
            throw e;
        }
    }

    private Optional<EventStream.Stored> stored(UUID user, UUID chat) {
        return messages.branch(user, chat, Optional.empty(), MESSAGES)
                .map(page -> new EventStream.Stored(
                        page.chat(),
                        page.messages(),
                        page.versions(),
                        page.older().map(older -> Cursor.of(older).encoded())));
    }
}
