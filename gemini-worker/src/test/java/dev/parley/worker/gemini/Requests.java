package dev.parley.worker.gemini;

import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import dev.parley.worker.key.ApiKey;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Requests as the API would make them. */
final class Requests {
    static final ApiKey KEY = new ApiKey("AIza-test-key-0123456789");
    static final String MODEL = "gemini-3.8-flash";

    private Requests() {}

    static GenerationRequest asking(String prompt) {
        return of(MODEL, Optional.empty(), Sampling.DEFAULT, new Turn(Role.USER, prompt));
    }

    static GenerationRequest of(String model, Optional<String> system, Sampling sampling, Turn... turns) {
        return new GenerationRequest(
                GenerationRequest.VERSION,
                new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 1, 1),
                UUID.randomUUID(),
                model,
                system,
                List.of(turns),
                sampling,
                "request-1",
                Instant.EPOCH);
    }
}
