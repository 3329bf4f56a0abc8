package dev.parley.api.live;

import dev.parley.api.http.Problem;
import dev.parley.api.http.Requests;
import dev.parley.api.http.Resource;
import dev.parley.api.http.SendGuard;
import dev.parley.api.user.Users;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.util.Optional;
import java.util.UUID;

/** {@code GET /api/events}: a chat's live events over SSE. Each open stream is one virtual thread. */
public final class EventsService implements HttpService {
    private final Users users;
    private final ChatStreams streams;
    private final SendGuard guard;

    public EventsService(Users users, ChatStreams streams, SendGuard guard) {
        this.users = users;
        this.streams = streams;
        this.guard = guard;
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
        try (ChatStreams.Open open = streams.open(user, chat);
                SseWriter writer = new SseWriter(response, guard)) {
            open.run(writer, resume);
        }
    }
}
