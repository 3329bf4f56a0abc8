package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class InputTokensTest {
    private static int of(String... texts) {
        return InputTokens.estimate(GenerationRequest.first(
                new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 1, 1),
                UUID.randomUUID(),
                "model",
                List.of(texts).stream().map(text -> new Turn(Role.USER, text)).toList(),
                "request",
                Instant.EPOCH));
    }

    @Test
    void threeLettersOfEnglishAreTakenForAToken() {
        assertThat(of("a".repeat(300))).isBetween(100, 110);
    }

    @Test
    void anyOtherCharacterIsTakenForAWholeToken() {
        assertThat(of("\u4f60".repeat(300))).isBetween(300, 310);
        assertThat(of("\ud83d\ude00".repeat(300))).isBetween(300, 310);
    }

    @Test
    void allTurnsAndTheInstructionCount() {
        int one = of("hello");
        assertThat(of("hello", "hello")).isEqualTo(2 * one);
        GenerationRequest request = GenerationRequest.first(
                        new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 1, 1),
                        UUID.randomUUID(),
                        "model",
                        List.of(new Turn(Role.USER, "hello")),
                        "request",
                        Instant.EPOCH)
                .with(Optional.of("hello"), Sampling.DEFAULT);
        assertThat(InputTokens.estimate(request)).isEqualTo(2 * one);
    }
}
