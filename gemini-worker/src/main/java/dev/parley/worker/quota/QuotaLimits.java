package dev.parley.worker.quota;

import java.time.Duration;
import java.util.Optional;

/**
 * What one quota group allows, unless it has limits of its own: {@link #of}.
 *
 * @param perMinute calls in any rolling {@code window}
 * @param perDay calls from midnight to midnight in America/Los_Angeles; empty means no limit
 * @param tokensPerMinute input tokens in any rolling {@code window}; empty means no limit
 * @param window 60 s with the real provider
 * @param cooldown how long a group rests when the provider refuses it and does not say for how long
 * @param guard what keeps the window as the provider sees it from being shorter than ours
 */
public record QuotaLimits(
        int perMinute,
        Optional<Integer> perDay,
        Optional<Integer> tokensPerMinute,
        Duration window,
        Duration cooldown,
        Guard guard) {
    /**
     * A call that has the slot t arrives at the provider between t and t + dispatch + travel. Two calls whose slots lie
     * window + dispatch + travel apart therefore arrive at least a window apart, whatever happened to either on its way.
     *
     * @param dispatch how long after its slot a call may still be sent; a worker that paused longer needs a new slot
     * @param travel bound on the time from sending to arrival, beyond which the law is no longer in our hands
     */
    public record Guard(Duration dispatch, Duration travel) {
        /**
         * 400 ms and 400 ms. A collection of a small heap takes tens of milliseconds and a new TLS connection through the
         * proxy 60 ms, so that both have several times what they need; and of the calls that a full minute allows,
         * 60 / 60.8 = 98.7 % are used, above the promised 98 %, which the guard as a whole may not undercut (1.22 s).
         */
        public static final Guard DEFAULT = new Guard(Duration.ofMillis(400), Duration.ofMillis(400));

        public Guard {
            if (dispatch.toMillis() < 1 || travel.isNegative()) {
                throw new IllegalArgumentException("a guard needs at least 1 ms to dispatch");
            }
        }

        Duration total() {
            return dispatch.plus(travel);
        }
    }

    public QuotaLimits {
        if (perMinute < 1
                || perDay.filter(limit -> limit < 1).isPresent()
                || tokensPerMinute.filter(limit -> limit < 1).isPresent()
                || window.toMillis() < 1) {
            throw new IllegalArgumentException("limits and window must be positive");
        }
    }

    /** Limits without one of tokens, with the default guard. */
    public QuotaLimits(int perMinute, Optional<Integer> perDay, Duration window, Duration cooldown) {
        this(perMinute, perDay, Optional.empty(), window, cooldown, Guard.DEFAULT);
    }

    public QuotaLimits withTokensPerMinute(Optional<Integer> limit) {
        return new QuotaLimits(perMinute, perDay, limit, window, cooldown, guard);
    }

    public QuotaLimits with(Guard newGuard) {
        return new QuotaLimits(perMinute, perDay, tokensPerMinute, window, cooldown, newGuard);
    }

    /** These with the group's own limits in the place of those it has. */
    QuotaLimits of(QuotaGroup group) {
        return new QuotaLimits(
                group.limits().requestsPerMinute().orElse(perMinute),
                group.limits().requestsPerDay().or(() -> perDay),
                group.limits().tokensPerMinute().or(() -> tokensPerMinute),
                window,
                cooldown,
                guard);
    }

    /** Whether every place that keeps the other limits keeps these too. */
    boolean allows(QuotaLimits other) {
        return perMinute >= other.perMinute
                && within(other.perDay, perDay)
                && within(other.tokensPerMinute, tokensPerMinute);
    }

    private static boolean within(Optional<Integer> one, Optional<Integer> other) {
        return other.isEmpty() || one.filter(limit -> limit <= other.get()).isPresent();
    }

    /** Slots of a full window must lie this far apart. */
    Duration span() {
        return window.plus(guard.total());
    }
}
