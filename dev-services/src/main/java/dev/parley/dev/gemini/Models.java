package dev.parley.dev.gemini;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** The models that the fake claims to have, listed in pages as the real API does. */
record Models(List<String> names) {
    private static final int USUAL_PAGE = 50;
    private static final int LARGEST_PAGE = 1_000;

    boolean has(String name) {
        return names.contains(name);
    }

    ObjectNode model(String name) {
        ObjectNode model = JsonNodeFactory.instance.objectNode();
        String[] words = name.split("-");
        var shown = new StringBuilder();
        for (String word : words) {
            shown.append(shown.isEmpty() ? "" : " ")
                    .append(Character.toUpperCase(word.charAt(0)))
                    .append(word.substring(1));
        }
        model.put("name", "models/" + name)
                .put("version", "001")
                .put("displayName", shown.toString())
                .put("description", "A model of the fake Gemini, for tests and for trying Parley out.")
                .put("inputTokenLimit", 1_048_576)
                .put("outputTokenLimit", 65_536);
        model.putArray("supportedGenerationMethods").add("generateContent").add("countTokens");
        return model.put("temperature", 1).put("topP", 0.95).put("topK", 64).put("maxTemperature", 2);
    }

    /** One page; a page token is the position of its first model. */
    ObjectNode page(String pageSize, String pageToken) {
        int size = pageSize.isEmpty() ? USUAL_PAGE : number("page_size", pageSize);
        int from = pageToken.isEmpty() ? 0 : number("page_token", pageToken);
        if (size < 0) {
            throw ApiError.invalid("page_size", "Page size must not be negative.")
                    .refusal();
        }
        if (from < 0 || from > names.size()) {
            throw ApiError.invalid("page_token", "Invalid page token.").refusal();
        }
        int to = Math.min(names.size(), from + Math.min(LARGEST_PAGE, size == 0 ? USUAL_PAGE : size));
        ObjectNode page = JsonNodeFactory.instance.objectNode();
        var list = page.putArray("models");
        names.subList(from, to).forEach(name -> list.add(model(name)));
        if (to < names.size()) {
            page.put("nextPageToken", Integer.toString(to));
        }
        return page;
    }

    private static int number(String field, String value) {
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw ApiError.invalid(field, "Invalid value at '" + field + "' (TYPE_INT32), \"" + value + "\"")
                    .refusal();
        }
    }
}
