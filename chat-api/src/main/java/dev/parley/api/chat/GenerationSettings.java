package dev.parley.api.chat;

import dev.parley.api.database.Row;
import dev.parley.api.http.Fields;
import dev.parley.api.http.Problem;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import java.util.List;
import java.util.Optional;

/**
 * How the model is asked in a chat; what is absent is the standard. Stored as JSON, and copied onto each answer when its
 * message is accepted.
 *
 * @param temperature 0 (always the likeliest word) to 2, as the Gemini API takes it
 * @param systemInstruction what the model is told before every conversation of the chat
 * @param maxOutputTokens longest answer
 */
public record GenerationSettings(
        Optional<String> model,
        Optional<Double> temperature,
        Optional<String> systemInstruction,
        Optional<Integer> maxOutputTokens) {
    public static final GenerationSettings STANDARD =
            new GenerationSettings(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

    private static final double MAX_TEMPERATURE = 2;
    private static final int MAX_INSTRUCTION = 20_000;
    /** The largest of all Gemini models. */
    private static final int MAX_TOKENS = 65_536;

    /** Reads the column {@code settings}. */
    public static GenerationSettings of(Row row) {
        return row.json("settings", GenerationSettings.class).orElse(STANDARD);
    }

    /**
     * @param field where these settings stand in the body, with a dot at its end, or empty
     * @param models that may be chosen
     * @throws Problem 400 that names the field
     */
    public GenerationSettings checked(String field, List<String> models) {
        model.ifPresent(name -> Fields.oneOf(field + "model", name, models));
        temperature.ifPresent(value -> Fields.between(field + "temperature", value, 0.0, MAX_TEMPERATURE));
        systemInstruction.ifPresent(text -> Fields.text(field + "systemInstruction", text, MAX_INSTRUCTION));
        maxOutputTokens.ifPresent(tokens -> Fields.between(field + "maxOutputTokens", tokens, 1, MAX_TOKENS));
        return this;
    }

    /** Without a model that is not among these. */
    public GenerationSettings among(List<String> models) {
        return new GenerationSettings(model.filter(models::contains), temperature, systemInstruction, maxOutputTokens);
    }

    /** The request, asked in this way. */
    public GenerationRequest applyTo(GenerationRequest request) {
        return request.with(systemInstruction, new Sampling(temperature, maxOutputTokens));
    }
}
