package dev.parley.api.database;

/** PostgreSQL is away or too busy; the same call may succeed later. Nothing of the work is known to be done. */
public final class DatabaseUnavailable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    DatabaseUnavailable(String message, Throwable cause) {
        super(message, cause);
    }
}
