package dev.parley.api.admin;

import dev.parley.api.admin.DeadLetters.Counts;
import dev.parley.api.admin.DeadLetters.Listed;
import dev.parley.api.health.CheckResult.Worker;
import dev.parley.api.health.WorkersHeard;
import dev.parley.api.http.Bodies;
import dev.parley.api.http.Cursor;
import dev.parley.api.http.Problem;
import dev.parley.api.http.Requests;
import dev.parley.api.http.Resource;
import dev.parley.api.user.Users;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.lang.System.Logger.Level;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** {@code /api/admin}: what operators see and do. Every route asks for an operator first. */
public final class AdminService implements HttpService {
    private static final System.Logger LOG = System.getLogger(AdminService.class.getName());

    private final Users users;
    private final DeadLetters letters;
    private final WorkersHeard workers;
    private final Clock clock;

    public AdminService(Users users, DeadLetters letters, WorkersHeard workers, Clock clock) {
        this.users = users;
        this.letters = letters;
        this.workers = workers;
        this.clock = clock;
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/admin", rules)
                .get("/dead-letters", forOperators(this::list))
                .delete(
                        "/dead-letters",
                        forOperators((request, response, operator) -> drop(response, Optional.empty())))
                .post(
                        "/dead-letters/redrive",
                        forOperators((request, response, operator) -> redrive(request, response, Optional.empty())))
                .get("/dead-letters/{letterId}", forOperators(this::find))
                .delete(
                        "/dead-letters/{letterId}",
                        forOperators((request, response, operator) -> drop(response, Optional.of(id(request)))))
                .post(
                        "/dead-letters/{letterId}/redrive",
                        forOperators(
                                (request, response, operator) -> redrive(request, response, Optional.of(id(request)))))
                .get("/keys", forOperators(this::keys))
                .get("/workers", forOperators(this::workers))
                .seal();
    }

    private interface OperatorHandler {
        void handle(ServerRequest request, ServerResponse response, UUID operator);
    }

    private Handler forOperators(OperatorHandler handler) {
        return (request, response) -> {
            UUID operator = users.operator(request);
            response.header("Cache-Control", "no-store");
            handler.handle(request, response, operator);
        };
    }

    private record LetterPage(List<DeadLetter> items, Optional<String> next, long total) {}

    private void list(ServerRequest request, ServerResponse response, UUID operator) {
        int offset = Requests.cursor(request, 1).map(cursor -> cursor.offset(0)).orElse(0);
        int limit = Requests.limit(request);
        Listed listed = letters.list(offset, limit);
        boolean more = listed.letters().size() == limit && offset + limit < listed.total();
        Bodies.send(
                response,
                new LetterPage(
                        listed.letters(),
                        more ? Optional.of(Cursor.of(offset + limit).encoded()) : Optional.empty(),
                        listed.total()));
    }

    private static String id(ServerRequest request) {
        return request.path().pathParameters().get("letterId");
    }

    private void find(ServerRequest request, ServerResponse response, UUID operator) {
        Bodies.send(response, letters.find(id(request), operator).orElseThrow(AdminService::absent));
    }

    private void redrive(ServerRequest request, ServerResponse response, Optional<String> id) {
        Counts counts = letters.redrive(id, Requests.id(request)).orElseThrow(AdminService::absent);
        LOG.log(Level.INFO, "an operator has redriven dead letters: {0}", counts);
        Bodies.send(response, counts);
    }

    private void drop(ServerResponse response, Optional<String> id) {
        Counts counts = letters.drop(id).orElseThrow(AdminService::absent);
        LOG.log(Level.INFO, "an operator has dropped dead letters: {0}", counts);
        Bodies.send(response, counts);
    }

    private void keys(ServerRequest request, ServerResponse response, UUID operator) {
        Bodies.send(response, KeyStates.of(workers.beats(), clock.instant()));
    }

    private record WorkerList(List<Worker> items) {}

    private void workers(ServerRequest request, ServerResponse response, UUID operator) {
        Bodies.send(response, new WorkerList(workers.workers()));
    }

    private static Problem absent() {
        return Problem.notFound("dead letter");
    }
}
