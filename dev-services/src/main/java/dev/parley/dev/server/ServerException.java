package dev.parley.dev.server;

/** A server could not be had, started or stopped; the message is written for the person who typed the command. */
public final class ServerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ServerException(String message) {
        super(message);
    }

    ServerException(String message, Throwable cause) {
        super(message, cause);
    }
}
