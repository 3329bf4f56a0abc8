package dev.parley.dev.gemini;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A generateContent request, checked as the real API checks it.
 *
 * @param prompt the text of the last part of the last user turn: what is asked, where the parts before it were left without an
 *     answer
 * @param turn how many user turns there are
 * @param promptTokens the size of everything sent
 * @param maxOutputTokens generationConfig's bound
 */
record GenerateRequest(String prompt, int turn, int promptTokens, OptionalInt maxOutputTokens) {
    private static final Set<String> FIELDS = Set.of(
            "model",
            "contents",
            "systemInstruction",
            "system_instruction",
            "tools",
            "toolConfig",
            "tool_config",
            "safetySettings",
            "safety_settings",
            "generationConfig",
            "generation_config",
            "cachedContent",
            "cached_content",
            "serviceTier",
            "store",
            "labels");
    private static final Set<String> PARTS = Set.of(
            "text",
            "inlineData",
            "inline_data",
            "fileData",
            "file_data",
            "functionCall",
            "function_call",
            "functionResponse",
            "function_response",
            "executableCode",
            "executable_code",
            "codeExecutionResult",
            "code_execution_result");
    private static final int INPUT_LIMIT = 1_048_576;

    /** @throws ApiError.Refusal with a 400 that names the field */
    static GenerateRequest read(byte[] body, ObjectMapper mapper) {
        JsonNode request = json(body, mapper);
        known(request, FIELDS, "");
        return read(request, "GenerateContentRequest");
    }

    /** A countTokens request holds contents of its own, or a whole generateContentRequest. */
    static GenerateRequest readCount(byte[] body, ObjectMapper mapper) {
        JsonNode request = json(body, mapper);
        known(request, Set.of("contents", "generateContentRequest", "generate_content_request", "model"), "");
        JsonNode inner = either(request, "generateContentRequest", "generate_content_request");
        return inner.isObject() ? read(inner, "GenerateContentRequest") : read(request, "CountTokensRequest");
    }

    private static JsonNode json(byte[] body, ObjectMapper mapper) {
        try {
            JsonNode request = mapper.readTree(body);
            if (request == null || request.isMissingNode()) {
                return mapper.createObjectNode();
            }
            if (!request.isObject()) {
                throw ApiError.invalid("", "Invalid JSON payload received. Root element must be a message.")
                        .refusal();
            }
            return request;
        } catch (JsonProcessingException e) {
            throw ApiError.invalid(
                            "",
                            "Invalid JSON payload received. "
                                    + e.getOriginalMessage().lines().findFirst().orElse(""))
                    .refusal();
        } catch (IOException e) {
            throw new IllegalStateException("reading from memory cannot fail", e);
        }
    }

    private static GenerateRequest read(JsonNode request, String message) {
        JsonNode contents = request.path("contents");
        if (contents.isMissingNode() || contents.isNull() || contents.isArray() && contents.isEmpty()) {
            throw missing("contents", "* " + message + ".contents: contents is not specified\n");
        }
        if (!contents.isArray()) {
            throw wrong("contents", "type.googleapis.com/google.ai.generativelanguage.v1beta.Content", contents);
        }
        long characters = 0;
        String prompt = "";
        int turn = 0;
        for (int i = 0; i < contents.size(); i++) {
            JsonNode content = contents.get(i);
            String at = "contents[" + i + "]";
            List<String> texts = texts(content, at, message);
            characters += length(texts);
            JsonNode role = content.path("role");
            if (!role.isMissingNode() && !role.isTextual()) {
                throw wrong(at + ".role", "TYPE_STRING", role);
            }
            String said = role.asText("");
            if (said.isEmpty() || said.equals("user")) {
                prompt = texts.getLast();
                turn++;
            } else if (!said.equals("model") && !said.equals("function")) {
                throw missing(at + ".role", "Please use a valid role: user, model.");
            }
        }
        JsonNode system = either(request, "systemInstruction", "system_instruction");
        if (!system.isMissingNode()) {
            characters += length(texts(system, "systemInstruction", message));
        }
        int tokens = (int) Math.max(1, (characters + 3) / 4);
        if (tokens > INPUT_LIMIT) {
            throw ApiError.invalid("The input token count (" + tokens
                            + ") exceeds the maximum number of tokens allowed (" + INPUT_LIMIT + ").")
                    .refusal();
        }
        return new GenerateRequest(
                prompt, turn, tokens, config(either(request, "generationConfig", "generation_config")));
    }

