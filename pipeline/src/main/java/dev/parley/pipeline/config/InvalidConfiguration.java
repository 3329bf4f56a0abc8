package dev.parley.pipeline.config;

import java.util.List;

/** The environment has mistakes; the service must not start. The message has one line for each. */
public final class InvalidConfiguration extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public InvalidConfiguration(List<String> problems) {
        super(String.join("\n", problems));
    }
}
