package dev.parley.worker.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.message.AnswerUpdate.Usage;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.Json;
import dev.parley.worker.gemini.CallOutcome.Failed;
import dev.parley.worker.gemini.CallOutcome.Final;
import dev.parley.worker.gemini.CallOutcome.FinishReason;
import dev.parley.worker.gemini.CallOutcome.Finished;
import dev.parley.worker.gemini.CallOutcome.Transient;
import dev.parley.worker.gemini.CallOutcome.Transient.Kind;
import java.io.IOException;
import java.util.Optional;

/** The answer as it grows out of the stream's events. One thread. */
final class Answer {
    private final String requestedModel;
    private final int maxChars;
    private final DeltaListener listener;
    private final StringBuilder text = new StringBuilder();
    private final WholeCodePoints codePoints = new WholeCodePoints();
    private Usage usage = new Usage(0, 0);
    private String model;
    private String finishReason;
    private Failed failed;

    Answer(String requestedModel, int maxChars, DeltaListener listener) {
        this.requestedModel = requestedModel;
        this.model = requestedModel;
        this.maxChars = maxChars;
        this.listener = listener;
    }

    /** One event's data. What follows a failure is ignored. */
    void accept(byte[] event) {
        if (failed != null) {
            return;
        }
        JsonNode chunk;
        try {
            chunk = Json.mapper().readTree(event);
        } catch (IOException e) {
            failed = unreadable("an event that is no JSON");
            return;
        }
        if (!chunk.isObject()) {
            failed = unreadable("an event that is no object");
            return;
        }
        readFacts(chunk);
        JsonNode error = chunk.path("error");
        String blocked = chunk.path("promptFeedback").path("blockReason").asText();
        if (error.isObject()) {
            failed = Classifier.classify(ApiError.inStream(error), requestedModel, "in-stream");
        } else if (!blocked.isEmpty()) {
            failed = Classifier.promptBlocked(blocked);
        } else {
            // Only one candidate is ever asked for.
            readCandidate(chunk.path("candidates").path(0));
        }
    }

    /** Whether more of the stream can change the outcome only by its usage figures, or not at all. */
    boolean decided() {
        return failed != null || finishReason != null;
    }

    boolean failed() {
        return failed != null;
    }

    String textSoFar() {
        return text.toString();
    }

    /** @param unfinished the outcome when no finish reason was seen and nothing worse */
    CallOutcome outcome(CallOutcome unfinished) {
        if (failed != null) {
            return failed;
        }
        if (finishReason == null) {
            return unfinished;
        }
        return switch (finishReason) {
            case "STOP" -> finished(FinishReason.STOP, Optional.empty(), Sentences.EMPTY);
            case "MAX_TOKENS" ->
                finished(FinishReason.MAX_TOKENS, Optional.of(Sentences.CUT_AT_LIMIT), Sentences.EMPTY_AT_LIMIT);
            default -> Classifier.stopped(finishReason);
        };
    }

    private CallOutcome finished(FinishReason reason, Optional<Failure> notice, Failure whenEmpty) {
        deliver(codePoints.end());
        if (text.toString().isBlank()) {
            return new Final(whenEmpty, true, "no text, finishReason " + reason);
        }
        return new Finished(text.toString(), reason, usage, model, notice);
    }

    private void readFacts(JsonNode chunk) {
        JsonNode counts = chunk.path("usageMetadata");
        if (counts.isObject()) {
            // Thoughts are output that is paid for, though it is not shown.
            usage = new Usage(
                    counts.path("promptTokenCount").asInt(0),
                    counts.path("candidatesTokenCount").asInt(0)
                            + counts.path("thoughtsTokenCount").asInt(0));
        }
        String version = chunk.path("modelVersion").asText();
        if (!version.isEmpty()) {
            model = version;
        }
    }

    private void readCandidate(JsonNode candidate) {
        StringBuilder piece = new StringBuilder();
        for (JsonNode part : candidate.path("content").path("parts")) {
            if (!part.path("thought").asBoolean(false)) {
                piece.append(part.path("text").asText());
            }
        }
        if (text.length() + (long) piece.length() > maxChars) {
            failed = new Final(Sentences.TOO_LONG, true, "answer above %d characters".formatted(maxChars));
            return;
        }
        deliver(codePoints.add(piece.toString()));
        String reason = candidate.path("finishReason").asText();
        if (!reason.isEmpty() && !reason.equals("FINISH_REASON_UNSPECIFIED")) {
            finishReason = reason;
        }
    }

    private void deliver(String delta) {
        if (!delta.isEmpty()) {
            text.append(delta);
            listener.onText(delta);
        }
    }

    private static Transient unreadable(String diagnosis) {
        return new Transient(Kind.UNREADABLE, true, Sentences.UNREADABLE, diagnosis);
    }
}