    private static OptionalInt config(JsonNode config) {
        if (config.isMissingNode()) {
            return OptionalInt.empty();
        }
        if (!config.isObject()) {
            throw wrong("generation_config", "message", config);
        }
        JsonNode temperature = config.path("temperature");
        if (!temperature.isMissingNode() && !temperature.isNumber()) {
            throw wrong("generation_config.temperature", "TYPE_FLOAT", temperature);
        }
        if (temperature.asDouble() < 0 || temperature.asDouble() > 2) {
            throw missing(
                    "generation_config.temperature",
                    "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0,"
                            + " 2.0].\n");
        }
        if (either(config, "candidateCount", "candidate_count").asInt(1) != 1) {
            throw missing(
                    "generation_config.candidate_count", "Only one candidate can be specified in the current model");
        }
        JsonNode most = either(config, "maxOutputTokens", "max_output_tokens");
        if (most.isMissingNode() || most.isNull()) {
            return OptionalInt.empty();
        }
        if (!most.isIntegralNumber()) {
            throw wrong("generation_config.max_output_tokens", "TYPE_INT32", most);
        }
        if (most.asInt() < 1) {
            throw missing(
                    "generation_config.max_output_tokens",
                    "* GenerateContentRequest.generation_config.max_output_tokens: max_output_tokens must be positive.\n");
        }
        return OptionalInt.of(most.asInt());
    }

    private static long length(List<String> texts) {
        return texts.stream().mapToLong(String::length).sum();
    }

    /** Of each part, never none. */
    private static List<String> texts(JsonNode content, String at, String message) {
        if (!content.isObject()) {
            throw wrong(at, "type.googleapis.com/google.ai.generativelanguage.v1beta.Content", content);
        }
        known(content, Set.of("role", "parts"), at);
        JsonNode parts = content.path("parts");
        if (parts.isObject()) {
            // Where a list is due the real API takes a single message, too.
            return List.of(part(parts, at + ".parts[0]", message));
        }
        if (!parts.isArray() || parts.isEmpty()) {
            throw missing(at + ".parts", "* " + message + "." + at + ".parts: contents.parts must not be empty.\n");
        }
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            texts.add(part(parts.get(i), at + ".parts[" + i + "]", message));
        }
        return texts;
    }

    private static String part(JsonNode part, String at, String message) {
        if (!part.isObject()) {
            throw wrong(at, "type.googleapis.com/google.ai.generativelanguage.v1beta.Part", part);
        }
        if (PARTS.stream().noneMatch(part::has)) {
            throw missing(
                    at + ".data",
                    "* " + message + "." + at + ".data: required oneof field 'data' must have one initialized field\n");
        }
        JsonNode text = part.path("text");
        if (!text.isMissingNode() && !text.isTextual()) {
            throw wrong(at + ".text", "TYPE_STRING", text);
        }
        return text.asText("");
    }

    private static JsonNode either(JsonNode node, String camel, String snake) {
        return node.has(camel) ? node.path(camel) : node.path(snake);
    }

    private static void known(JsonNode node, Set<String> names, String at) {
        for (Iterator<Map.Entry<String, JsonNode>> it = node.properties().iterator(); it.hasNext(); ) {
            String name = it.next().getKey();
            if (!names.contains(name)) {
                throw ApiError.invalid(
                                at,
                                "Invalid JSON payload received. Unknown name \"" + name + "\""
                                        + (at.isEmpty() ? "" : " at '" + at + "'") + ": Cannot find field.")
                        .refusal();
            }
        }
    }

    private static ApiError.Refusal missing(String field, String message) {
        return ApiError.invalid(field, message).refusal();
    }

    private static ApiError.Refusal wrong(String field, String type, JsonNode value) {
        String shown = value.isContainerNode() ? "" : ", " + value;
        return ApiError.invalid(field, "Invalid value at '" + field + "' (" + type + ")" + shown)
                .refusal();
    }
}
