package dev.parley.api.search;

import dev.parley.api.http.Bodies;
import dev.parley.api.http.Cursor;
import dev.parley.api.http.Fields;
import dev.parley.api.http.Page;
import dev.parley.api.http.Requests;
import dev.parley.api.http.Resource;
import dev.parley.api.search.SearchStore.Hit;
import dev.parley.api.user.Users;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.util.List;
import java.util.UUID;

/** {@code GET /api/search}. */
public final class SearchService implements HttpService {
    private static final int MAX_QUERY = 500;

    private final Users users;
    private final SearchStore store;

    public SearchService(Users users, SearchStore store) {
        this.users = users;
        this.store = store;
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/search", rules).get("", this::search).seal();
    }

    private void search(ServerRequest request, ServerResponse response) {
        UUID user = users.of(request);
        String text = Fields.text("q", Fields.required("q", Requests.query(request, "q")), MAX_QUERY);
        int limit = Requests.limit(request);
        int offset = Requests.cursor(request, 1).map(cursor -> cursor.offset(0)).orElse(0);
        List<Hit> hits = SearchQuery.of(text)
                .map(query -> store.search(user, query, offset, limit + 1))
                .orElse(List.of());
        Bodies.send(response, Page.of(hits, limit, last -> Cursor.of(offset + limit)));
    }
}
