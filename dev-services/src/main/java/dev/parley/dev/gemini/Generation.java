package dev.parley.dev.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.parley.dev.gemini.Fault.Where;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** One call to generateContent or streamGenerateContent: it answers, or misbehaves, as its behaviour says. Used by one thread. */
final class Generation {
    /** How the answer travels: one JSON object, server-sent events, or a JSON array that grows. */
    enum Form {
        WHOLE,
        EVENTS,
        ARRAY
    }

    private static final int USUAL_LIMIT = 10;

    private final ServerRequest request;
    private final ServerResponse response;
    private final Form form;
    private final String model;
    private final GenerateRequest asked;
    private final Behaviour behaviour;
    private final Answer answer;
    private final Tools tools;
    private boolean ended;

    /** What all calls share. */
    record Tools(ObjectMapper json, Ledger ledger, Waits waits, Connections connections, int limit) {
        Tools {
            limit = limit > 0 ? limit : USUAL_LIMIT;
        }
    }

    private record Answer(String text, boolean whole, List<String> chunks, String id) {}

    Generation(
            ServerRequest request,
            ServerResponse response,
            Form form,
            String model,
            GenerateRequest asked,
            Behaviour behaviour,
            String id,
            Tools tools) {
        this.request = request;
        this.response = response;
        this.form = form;
        this.model = model;
        this.asked = asked;
        this.behaviour = behaviour;
        this.tools = tools;
        String text = behaviour.fault().filter(Fault.Empty.class::isInstance).isPresent()
                ? ""
                : Answers.text(asked.prompt(), asked.turn(), behaviour);
        String kept = asked.maxOutputTokens().isPresent()
                ? Answers.clip(text, 4L * asked.maxOutputTokens().getAsInt())
                : text;
        this.answer = new Answer(kept, kept.length() == text.length(), Answers.chunks(kept, behaviour), id);
    }

    /** Runs the call to its end. */
    void run() {
        try {
            tools.waits().pause(behaviour.first().orElse(Duration.ZERO));
            if (behaviour.gate().isPresent() && (form == Form.WHOLE || at() == 0)) {
                tools.waits().gate(behaviour.gate().get());
            }
            if (!refused()) {
                if (form == Form.WHOLE) {
                    whole();
                } else {
                    stream();
                }
            }
        } catch (CloseConnectionException e) {
            end("gone", false);
            throw e;
        } catch (IOException | RuntimeException e) {
            end("gone", false);
            throw new CloseConnectionException("The client went away in mid-answer", e);
        }
    }

    /** Faults that leave nothing of the answer. */
    private boolean refused() {
        switch (behaviour.fault().orElse(null)) {
            case Fault.Status fault -> error(ApiError.of(fault, model, tools.limit()));
            case Fault.StreamError fault
            when form == Form.WHOLE -> error(ApiError.of(fault.error(), model, tools.limit()));
            case Fault.Reset reset when reset.where() == Where.BEFORE -> reset();
            case Fault.Hang hang when hang.where() == Where.BEFORE -> hang();
            case Fault.Blocked blocked -> blocked(blocked.reason());
            case null, default -> {
                return false;
            }
        }
        return true;
    }

    private void error(ApiError error) {
        end(Integer.toString(error.code()), false);
        send(response, error, form, tools.json());
    }

    static void send(ServerResponse response, ApiError error, Form form, ObjectMapper json) {
        JsonNode body =
                form == Form.ARRAY ? JsonNodeFactory.instance.arrayNode().add(error.body()) : error.body();
        response.status(error.code());
        send(response, body, json);
    }

    static void send(ServerResponse response, JsonNode body, ObjectMapper json) {
        response.header(HeaderNames.CONTENT_TYPE, "application/json; charset=UTF-8");
        response.send(bytes(body.toPrettyString()));
    }

