package dev.parley.local.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;

/** A message that was accepted, and what its user has seen of it. Written by its user, read when that one is done. */
final class Question {
    enum Kind {
        QUICK("chunks=6 chunk=100ms"),
        LONG("chunks=40 chunk=200ms"),
        /** Cancelled by its user in mid-answer. */
        CANCELLED("chunks=40 chunk=200ms"),
        /** Fails in passing often enough to spend one attempt. */
        LADDER("chunks=6 chunk=100ms status=503 times=3"),
        /** Fails for good the first time, and is tried again by its user. */
        TRIED_AGAIN("chunks=6 chunk=100ms status=400 times=1");

        private final String fake;

        Kind(String fake) {
            this.fake = fake;
        }

        /** Attempts that its own faults may cost. */
        int attempts() {
            return this == LADDER ? 2 : 1;
        }
    }

    final Kind kind;
    final String chat;
    final String prompt;
    final String text;
    final String answer;
    final long sentAt;
    private long endedAt;
    private Optional<JsonNode> end = Optional.empty();

    Question(Kind kind, String chat, int number, String answer, long sentAt) {
        this.kind = kind;
        this.chat = chat;
        this.text = text(number);
        this.prompt = prompt(kind, number);
        this.answer = answer;
        this.sentAt = sentAt;
    }

    /** No two are alike, so that an answer to another question shows. */
    private static String text(int number) {
        return "This is answer %d, and it was carried by many hands in turn: none of them kept it, and none said it twice."
                .formatted(number);
    }

    static String prompt(Kind kind, int number) {
        return "Question %d [[fake answer=\"%s\" %s]]".formatted(number, text(number), kind.fake);
    }

    void ended(JsonNode message) {
        end = Optional.of(message);
        endedAt = System.nanoTime();
    }

    /** The answer as it was when it was first seen to have ended. */
    Optional<JsonNode> end() {
        return end;
    }

    long endedAt() {
        return endedAt;
    }

    boolean is(String status) {
        return end.map(message -> message.path("status").asText().equals(status))
                .orElse(false);
    }

    boolean answered() {
        return is("completed") && end.orElseThrow().path("content").asText().equals(text);
    }

    /** Attempts that were spent beyond what its own faults cost. */
    int attemptsTooMany() {
        return end.map(message -> Math.max(0, message.path("attempt").asInt(1) - kind.attempts()))
                .orElse(0);
    }
}
