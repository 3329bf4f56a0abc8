package dev.parley.api.http;

import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** {@code /api/openapi.yaml}: the contract, as the tests check it. */
public final class OpenApiService implements HttpService {
    private final byte[] document;

    public OpenApiService() {
        try (InputStream in = OpenApiService.class.getResourceAsStream("/dev/parley/api/openapi.yaml")) {
            this.document = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void routing(HttpRules rules) {
        Resource.at("/api/openapi.yaml", rules)
                .get("", (request, response) -> response.header("Content-Type", "application/yaml")
                        .send(document))
                .seal();
    }
}
