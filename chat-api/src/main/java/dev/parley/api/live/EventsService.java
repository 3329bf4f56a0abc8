package dev.parley.api.live;

import dev.parley.api.http.Cursor;
import dev.parley.api.http.Problem;
import dev.parley.api.http.Requests;
import dev.parley.api.http.Resource;
import dev.parley.api.message.MessageStore;
import dev.parley.api.user.Users;
import dev.parley.pipeline.live.Runs;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/** {@code GET /api/events}: a chat's live events over SSE. Each open stream is one virtual thread. */
public final class EventsService implements HttpService {
    private static final System.Logger LOG = System.getLogger(EventsService.class.getName());
    /** What a page shows at once; older messages come by their cursor. */
    private static final int MESSAGES = 100;
    /** Proxies close what is silent; DESIGN.md asks for a sign of life this often. */
    public static final Duration QUIET = Duration.ofSeconds(15);

    private final Users users;
    private final MessageStore messages;
    private final EventHub hub;
    private final Runs runs;

    private final Duration quiet;

    /** @param quiet after so long without an event a comment shows that the connection lives */
    public EventsService(Users users, MessageStore messages, EventHub hub, Runs runs, Duration quiet) {
        this.users = users;
        this.messages = messages;
        this.hub = hub;
        this.runs = runs;
        this.quiet = quiet;
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/events", rules).get("", this::stream).seal();
    }

    private void stream(ServerRequest request, ServerResponse response) throws InterruptedException {
        UUID user = users.of(request);
        UUID chat = Requests.uuid(
                "chat",
                Requests.query(request, "chat")
                        .orElseThrow(() -> Problem.invalid("chat", "\"chat\" must name the chat to watch.")));
        Optional<EventId> resume =
                request.headers().first(HeaderNames.create("Last-Event-ID")).flatMap(EventId::parse);
        Viewer viewer = hub.watch(chat)
                .orElseThrow(() -> Problem.of(
                        503, "too-many-viewers", "Too many open streams", "Poll the messages, or try again later."));
        try {
            // Only after the hub listens, so that nothing falls between the snapshot and the first event.
            EventStream.Stored first = stored(user, chat).orElseThrow(() -> Problem.notFound("chat"));
            SseWriter writer = new SseWriter(response);
            try {
                new EventStream(viewer, hub, runs, () -> stored(user, chat), writer, quiet).run(first, resume);
            } catch (UncheckedIOException e) {
                LOG.log(Level.DEBUG, "a reader has left");
            } finally {
                writer.close();
            }
        } finally {
            hub.leave(viewer);
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
