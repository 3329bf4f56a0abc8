package dev.parley.pipeline.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AnswerUpdateTest {
    private static final AnswerRef ANSWER = new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 2, 3);

    @Test
    void everyKindComesBackAsItWasSent() {
        Failure failure = Failure.of("x", "X", "It is x.");
        for (AnswerUpdate update : new AnswerUpdate[] {
            new AnswerUpdate.Completed(
                    ANSWER, "run", "text", "m", new AnswerUpdate.Usage(1, 2), Optional.of(failure), Instant.EPOCH),
            new AnswerUpdate.Failed(ANSWER, failure, Instant.EPOCH),
            new AnswerUpdate.Retrying(ANSWER, failure, Instant.EPOCH),
            new AnswerUpdate.Waiting(ANSWER, Instant.EPOCH, Optional.of(3))
        }) {
            assertThat(Json.read(Json.bytes(update), AnswerUpdate.class)).isEqualTo(update);
        }
    }

    @Test
    void aWaitOfAWorkerThatDoesNotKnowItsPlaceIsRead() {
        String json = "{\"type\":\"waiting\",\"expectedAt\":\"1970-01-01T00:00:00Z\",\"answer\":"
                + "{\"chatId\":\"0198c0de-0000-7000-8000-000000000001\","
                + "\"answerId\":\"0198c0de-0000-7000-8000-000000000002\",\"round\":1,\"attempt\":1}}";
        assertThat(Json.read(json, AnswerUpdate.class))
                .isInstanceOfSatisfying(AnswerUpdate.Waiting.class, waiting -> assertThat(waiting.ahead())
                        .isEmpty());
    }

    /** What is accepted here and breaks later would go round in circles: results have no delivery limit. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{}",
                "{\"type\":\"completed\"}",
                "{\"type\":\"failed\",\"answer\":null}",
                "{\"type\":\"odd\"}",
                "{\"type\":\"waiting\",\"answer\":{\"chatId\":\"0198c0de-0000-7000-8000-000000000001\","
                        + "\"answerId\":\"0198c0de-0000-7000-8000-000000000002\",\"round\":0,\"attempt\":1}}",
                "{\"type\":\"waiting\",\"answer\":{\"chatId\":\"0198c0de-0000-7000-8000-000000000001\","
                        + "\"answerId\":\"0198c0de-0000-7000-8000-000000000002\",\"round\":1,\"attempt\":1},"
                        + "\"expectedAt\":\"2026-11-22T10:00:00Z\",\"ahead\":-1}",
                "{\"type\":\"completed\",\"answer\":{\"chatId\":\"0198c0de-0000-7000-8000-000000000001\","
                        + "\"answerId\":\"0198c0de-0000-7000-8000-000000000002\",\"round\":1,\"attempt\":1}}"
            })
    void whatLacksAFactIsMalformed(String json) {
        assertThatThrownBy(() -> Json.read(json, AnswerUpdate.class)).isInstanceOf(MalformedMessage.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"worker\":null}", "{\"worker\":\"w\",\"state\":\"DANCING\"}"})
    void aHeartbeatOfNobodyIsMalformed(String json) {
        assertThatThrownBy(() -> Json.read(json, Heartbeat.class)).isInstanceOf(MalformedMessage.class);
    }
}
