package dev.parley.worker.request;

import dev.parley.pipeline.message.Failure;

/** What the worker itself tells users. */
final class Failures {
    private Failures() {}

    static Failure noUsableKey() {
        return Failure.of(
                "no-usable-key",
                "No usable API key",
                "Every API key of this Parley has been refused by Gemini. Whoever runs it has to look at the keys.");
    }
}
