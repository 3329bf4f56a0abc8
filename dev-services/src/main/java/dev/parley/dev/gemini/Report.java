package dev.parley.dev.gemini;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What happened at the fake since its start or last reset. Only generateContent and streamGenerateContent count; calls with
 * no or an unknown key are in {@code outcomes} alone. An outcome is the HTTP status of a whole response ("200", "429"), or what
 * became of a broken one: "reset", "hang", "cut", "stream error", "malformed", or "gone" when the client left first.
 *
 * @param windowMillis the length of the rolling window of all {@code worst} counts
 * @param forgottenPrompts how many of the oldest prompts are no longer listed, the list being bounded
 * @param held calls that are waiting now, by gate
 */
public record Report(
        long windowMillis,
        List<KeyUse> keys,
        List<ProjectUse> projects,
        List<PromptUse> prompts,
        long forgottenPrompts,
        Map<String, Integer> outcomes,
        Map<String, Integer> held) {

    /**
     * @param key the masked key
     * @param calls all calls that came, those over the quota included
     * @param rejected those of them over the quota
     * @param worst the most calls that came in any window
     */
    public record KeyUse(String key, String project, int calls, int rejected, int worst) {}

    /** The same over all keys of a project. */
    public record ProjectUse(String project, int calls, int rejected, int worst) {}

    /**
     * @param prompt the last user turn, marker included; of a long one the beginning and a hash
     * @param completed answers given to the end, with a finish reason
     */
    public record PromptUse(String prompt, int calls, int completed, Map<String, Integer> outcomes) {}

    /** The use of a key, given in clear. */
    public Optional<KeyUse> key(String apiKey) {
        String masked = Ledger.mask(apiKey);
        return keys.stream().filter(use -> use.key().equals(masked)).findFirst();
    }

    public Optional<ProjectUse> project(String name) {
        return projects.stream().filter(use -> use.project().equals(name)).findFirst();
    }

    /** The use of a prompt, given as the whole text of its last user turn. */
    public Optional<PromptUse> prompt(String text) {
        String known = Ledger.promptName(text);
        return prompts.stream().filter(use -> use.prompt().equals(known)).findFirst();
    }

    /** All calls with a valid key. */
    public int calls() {
        return keys.stream().mapToInt(KeyUse::calls).sum();
    }

    /** The fullest window of any project. */
    public int worst() {
        return projects.stream().mapToInt(ProjectUse::worst).max().orElse(0);
    }
}
