package dev.parley.api.prompt;

import dev.parley.api.http.Bodies;
import dev.parley.api.http.Problem;
import dev.parley.api.http.Requests;
import dev.parley.api.http.Resource;
import dev.parley.api.user.Users;
import io.helidon.http.Status;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.util.UUID;

/** {@code /api/prompts}. */
public final class PromptService implements HttpService {
    private final Users users;
    private final PromptStore prompts;

    public PromptService(Users users, PromptStore prompts) {
        this.users = users;
        this.prompts = prompts;
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/prompts", rules)
                .get("", this::list)
                .post("", this::create)
                .get("/{promptId}", this::find)
                .put("/{promptId}", this::replace)
                .delete("/{promptId}", this::delete)
                .seal();
    }

    private void list(ServerRequest request, ServerResponse response) {
        Bodies.send(
                response,
                prompts.list(
                        users.of(request),
                        Requests.cursor(request, PromptStore.CURSOR_PARTS),
                        Requests.limit(request)));
    }

    private void create(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        PromptTemplate template =
                prompts.create(user, Bodies.read(request, PromptInput.class).checked());
        response.status(Status.CREATED_201).header("Location", "/api/prompts/" + template.id());
        Bodies.send(response, template);
    }

    private void find(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        Bodies.send(
                response,
                prompts.find(user, Requests.pathId(request, "promptId")).orElseThrow(PromptService::absent));
    }

    private void replace(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        UUID id = Requests.pathId(request, "promptId");
        PromptInput.Checked input = Bodies.read(request, PromptInput.class).checked();
        Bodies.send(response, prompts.replace(user, id, input).orElseThrow(PromptService::absent));
    }

    private void delete(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        if (!prompts.delete(user, Requests.pathId(request, "promptId"))) {
            throw absent();
        }
        response.status(Status.NO_CONTENT_204).send();
    }

    private static Problem absent() {
        return Problem.notFound("prompt template");
    }
}
