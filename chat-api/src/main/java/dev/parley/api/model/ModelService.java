package dev.parley.api.model;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.parley.api.http.Bodies;
import dev.parley.api.http.Resource;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import java.util.List;

/** {@code /api/models}. */
public final class ModelService implements HttpService {
    private record Item(
            String id, String name, @JsonProperty("default") boolean standard) {}

    private record Listing(List<Item> items, boolean fake) {}

    private final Listing listing;

    public ModelService(Models models) {
        this.listing = new Listing(
                models.ids().stream()
                        .map(id -> new Item(id, id, id.equals(models.standard())))
                        .toList(),
                models.fake());
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/models", rules)
                .get("", (request, response) -> Bodies.send(response, listing))
                .seal();
    }
}
