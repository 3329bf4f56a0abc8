package dev.parley.api.admin;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.parley.api.result.ResultConsumer;
import dev.parley.pipeline.broker.HeldMessage;
import dev.parley.pipeline.broker.HeldMessage.Death;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.Headers;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.MalformedMessage;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * A dead letter, as an operator sees it.
 *
 * @param id the message-id {@code answer:attempt}; a made-up one where the sender gave none
 * @param reason a problem type, where one of our services has dead-lettered it
 * @param attempt that it died in
 * @param bytes of its body
 * @param request what it asks for; only when it is inspected, and only of a readable request
 */
record DeadLetter(
        String id,
        Cause cause,
        Optional<String> reason,
        Optional<Instant> diedAt,
        Optional<UUID> chatId,
        Optional<UUID> answerId,
        Optional<Integer> round,
        Optional<Integer> attempt,
        int bytes,
        Optional<Request> request) {
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9:._-]{1,100}");

    /** How it came here. */
    enum Cause {
        @JsonProperty("ladder")
        LADDER,
        @JsonProperty("delivery-limit")
        DELIVERY_LIMIT,
        @JsonProperty("unreadable")
        UNREADABLE,
        @JsonProperty("result-rejected")
        RESULT_REJECTED,
        /** Put there by somebody else. */
        @JsonProperty("unknown")
        UNKNOWN
    }

    /**
     * Facts of a request, without what anybody wrote unless it is the asking operator's own.
     *
     * @param turns messages of the conversation that go along
     * @param characters of all of them, in UTF-16 code units
     * @param text the question
     */
    record Request(
            String model, int turns, int characters, String requestId, Instant acceptedAt, Optional<String> text) {}

    static DeadLetter of(HeldMessage message) {
        Optional<AnswerRef> answer = AnswerRef.in(message.body());
        Optional<String> reason = message.header(Headers.REASON);
        return new DeadLetter(
                id(message),
                cause(message, reason),
                reason,
                message.header(Headers.DIED).flatMap(DeadLetter::instant).or(() -> message.death()
                        .flatMap(Death::at)),
                answer.map(AnswerRef::chatId),
                answer.map(AnswerRef::answerId),
                answer.map(AnswerRef::round),
                answer.map(AnswerRef::attempt),
                message.body().length,
                Optional.empty());
    }

    /** Equal for copies of one message. */
    static String id(HeldMessage message) {
        return ID.matcher(message.messageId()).matches()
                ? message.messageId()
                : "unnamed-"
                        + UUID.nameUUIDFromBytes(
                                message.body().length == 0
                                        ? message.messageId().getBytes(StandardCharsets.UTF_8)
                                        : message.body());
    }

    /** With what its request says. @param own whether the asking operator owns the conversation */
    DeadLetter inspected(byte[] body, boolean own) {
        Optional<Request> read;
        try {
            GenerationRequest whole = Json.read(body, GenerationRequest.class);
            read = Optional.of(new Request(
                    whole.model(),
                    whole.turns().size(),
                    whole.turns().stream()
                            .mapToInt(turn -> turn.text().length())
                            .sum(),
                    whole.requestId(),
                    whole.acceptedAt(),
                    own ? Optional.of(whole.turns().getLast().text()) : Optional.empty()));
        } catch (MalformedMessage e) {
            read = Optional.empty();
        }
        return new DeadLetter(id, cause, reason, diedAt, chatId, answerId, round, attempt, bytes, read);
    }

    private static Cause cause(HeldMessage message, Optional<String> reason) {
        if (reason.isPresent()) {
            if (reason.get().equals(Headers.POISON)) {
                return Cause.DELIVERY_LIMIT;
            }
            return reason.get().equals(ResultConsumer.REJECTED.type()) ? Cause.RESULT_REJECTED : Cause.LADDER;
        }
        return message.death()
                .map(death -> switch (death.reason()) {
                    case "delivery_limit" -> Cause.DELIVERY_LIMIT;
                    case "rejected" -> Cause.UNREADABLE;
                    default -> Cause.UNKNOWN;
                })
                .orElse(Cause.UNKNOWN);
    }

    private static Optional<Instant> instant(String text) {
        try {
            return Optional.of(Instant.parse(text));
        } catch (DateTimeException e) {
            return Optional.empty();
        }
    }
}
