package dev.parley.worker.quota;

import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * What a turn is asked for: the provider counts calls and input tokens by project and model, and places are given out
 * fairly between users.
 *
 * @param model as it is called; a name that no model has is replaced by one made from it
 * @param user who waits for the answer
 * @param tokens estimate of the input, see {@link InputTokens}; counts only where there is a limit of tokens
 */
public record Demand(String model, UUID user, int tokens) {
    /** It becomes part of names in Redis. */
    private static final Pattern MODEL = Pattern.compile("[A-Za-z0-9._:/@-]{1,100}");

    public Demand {
        if (tokens < 0) {
            throw new IllegalArgumentException("tokens are counted from 0");
        }
        model = nameOf(model);
    }

    static String nameOf(String model) {
        return MODEL.matcher(model).matches()
                ? model
                : "model-" + UUID.nameUUIDFromBytes(model.getBytes(StandardCharsets.UTF_8));
    }
}
