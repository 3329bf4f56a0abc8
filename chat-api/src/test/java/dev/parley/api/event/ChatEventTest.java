package dev.parley.api.event;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.chat.Chat;
import dev.parley.api.message.Message;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.Message.Status;
import dev.parley.api.support.Contract;
import dev.parley.pipeline.message.AnswerUpdate.Usage;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.Json;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ChatEventTest {
    private static final UUID ID = UUID.fromString("00000000-0000-7000-8000-000000000002");
    private static final Instant AT = Instant.parse("2026-11-22T10:00:00Z");

    private static Message answer(Status status) {
        return new Message(
                ID,
                ID,
                Optional.of(ID),
                Role.ASSISTANT,
                "text",
                status,
                Optional.of(3),
                Optional.of(2),
                Optional.of(5),
                Optional.of(AT),
                Optional.of(AT),
                Optional.of(7),
                Optional.of(ID),
                Optional.of(Failure.of("x", "X", "It was x.")),
                Optional.of("model"),
                Optional.of(new Usage(1, 2)),
                AT,
                Optional.of(AT));
    }

    @Test
    void everyEventHasTheShapeOfTheContract() {
        Contract contract = new Contract();
        for (Status status : Status.values()) {
            ChatEvent event = ChatEvent.of(answer(status));
            contract.checkSchema("MessageEvent", Json.text(event));
            assertThat(Json.text(event)).contains("\"answerId\"");
        }
        contract.checkSchema("MessageEvent", Json.text(new ChatEvent.MessageCreated(answer(Status.QUEUED))));
        contract.checkSchema("MessageEvent", Json.text(new ChatEvent.MessageUpdated(answer(Status.COMPLETED))));
        contract.checkSchema("MessageDeleted", Json.text(new ChatEvent.MessageDeleted(ID, ID)));
        contract.checkSchema(
                "ChatEvent",
                Json.text(new ChatEvent.ChatUpdated(new Chat(ID, "", false, false, Optional.empty(), AT, AT))));
        contract.checkSchema("ChatDeleted", Json.text(new ChatEvent.ChatDeleted(ID)));
    }

    @Test
    void anAnswersStateNamesItsEvent() {
        assertThat(Arrays.stream(Status.values())
                        .map(status -> ChatEvent.of(answer(status)).name()))
                .containsExactly(
                        "answer.queued",
                        "answer.queued",
                        "answer.retrying",
                        "answer.completed",
                        "answer.failed",
                        "answer.cancelled");
    }
}
