package dev.parley.api.support;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The OpenAPI file as a judge: a response that it does not declare, or of another shape, fails the test. */
public final class Contract {
    private static final String IRI = "https://parley.invalid/openapi";

    private final JsonNode document;
    private final SchemaRegistry registry;

    public Contract() {
        try (InputStream in = Contract.class.getResourceAsStream("/dev/parley/api/openapi.yaml")) {
            document = new YAMLMapper().readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String json = document.toString();
        registry = SchemaRegistry.withDefaultDialect(
                SpecificationVersion.DRAFT_2020_12, builder -> builder.schemas(Map.of(IRI, json))
                        .schemaRegistryConfig(SchemaRegistryConfig.builder()
                                .formatAssertionsEnabled(true)
                                .build()));
    }

    /** Checks status, content type, headers and body. */
    public void check(String method, String path, HttpResponse<byte[]> response) {
        String what = method + " " + path + " → " + response.statusCode();
        String body = new String(response.body(), StandardCharsets.UTF_8);
        assertThat(response.headers().firstValue("X-Request-Id")).as(what).isPresent();
        assertThat(response.headers().firstValue("X-Content-Type-Options"))
                .as(what)
                .contains("nosniff");
        Optional<String> pointer = operation(method, path);
        if (pointer.isEmpty()) {
            assertThat(response.statusCode())
                    .as(what + " is not in the contract")
                    .isIn(404, 405, 204);
            if (response.statusCode() != 204) {
                validate("/components/schemas/Problem", body, what);
            }
            return;
        }
        String responses = pointer.get() + "/responses";
        String status = document.at(responses + "/" + response.statusCode()) instanceof MissingNode
                ? "default"
                : String.valueOf(response.statusCode());
        String declared = resolved(responses + "/" + status);
        assertThat(document.at(declared).isMissingNode())
                .as(what + " is not declared")
                .isFalse();
        if (status.equals("default")) {
            assertThat(response.statusCode()).as(what).isGreaterThanOrEqualTo(400);
        }
        document.at(declared + "/headers").fieldNames().forEachRemaining(header -> assertThat(
                        response.headers().firstValue(header))
                .as(what + " has " + header)
                .isPresent());
        JsonNode content = document.at(declared + "/content");
        if (content.isMissingNode()) {
            assertThat(body).as(what + " has no body").isEmpty();
            return;
        }
        String type = response.headers().firstValue("Content-Type").orElse("none");
        assertThat(content.has(type)).as(what + " has the content type " + type).isTrue();
        if (type.endsWith("json")) {
            validate(declared + "/content/" + type.replace("/", "~1") + "/schema", body, what + ": " + body);
        }
    }

    /** Checks an event's data against a schema of the components. */
    public void checkSchema(String name, String json) {
        validate("/components/schemas/" + name, json, name + ": " + json);
    }

    private void validate(String pointer, String json, String what) {
        assertThat(registry.getSchema(SchemaLocation.of(IRI + "#" + pointer)).validate(json, InputFormat.JSON))
                .as(what)
                .isEmpty();
    }

    private Optional<String> operation(String method, String path) {
        String plain = path.replaceFirst("\\?.*", "");
        for (Map.Entry<String, JsonNode> template : document.get("paths").properties()) {
            boolean same = plain.matches(template.getKey().replaceAll("\\{[^}]+}", "[^/]+"));
            String verb = method.toLowerCase(Locale.ROOT);
            if (same && template.getValue().has(verb)) {
                return Optional.of("/paths/" + template.getKey().replace("/", "~1") + "/" + verb);
            }
        }
        return Optional.empty();
    }

    private String resolved(String pointer) {
        JsonNode reference = document.at(pointer + "/$ref");
        return reference.isMissingNode() ? pointer : reference.textValue().substring(1);
    }
}
