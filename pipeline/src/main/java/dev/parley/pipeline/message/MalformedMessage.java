package dev.parley.pipeline.message;

import java.io.IOException;

/** Bytes that are not the message they should be; reading them again will not help. */
public final class MalformedMessage extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedMessage(Class<?> type, IOException cause) {
        // The cause's own message may quote the content of a conversation, so only its place is kept.
        super(
                "not a valid %s (%s)"
                        .formatted(type.getSimpleName(), cause.getClass().getSimpleName()),
                cause);
    }

    /** For content that is JSON but breaks a rule of its record. */
    public MalformedMessage(String reason) {
        super(reason);
    }
}
