package dev.parley.worker.gemini;

import dev.parley.pipeline.message.Failure;

/** What the user reads when the model did not answer; without internals, and true for a passing as for a last failure. */
final class Sentences {
    static final Failure RATE_LIMITED = Failure.of(
            "model-rate-limited",
            "The model is at its limit",
            "The model accepts no more requests from this server for the moment.");
    static final Failure DAILY_QUOTA = Failure.of(
            "model-daily-quota",
            "The day's quota is spent",
            "This server has used up what the model allows it for today; the quota starts anew at midnight Pacific time.");
    static final Failure KEY_REFUSED = Failure.of(
            "model-access-refused",
            "The model refused this server",
            "The model did not accept this server's access. Whoever runs the server has to look at its API keys.");
    static final Failure SERVER_ERROR = Failure.of(
            "model-error",
            "The model had an error",
            "Something went wrong on the model's side while it was answering.");
    static final Failure OVERLOADED =
            Failure.of("model-overloaded", "The model is overloaded", "The model has too much to do at the moment.");
    static final Failure UNREACHABLE = Failure.of(
            "model-unreachable",
            "The model can't be reached",
            "This server has no connection to the model at the moment.");
    static final Failure PROXY_AWAY = Failure.of(
            "proxy-away",
            "The way to the model is closed",
            "The proxy through which this server reaches the model gives no connection at the moment. It is not the model's"
                    + " fault.");
    static final Failure TIMEOUT =
            Failure.of("model-timeout", "The model took too long", "The model did not answer in the time it is given.");
    static final Failure CUT = Failure.of(
            "answer-cut", "The answer broke off", "The connection to the model ended before the answer was complete.");
    static final Failure UNREADABLE = Failure.of(
            "model-unreadable",
            "The model's answer can't be read",
            "What the model sent back could not be understood.");
    static final Failure REQUEST_REFUSED = Failure.of(
            "request-refused",
            "The model refused the request",
            "The model did not accept this request. Another wording, a new chat or another model may help.");
    static final Failure CONVERSATION_TOO_LONG = Failure.of(
            "conversation-too-long",
            "The conversation is too long",
            "The conversation is longer than the model can take in. Start a new chat, or shorten the message.");
    static final Failure NOT_OFFERED = Failure.of(
            "model-not-offered",
            "The model is not offered here",
            "The model is not available to this server's account or from where it stands. Whoever runs the server has to"
                    + " look at that.");
    static final Failure PROMPT_BLOCKED = Failure.of(
            "prompt-blocked",
            "The message was blocked",
            "The model's safety rules do not let it answer this message. Another wording may help.");
    static final Failure ANSWER_BLOCKED = Failure.of(
            "answer-blocked",
            "The answer was blocked",
            "The model stopped because of its safety rules. Another wording may help.");
    static final Failure RECITATION = Failure.of(
            "answer-recitation",
            "The answer was stopped",
            "The model stopped because the answer came too close to an existing text. Ask for it in other words.");
    static final Failure LANGUAGE = Failure.of(
            "answer-language",
            "The language is not supported",
            "The model does not answer in this language. Ask for an answer in another one.");
    static final Failure STOPPED = Failure.of(
            "answer-stopped",
            "The model stopped",
            "The model ended the answer early without a reason that helps. Try again, or use another wording.");
    static final Failure EMPTY = Failure.of(
            "answer-empty",
            "The answer is empty",
            "The model finished without writing anything. Try again, or use another wording.");
    static final Failure EMPTY_AT_LIMIT = Failure.of(
            "answer-empty-at-limit",
            "No room for an answer",
            "The model used up the allowed length before it wrote anything. Allow a longer answer, or ask for less.");
    static final Failure TOO_LONG = Failure.of(
            "answer-too-long",
            "The answer is too long",
            "The answer grew longer than this server keeps. Ask for less.");
    static final Failure CUT_AT_LIMIT = Failure.of(
            "answer-cut-at-limit",
            "Cut at the length limit",
            "The answer reached the longest length allowed and ends here. Ask the model to continue.");

    private Sentences() {}

    static Failure modelNotFound(String model) {
        return Failure.of(
                "model-not-found",
                "No such model",
                "There is no model “%s”, or not for this use. Choose another one.".formatted(model));
    }
}
