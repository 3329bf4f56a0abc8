package dev.parley.worker.gemini;

/**
 * Hears an answer while it is made, in the thread that called {@link GeminiClient#stream}. What it throws ends the call:
 * the connection is closed and the exception goes on to that caller.
 */
@FunctionalInterface
public interface DeltaListener {
    /** There is a connection, and the request goes out on it now. Called at most once, before any text; must not wait. */
    default void onSending() {}

    /**
     * More of the answer: never empty, whole code points, and storable everywhere (a lone surrogate or a NUL has become
     * U+FFFD). The deltas joined are exactly the finished text.
     */
    void onText(String delta);
}
