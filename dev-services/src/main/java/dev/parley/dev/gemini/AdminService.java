package dev.parley.dev.gemini;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.util.Optional;

/** {@code /admin}: tells the fake what to do to everyone, and what has been done to it. */
final class AdminService implements HttpService {
    private final FakeGemini gemini;
    private final Ledger ledger;
    private final ObjectMapper json;

    AdminService(FakeGemini gemini, Ledger ledger, ObjectMapper json) {
        this.gemini = gemini;
        this.ledger = ledger;
        this.json = json;
    }

    @Override
    public void routing(HttpRules rules) {
        rules.post("/behaviour", this::behave)
                .get("/behaviour", (_, response) -> sendRules(response))
                .delete("/behaviour", (_, response) -> {
                    gemini.clearBehaviour();
                    sendRules(response);
                })
                .post("/release", this::release)
                .get("/report", (_, response) -> Generation.send(response, json.valueToTree(gemini.report()), json))
                .post("/reset", (_, response) -> {
                    gemini.reset();
                    Generation.send(response, json.createObjectNode(), json);
                });
    }

    private void behave(ServerRequest request, ServerResponse response) {
        ObjectNode fields = object(request);
        JsonNode key = fields.remove("key");
        try {
            if (key != null && !key.isTextual()) {
                throw new InvalidBehaviour("key", "must be a string");
            }
            ledger.rule(Optional.ofNullable(key).map(JsonNode::asText), Behaviour.ofJson(fields));
        } catch (InvalidBehaviour e) {
            throw ApiError.invalid(e.field(), e.getMessage()).refusal();
        }
        sendRules(response);
    }

    private void release(ServerRequest request, ServerResponse response) {
        JsonNode gate = object(request).path("gate");
        if (!gate.isTextual()) {
            throw ApiError.invalid("gate", "gate: the name of a gate is needed").refusal();
        }
        gemini.release(gate.asText());
        Generation.send(response, json.createObjectNode(), json);
    }

    private void sendRules(ServerResponse response) {
        ObjectNode body = json.createObjectNode();
        body.set("rules", json.valueToTree(ledger.rules()));
        Generation.send(response, body, json);
    }

    private ObjectNode object(ServerRequest request) {
        try {
            byte[] body = request.content().hasEntity() ? request.content().as(byte[].class) : new byte[0];
            if (json.readTree(body) instanceof ObjectNode object) {
                return object;
            }
            throw ApiError.invalid("", "A JSON object is needed").refusal();
        } catch (JsonProcessingException e) {
            throw ApiError.invalid("", "Not JSON: " + e.getOriginalMessage()).refusal();
        } catch (IOException e) {
            throw new IllegalStateException("reading from memory cannot fail", e);
        }
    }
}
