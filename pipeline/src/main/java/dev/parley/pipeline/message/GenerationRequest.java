package dev.parley.pipeline.message;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The body of a message on the request queue: all that a worker needs to answer, as workers never touch PostgreSQL.
 *
 * @param version of this format, {@link #VERSION}
 * @param user who asks; places under the quota are given out fairly between users. Where an API does not say so yet, the
 *     chat stands for its user
 * @param turns the conversation, oldest first, ending with the user's; never empty
 * @param requestId of the HTTP request that sent the message, for the logs
 * @param acceptedAt when the message was accepted, for the time-to-answer metric
 */
public record GenerationRequest(
        int version,
        AnswerRef answer,
        UUID user,
        String model,
        Optional<String> systemInstruction,
        List<Turn> turns,
        Sampling sampling,
        String requestId,
        Instant acceptedAt) {
    public static final int VERSION = 1;

    public GenerationRequest {
        if (version != VERSION) {
            throw new MalformedMessage(
                    "request version %d is not %d: API and workers are too far apart".formatted(version, VERSION));
        }
        if (answer == null
                || model == null
                || turns == null
                || turns.isEmpty()
                || requestId == null
                || acceptedAt == null) {
            throw new MalformedMessage("a request needs answer, model, turns, requestId and acceptedAt");
        }
        user = user == null ? answer.chatId() : user;
        systemInstruction = systemInstruction == null ? Optional.empty() : systemInstruction;
        sampling = sampling == null ? Sampling.DEFAULT : sampling;
        turns = List.copyOf(turns);
    }

    /** The first attempt of a round, with the model's own defaults. */
    public static GenerationRequest first(
            AnswerRef answer, UUID user, String model, List<Turn> turns, String requestId, Instant acceptedAt) {
        return new GenerationRequest(
                VERSION, answer, user, model, Optional.empty(), turns, Sampling.DEFAULT, requestId, acceptedAt);
    }

    public GenerationRequest with(Optional<String> newInstruction, Sampling newSampling) {
        return new GenerationRequest(
                version, answer, user, model, newInstruction, turns, newSampling, requestId, acceptedAt);
    }

    public GenerationRequest nextAttempt() {
        return new GenerationRequest(
                version, answer.nextAttempt(), user, model, systemInstruction, turns, sampling, requestId, acceptedAt);
    }

    /** One turn of the conversation. */
    public record Turn(Role role, String text) {}

    public enum Role {
        USER,
        MODEL
    }

    /** How the model chooses; what is absent is the model's own default. */
    public record Sampling(Optional<Double> temperature, Optional<Integer> maxOutputTokens) {
        public static final Sampling DEFAULT = new Sampling(Optional.empty(), Optional.empty());

        public Sampling {
            temperature = temperature == null ? Optional.empty() : temperature;
            maxOutputTokens = maxOutputTokens == null ? Optional.empty() : maxOutputTokens;
        }
    }
}
