package dev.parley.worker.gemini;

import dev.parley.pipeline.message.Failure;
import dev.parley.worker.gemini.CallOutcome.Failed;
import dev.parley.worker.gemini.CallOutcome.Final;
import dev.parley.worker.gemini.CallOutcome.KeyTrouble;
import dev.parley.worker.gemini.CallOutcome.KeyTrouble.Reason;
import dev.parley.worker.gemini.CallOutcome.KeyTrouble.Remedy;
import dev.parley.worker.gemini.CallOutcome.Transient;
import dev.parley.worker.gemini.CallOutcome.Transient.Kind;
import java.util.Locale;
import java.util.Optional;

/** Decides whose fault an error is, which decides what happens next: another key, another time, or never. */
final class Classifier {
    private Classifier() {}

    /** @param where for the diagnosis: {@code HTTP} or {@code in-stream} */
    static Failed classify(ApiError error, String model, String where) {
        String diagnosis = where + " " + error.label();
        return switch (error.code()) {
            case 429 -> limited(error, diagnosis);
            case 401 -> disabled(Reason.INVALID_KEY, diagnosis);
            case 402 -> disabled(Reason.ACCOUNT_EXHAUSTED, diagnosis);
            case 403 -> disabled(Reason.KEY_FORBIDDEN, diagnosis);
            case 400 -> badRequest(error, diagnosis);
            case 404 -> new Final(Sentences.modelNotFound(model), true, diagnosis);
            case 413 -> new Final(Sentences.CONVERSATION_TOO_LONG, true, diagnosis);
            // Nothing was done, says the model's side, and the same may work later; 499 is its word for a call that
            // something between cancelled.
            case 408, 409, 425, 499 -> passing(Kind.UPSTREAM_TIMEOUT, Sentences.TIMEOUT, diagnosis);
            case 502 -> passing(Kind.BAD_GATEWAY, Sentences.SERVER_ERROR, diagnosis);
            case 503 -> passing(Kind.OVERLOADED, Sentences.OVERLOADED, diagnosis);
            case 504 -> passing(Kind.UPSTREAM_TIMEOUT, Sentences.TIMEOUT, diagnosis);
            // The method is not there: no later try will find it.
            case 501 -> new Final(Sentences.modelNotFound(model), true, diagnosis);
            default -> {
                if (error.code() >= 500) {
                    yield passing(Kind.SERVER_ERROR, Sentences.SERVER_ERROR, diagnosis);
                }
                if (error.code() >= 400) {
                    // The request's fault by definition; to repeat it unchanged may cost money and changes nothing.
                    yield new Final(Sentences.REQUEST_REFUSED, true, diagnosis);
                }
                // A redirect or an odd success is not Gemini speaking but something in between, which may pass. It is
                // never followed: the key would go along.
                yield passing(Kind.UNREADABLE, Sentences.UNREADABLE, diagnosis);
            }
        };
    }

    /** A candidate's finish reason other than STOP and MAX_TOKENS. */
    static Final stopped(String finishReason) {
        String diagnosis = "finishReason " + code(finishReason);
        Failure failure =
                switch (finishReason) {
                    case "SAFETY",
                            "BLOCKLIST",
                            "PROHIBITED_CONTENT",
                            "SPII",
                            "IMAGE_SAFETY",
                            "IMAGE_PROHIBITED_CONTENT" -> Sentences.ANSWER_BLOCKED;
                    case "RECITATION", "IMAGE_RECITATION" -> Sentences.RECITATION;
                    case "LANGUAGE" -> Sentences.LANGUAGE;
                    // OTHER, malformed calls of tools that were not offered, and reasons yet to come: the model did
                    // answer and was paid for it, so it is the user who decides on another try.
                    default -> Sentences.STOPPED;
                };
        return new Final(failure, true, diagnosis);
    }

    static Final promptBlocked(String blockReason) {
        return new Final(Sentences.PROMPT_BLOCKED, true, "blockReason " + code(blockReason));
    }

    private static Failed limited(ApiError error, String diagnosis) {
        boolean perDay = error.quotaIds().stream()
                .anyMatch(id -> id.toLowerCase(Locale.ROOT).contains("perday"));
        return new KeyTrouble(
                Remedy.COOL,
                perDay ? Reason.DAILY_QUOTA : Reason.RATE_LIMITED,
                error.retryDelay(),
                perDay,
                perDay ? Sentences.DAILY_QUOTA : Sentences.RATE_LIMITED,
                perDay ? diagnosis + " per day" : diagnosis);
    }

    private static Failed badRequest(ApiError error, String diagnosis) {
        Optional<String> keyReason = error.reasons().stream()
                .filter(reason -> reason.startsWith("API_KEY_"))
                .findFirst();
        if (keyReason.isPresent()) {
            return disabled(Reason.INVALID_KEY, diagnosis + " " + code(keyReason.get()));
        }
        if (error.status().equals("FAILED_PRECONDITION")) {
            // Documented for a country without the free tier, and for billing that is not enabled.
            return new Final(Sentences.NOT_OFFERED, true, diagnosis);
        }
        if (error.message().toLowerCase(Locale.ROOT).contains("token count")) {
            return new Final(Sentences.CONVERSATION_TOO_LONG, true, diagnosis + " (token count)");
        }
        return new Final(Sentences.REQUEST_REFUSED, true, diagnosis);
    }

    private static KeyTrouble disabled(Reason reason, String diagnosis) {
        return new KeyTrouble(Remedy.DISABLE, reason, Optional.empty(), false, Sentences.KEY_REFUSED, diagnosis);
    }

    private static Transient passing(Kind kind, Failure failure, String diagnosis) {
        return new Transient(kind, true, failure, diagnosis);
    }

    /** Lets nothing but a code into a log. */
    private static String code(String text) {
        return text.matches("[A-Z0-9_]{1,60}") ? text : "(unknown)";
    }
}
