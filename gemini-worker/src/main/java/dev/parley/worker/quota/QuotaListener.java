package dev.parley.worker.quota;

import java.time.Duration;

/** Hears what the scheduler does, for meters. Called on the caller's thread; must be quick and not throw. */
public interface QuotaListener {
    QuotaListener NONE = new QuotaListener() {};

    /** A turn was given. @param took for the question itself, not the wait it answered with */
    default void reserved(Turn turn, Duration took) {}

    /** A slot passed before its call was sent. */
    default void missed(String group) {}

    default void cooled(String group, String reason) {}

    /** An operator should look. */
    default void disabled(String group, String keyHash, String reason) {}

    /** Whether the shared quota in Redis is in use, or this worker's own share. */
    default void shared(boolean shared) {}

    /** Tells both, in this order. */
    static QuotaListener all(QuotaListener one, QuotaListener other) {
        return new QuotaListener() {
            @Override
            public void reserved(Turn turn, Duration took) {
                one.reserved(turn, took);
                other.reserved(turn, took);
            }

            @Override
            public void missed(String group) {
                one.missed(group);
                other.missed(group);
            }

            @Override
            public void cooled(String group, String reason) {
                one.cooled(group, reason);
                other.cooled(group, reason);
            }

            @Override
            public void disabled(String group, String keyHash, String reason) {
                one.disabled(group, keyHash, reason);
                other.disabled(group, keyHash, reason);
            }

            @Override
            public void shared(boolean shared) {
                one.shared(shared);
                other.shared(shared);
            }
        };
    }
}