    private void blocked(String reason) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        body.putObject("promptFeedback").put("blockReason", reason);
        usage(body, 0);
        named(body);
        end("200", false);
        if (form == Form.WHOLE) {
            send(response, body, tools.json());
            return;
        }
        try (OutputStream out = open()) {
            write(out, body, true);
            finish(out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void whole() throws IOException {
        String finish = answer.whole() ? "STOP" : "MAX_TOKENS";
        String text = answer.text();
        switch (behaviour.fault().orElse(null)) {
            case Fault.Finish fault -> {
                finish = fault.reason();
                text = String.join("", answer.chunks().subList(0, strikeAt()));
            }
            case Fault.Cut cut when cut.clean() -> finish = "";
            case Fault.LongLine line -> text = "x".repeat(line.characters());
            case null, default -> {}
        }
        byte[] body = bytes(body(text, finish, Answers.tokens(text)).toPrettyString());
        switch (behaviour.fault().orElse(null)) {
            case Fault.Reset fault -> half(body, fault);
            case Fault.Hang fault -> half(body, fault);
            case Fault.Cut fault when !fault.clean() -> half(body, fault);
            case Fault.Cut _ -> {
                end("cut", false);
                sendWhole(body);
            }
            case Fault.Malformed _ -> {
                end("malformed", false);
                sendWhole(Arrays.copyOf(body, body.length / 2));
            }
            case null, default -> {
                end("200", true);
                sendWhole(body);
            }
        }
    }

    private void sendWhole(byte[] body) {
        response.header(HeaderNames.CONTENT_TYPE, "application/json; charset=UTF-8");
        response.send(body);
    }

    /** A response that announces its whole length, of which only one half arrives. */
    private void half(byte[] body, Fault fault) throws IOException {
        response.header(HeaderNames.CONTENT_TYPE, "application/json; charset=UTF-8");
        response.contentLength(body.length);
        OutputStream out = response.outputStream();
        out.write(body, 0, body.length / 2);
        out.flush();
        breakOff(fault);
    }

    private void stream() throws IOException {
        List<String> chunks = answer.chunks();
        int strike = strikeAt();
        boolean holds = behaviour.gate().isPresent() && at() > 0;
        boolean strikes = holds || behaviour.fault().isPresent();
        // Whatever happens after the last chunk of text must find the stream without its finish reason.
        boolean apart = strikes && strike >= chunks.size();
        String finish = answer.whole() ? "STOP" : "MAX_TOKENS";
        OutputStream out = open();
        int tokens = 0;
        for (int i = 0; i <= chunks.size(); i++) {
            if (i == strike && strikes) {
                if (holds) {
                    tools.waits().gate(behaviour.gate().orElseThrow());
                }
                if (behaviour.fault().isPresent() && strike(out, tokens)) {
                    return;
                }
            }
            if (i == chunks.size()) {
                break;
            }
            if (i > 0) {
                tools.waits().pause(behaviour.chunk().orElse(Duration.ZERO));
            }
            boolean last = i == chunks.size() - 1 && !apart;
            tokens += chunks.get(i).isEmpty() ? 0 : Answers.tokens(chunks.get(i));
            if (last) {
                end("200", true);
            }
            write(out, body(chunks.get(i), last ? finish : "", tokens), i == 0);
        }
        if (apart) {
            end("200", true);
            write(out, body("", finish, tokens), false);
        }
        finish(out);
        out.close();
    }

    /** What goes wrong in the middle of a stream; true when the stream ends with it. */
    private boolean strike(OutputStream out, int tokens) throws IOException {
        switch (behaviour.fault().orElseThrow()) {
            case Fault.Reset _, Fault.Hang _ -> breakOff(behaviour.fault().orElseThrow());
            case Fault.Cut cut -> {
                if (!cut.clean()) {
                    breakOff(cut);
                }
                end("cut", false);
                finish(out);
            }
            case Fault.StreamError fault -> {
                end("stream error", false);
                write(out, ApiError.of(fault.error(), model, tools.limit()).body(), false);
                finish(out);
            }
            case Fault.Finish fault -> {
                end("200", true);
                write(out, body("", fault.reason(), tokens), false);
                finish(out);
            }
            case Fault.Malformed _ -> {
                end("malformed", false);
                raw(out, "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"", false);
                finish(out);
            }
            case Fault.LongLine line -> {
                write(out, body("x".repeat(line.characters()), "", tokens), false);
                return false;
            }
            case Fault.Status _, Fault.Blocked _, Fault.Empty _ -> {
                return false;
            }
        }
        out.close();
        return true;
    }

    /** Ends the connection in the middle of a response; never returns. */
    private void breakOff(Fault fault) {
        switch (fault) {
            case Fault.Reset _ -> reset();
            case Fault.Hang _ -> hang();
            default -> {
                end("cut", false);
                throw new CloseConnectionException("The answer was cut as it was told to");
            }
        }
    }

    private void reset() {
        end("reset", false);
        tools.connections().reset(request.remotePeer().address());
        throw new CloseConnectionException("The connection was reset as it was told to");
    }

    private void hang() {
        end("hang", false);
        tools.waits().hang();
    }

    private int at() {
        return behaviour.at().orElse(Math.max(1, answer.chunks().size() / 2));
    }

    private int strikeAt() {
        return Math.clamp(at(), 1, answer.chunks().size());
    }

    private OutputStream open() {
        response.header(
                HeaderNames.CONTENT_TYPE,
                form == Form.EVENTS ? "text/event-stream" : "application/json; charset=UTF-8");
        response.header(HeaderNames.CACHE_CONTROL, "no-store");
        return response.outputStream();
    }

    private void write(OutputStream out, JsonNode body, boolean first) throws IOException {
        raw(out, form == Form.EVENTS ? body.toString() : body.toPrettyString(), first);
    }

    /** Every chunk is flushed: a stream that arrives in one piece is none. */
    private void raw(OutputStream out, String text, boolean first) throws IOException {
        String framed = form == Form.EVENTS ? "data: " + text + "\r\n\r\n" : (first ? "[" : ",\r\n") + text;
        out.write(bytes(framed));
        out.flush();
    }

    private void finish(OutputStream out) throws IOException {
        if (form == Form.ARRAY) {
            out.write(bytes("\n]\n"));
        }
    }

    private ObjectNode body(String text, String finish, int tokens) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        ObjectNode candidate = body.putArray("candidates").addObject();
        boolean refused = text.isEmpty() && !finish.isEmpty() && !finish.equals("STOP") && !finish.equals("MAX_TOKENS");
        if (!refused) {
            ObjectNode content = candidate.putObject("content");
            content.putArray("parts").addObject().put("text", text);
            content.put("role", "model");
        }
        if (!finish.isEmpty()) {
            candidate.put("finishReason", finish);
        }
        candidate.put("index", 0);
        if (finish.equals("SAFETY")) {
            candidate
                    .putArray("safetyRatings")
                    .addObject()
                    .put("category", "HARM_CATEGORY_DANGEROUS_CONTENT")
                    .put("probability", "HIGH")
                    .put("blocked", true);
        }
        usage(body, tokens);
        return named(body);
    }

    private void usage(ObjectNode body, int tokens) {
        ObjectNode usage = body.putObject("usageMetadata");
        usage.put("promptTokenCount", asked.promptTokens());
        if (tokens > 0) {
            usage.put("candidatesTokenCount", tokens);
        }
        usage.put("totalTokenCount", asked.promptTokens() + tokens);
        usage.putArray("promptTokensDetails")
                .addObject()
                .put("modality", "TEXT")
                .put("tokenCount", asked.promptTokens());
    }

    private ObjectNode named(ObjectNode body) {
        return body.put("modelVersion", model).put("responseId", answer.id());
    }

    /** Only the first word on a call's end counts. */
    private void end(String outcome, boolean completed) {
        if (!ended) {
            ended = true;
            tools.ledger().ended(Optional.of(asked.prompt()), outcome, completed);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
