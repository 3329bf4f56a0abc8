package dev.parley.worker.quota;

import dev.parley.worker.key.ApiKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** The scheduler's answer to a worker that wants to call the model. */
public sealed interface Turn {
    /**
     * A place in the order. With {@code delay} zero it is the permission to call, once, with {@code key}, before
     * {@link #expired}. Otherwise it is a promise: after it, ask again with the same id and this turn; another user's
     * turn may have come first or the group begun to cool meanwhile, and then another place comes back. A place that nobody
     * claims in time is given to others.
     *
     * @param group the quota group's name
     * @param model that may be called
     * @param delay from the moment this was returned; zero is the permission
     * @param expectedAt when the call will start, by the worker's clock; for people. Others may come first meanwhile, so
     *     that it is later than after {@code delay} where that is usual
     * @param ahead how many who wait for this model have earlier places, 0 for who is next; empty where that is not known,
     *     and of a permission: only Redis knows all who wait. It grows when other users' turns come first
     * @param token tells this place from others of the same id; opaque
     * @param dueNanos when the wait is over, on the scale of {@link System#nanoTime()}
     * @param expiresNanos when a permission is void, on the scale of {@link System#nanoTime()}
     */
    record Reserved(
            ReservationId id,
            String group,
            String model,
            ApiKey key,
            Duration delay,
            Instant expectedAt,
            Optional<Integer> ahead,
            String token,
            long dueNanos,
            long expiresNanos)
            implements Turn {
        Lane lane() {
            return new Lane(group, model);
        }

        /** Whether this is the permission to call. */
        public boolean due() {
            return delay.isZero();
        }

        /** What is left of the wait; then ask again with this turn. */
        public Duration waitLeft() {
            return Duration.ofNanos(Math.max(0, dueNanos - System.nanoTime()));
        }

        /**
         * Whether it is too late to send the request; look at this as late as possible before the first byte leaves. Then
         * ask again with this turn.
         *
         * @param nanoTime {@link System#nanoTime()}
         */
        public boolean expired(long nanoTime) {
            return nanoTime - expiresNanos >= 0;
        }
    }

    /**
     * No group will be usable within a day, as far as is known.
     *
     * @param reason in plain words for an operator
     * @param until when asking again makes sense, by the worker's clock; empty when only an operator can change it
     */
    record NoneUsable(String reason, Optional<Instant> until) implements Turn {}
}
