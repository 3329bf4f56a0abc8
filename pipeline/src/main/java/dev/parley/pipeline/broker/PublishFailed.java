package dev.parley.pipeline.broker;

/** The broker has not taken responsibility for a message; it may or may not have it. */
public final class PublishFailed extends Exception {
    private static final long serialVersionUID = 1L;

    PublishFailed(String reason) {
        super(reason);
    }

    PublishFailed(String reason, Throwable cause) {
        super(reason, cause);
    }
}
