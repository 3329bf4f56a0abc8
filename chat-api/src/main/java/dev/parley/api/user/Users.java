package dev.parley.api.user;

import io.helidon.webserver.http.ServerRequest;
import java.util.UUID;
import java.util.function.Function;

/**
 * The one place that says who a request comes from. Stores are then asked with that user's id, so that another user's
 * things are not there. Thread-safe.
 */
public final class Users {
    /** The user of AUTH_MODE=none; the first migration makes it. */
    public static final UUID LOCAL = UUID.fromString("00000000-0000-7000-8000-000000000001");

    private final Function<ServerRequest, UUID> authentication;

    /** @param authentication finds the user, or throws the problem that tells why there is none */
    public Users(Function<ServerRequest, UUID> authentication) {
        this.authentication = authentication;
    }

    public static Users of(AuthMode mode) {
        return switch (mode) {
            case NONE -> new Users(request -> LOCAL);
        };
    }

    /** The user who asks. */
    public UUID of(ServerRequest request) {
        return authentication.apply(request);
    }
}
