package dev.parley.api;

import dev.parley.api.chat.ChatService;
import dev.parley.api.chat.ChatStore;
import dev.parley.api.event.ChatEvents;
import dev.parley.api.health.HealthService;
import dev.parley.api.http.Edge;
import dev.parley.api.http.OpenApiService;
import dev.parley.api.http.SendGuard;
import dev.parley.api.id.Ids;
import dev.parley.api.message.MessageService;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.Runs;
import dev.parley.api.model.ModelService;
import dev.parley.api.model.Models;
import dev.parley.api.outbox.Outbox;
import dev.parley.api.prompt.PromptService;
import dev.parley.api.prompt.PromptStore;
import dev.parley.api.search.SearchService;
import dev.parley.api.search.SearchStore;
import dev.parley.api.transfer.TransferService;
import dev.parley.api.transfer.TransferStore;
import dev.parley.api.ui.UiService;
import dev.parley.api.user.Users;
import dev.parley.pipeline.runtime.Meters;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.HttpService;

/** The routes of the API: the seam between a server and what it serves, the same in a process and in a test. */
public final class ApiRouting {
    /**
     * What the routes stand on.
     *
     * @param outbox told after a commit of what was put into it
     * @param live the routes of live events
     * @param admin the routes for operators
     */
    public record Parts(
            Users users,
            ChatStore chats,
            MessageStore messages,
            PromptStore prompts,
            SearchStore search,
            TransferStore transfers,
            Runs runs,
            ChatEvents events,
            Outbox outbox,
            HealthService health,
            HttpService live,
            HttpService admin,
            SendGuard guard,
            Ids ids,
            Meters meters) {}

    private ApiRouting() {}

    public static void routing(HttpRouting.Builder routing, ApiSettings settings, Parts parts) {
        Models models = new Models(settings.models(), settings.fakeModel());
        Edge.around(routing, parts.ids(), parts.meters(), settings.corsOrigins());
        // A request goes along all routes until one takes it, so those of messages come first.
        routing.register(new MessageService(
                        parts.users(),
                        parts.messages(),
                        parts.prompts(),
                        models,
                        parts.runs(),
                        parts.events(),
                        parts.outbox(),
                        settings.maxMessageCharacters()))
                .register(parts.health())
                .register(new OpenApiService())
                .register(new ModelService(models))
                // Before the chats, whose ids its path would be taken for.
                .register(
                        new TransferService(parts.users(), parts.transfers(), parts.messages(), models, parts.guard()))
                .register(new ChatService(parts.users(), parts.chats(), models, parts.runs(), parts.events()))
                .register(new PromptService(parts.users(), parts.prompts()))
                .register(new SearchService(parts.users(), parts.search()))
                .register(parts.live())
                .register(parts.admin());
        // Last: what no route of the API takes is the page's.
        settings.uiFolder().ifPresent(folder -> routing.register(new UiService(folder)));
    }
}
