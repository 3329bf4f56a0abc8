package dev.parley.api.user;

import dev.parley.api.http.Problem;
import io.helidon.http.Headers;
import io.helidon.webserver.http.ServerRequest;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The one place that says who a request comes from. Stores are then asked with that user's id, so that another user's
 * things are not there. Thread-safe.
 */
public final class Users {
    /** The user of AUTH_MODE=none; the first migration makes it. */
    public static final UUID LOCAL = UUID.fromString("00000000-0000-7000-8000-000000000001");

    private final Function<Headers, UUID> authentication;
    private final Predicate<UUID> operators;

    /**
     * @param authentication finds the user, or throws the problem that tells why there is none
     * @param operators who may see and do what is under {@code /api/admin}
     */
    public Users(Function<Headers, UUID> authentication, Predicate<UUID> operators) {
        this.authentication = authentication;
        this.operators = operators;
    }

    public static Users of(AuthMode mode) {
        return switch (mode) {
            case NONE -> new Users(headers -> LOCAL, LOCAL::equals);
        };
    }

    /** The user who asks. */
    public UUID of(ServerRequest request) {
        return of(request.headers());
    }

    /** The user who asks, by the headers of what becomes a WebSocket. */
    public UUID of(Headers headers) {
        return authentication.apply(headers);
    }

    /** The operator who asks. @throws Problem 403 when the user is none */
    public UUID operator(ServerRequest request) {
        UUID user = of(request);
        if (!isOperator(user)) {
            throw Problem.of(403, "not-an-operator", "Not allowed", "Only operators of this Parley may do this.");
        }
        return user;
    }

    public boolean isOperator(UUID user) {
        return operators.test(user);
    }
}
