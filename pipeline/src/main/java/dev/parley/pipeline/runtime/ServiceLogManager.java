package dev.parley.pipeline.runtime;

import java.util.logging.LogManager;

/**
 * Keeps logging alive while a service stops: the JDK's own manager takes the handlers away in a shutdown hook of its
 * own, and the story of the drain would be lost. Named by {@code -Djava.util.logging.manager}.
 */
public final class ServiceLogManager extends LogManager {
    private static volatile boolean serving;

    /** From now on the handlers stay until the process ends. */
    static void keepHandlers() {
        serving = true;
    }

    @Override
    public void reset() {
        if (!serving) {
            super.reset();
        }
    }
}
