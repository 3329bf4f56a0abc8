package dev.parley.worker.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RequestBodyTest {
    private static String body(Turn... turns) {
        return new String(
                RequestBody.of(Requests.of(Requests.MODEL, Optional.empty(), Sampling.DEFAULT, turns))
                        .bytes(),
                StandardCharsets.UTF_8);
    }

    @Test
    void rolesAlternateAlsoWhereQuestionsWereLeftWithoutAnAnswer() {
        assertThat(body(
                        new Turn(Role.USER, "one"),
                        new Turn(Role.USER, "two"),
                        new Turn(Role.MODEL, " "),
                        new Turn(Role.USER, "three"),
                        new Turn(Role.MODEL, "3"),
                        new Turn(Role.USER, "four"),
                        new Turn(Role.USER, "five")))
                .isEqualTo("{\"contents\":["
                        + "{\"role\":\"user\",\"parts\":[{\"text\":\"one\"},{\"text\":\"two\"},{\"text\":\"three\"}]},"
                        + "{\"role\":\"model\",\"parts\":[{\"text\":\"3\"}]},"
                        + "{\"role\":\"user\",\"parts\":[{\"text\":\"four\"},{\"text\":\"five\"}]}]}");
    }
}
