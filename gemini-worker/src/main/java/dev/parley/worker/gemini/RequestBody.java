package dev.parley.worker.gemini;

import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import dev.parley.pipeline.message.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The body of a generate call, as https://ai.google.dev/api/generate-content describes it. */
record RequestBody(
        List<Content> contents, Optional<Content> systemInstruction, Optional<GenerationConfig> generationConfig) {

    record Content(Optional<String> role, List<Part> parts) {}

    record Part(String text) {}

    record GenerationConfig(Optional<Double> temperature, Optional<Integer> maxOutputTokens) {}

    static RequestBody of(GenerationRequest request) {
        var sampling = request.sampling();
        boolean chosen =
                sampling.temperature().isPresent() || sampling.maxOutputTokens().isPresent();
        return new RequestBody(
                contents(request.turns()),
                request.systemInstruction()
                        .filter(text -> !text.isBlank())
                        .map(text -> new Content(Optional.empty(), List.of(part(text)))),
                chosen
                        ? Optional.of(new GenerationConfig(sampling.temperature(), sampling.maxOutputTokens()))
                        : Optional.empty());
    }

    byte[] bytes() {
        return Json.bytes(this);
    }

    /**
     * Turns of one role in a row, which edits and cancelled answers leave behind, become parts of one content, because
     * some models insist on alternation; a turn without text is left out, because an empty part is refused.
     */
    private static List<Content> contents(List<Turn> turns) {
        List<Content> contents = new ArrayList<>();
        Role last = null;
        for (Turn turn : turns) {
            if (turn.text().isBlank()) {
                continue;
            }
            if (turn.role() != last) {
                last = turn.role();
                contents.add(new Content(Optional.of(last == Role.USER ? "user" : "model"), new ArrayList<>()));
            }
            contents.getLast().parts().add(part(turn.text()));
        }
        return contents;
    }

    private static Part part(String text) {
        // Half a surrogate pair cannot be written as UTF-8.
        WholeCodePoints clean = new WholeCodePoints();
        return new Part(clean.add(text) + clean.end());
    }
}
