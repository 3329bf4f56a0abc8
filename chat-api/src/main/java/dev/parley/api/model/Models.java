package dev.parley.api.model;

import java.util.List;

/**
 * The models that a message may name.
 *
 * @param ids the default first; not empty
 * @param fake whether the built-in fake Gemini answers
 */
public record Models(List<String> ids, boolean fake) {
    public Models {
        ids = List.copyOf(ids);
    }

    public String standard() {
        return ids.getFirst();
    }
}
