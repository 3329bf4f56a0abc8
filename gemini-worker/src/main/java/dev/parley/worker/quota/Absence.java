package dev.parley.worker.quota;

import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Whether this worker spends from the shared quota or, while Redis is away, its own share of it; and what it has to know
 * for the law when it goes from one to the other: since when it is away, and who else was there meanwhile. Thread-safe.
 */
final class Absence {
    /** How much later or earlier than us another worker may have noticed that Redis is away: a heartbeat's life. */
    private static final Duration HEARSAY = Duration.ofSeconds(15);
    /** So long after losing Redis a worker that is not alone keeps its requests at hand, as most absences are short. */
    private static final Duration HESITATION = Duration.ofSeconds(5);

    private final long spanMillis;
    private final long tickMillis;
    private final Supplier<WorkerShare> shares;
    private final ReentrantLock lock = new ReentrantLock();

    /** Written under the lock, which guards what follows. */
    private volatile boolean away;

    private long awaySince;
    private boolean metOthers;
    private WorkerShare share;
    private long shareSince;
    private long shareSeen;

    /**
     * @param tick how often {@link #look} is called at least
     * @param shares quick
     */
    Absence(Duration span, Duration tick, Supplier<WorkerShare> shares) {
        this.spanMillis = span.toMillis();
        this.tickMillis = tick.toMillis();
        this.shares = shares;
        this.share = shares.get();
        this.shareSince = SharedQuota.mono();
        this.shareSeen = shareSince;
    }

    boolean isAway() {
        return away;
    }

    /** @return whether that is news */
    boolean leave() {
        lock.lock();
        try {
            if (away) {
                return false;
            }
            away = true;
            awaySince = SharedQuota.mono();
            metOthers = share.count() > 1;
            return true;
        } finally {
            lock.unlock();
        }
    }

    void comeBack() {
        lock.lock();
        try {
            away = false;
        } finally {
            lock.unlock();
        }
    }

    /** Notices when the number of workers or this one's rank changes. */
    void look() {
        WorkerShare seen = shares.get();
        lock.lock();
        try {
            look(seen, SharedQuota.mono());
        } finally {
            lock.unlock();
        }
    }

    private void look(WorkerShare seen, long now) {
        // After a pause of the process nobody knows who was there in between.
        if (!seen.equals(share) || now - shareSeen > 10 * tickMillis) {
            share = seen;
            shareSince = now;
        }
        shareSeen = now;
        metOthers = metOthers || (away && seen.count() > 1);
    }

    /**
     * What may be spent now.
     *
     * @param notBefore until then calls of others, or unknown ones, may still fill the window
     * @param fresh Redis may be back in a moment
     */
    record Standing(WorkerShare share, long notBefore, boolean fresh) {}

    Standing standing() {
        WorkerShare seen = shares.get();
        lock.lock();
        try {
            long now = SharedQuota.mono();
            look(seen, now);
            // Alone for a whole span, our own log is complete. Otherwise the others may have spent everything up to the
            // moment at which they too had lost Redis.
            long since = share.count() == 1 ? shareSince : Math.max(shareSince, awaySince);
            return new Standing(share, since + spanMillis, now - awaySince < HESITATION.toMillis());
        } finally {
            lock.unlock();
        }
    }

    /** Whether others may have spent by their own too, so that a window has to pass after the return. */
    boolean othersMaySpend() {
        lock.lock();
        try {
            // They do only after a whole span without Redis, which may have begun before ours.
            return metOthers && SharedQuota.mono() - awaySince + HEARSAY.toMillis() >= spanMillis;
        } finally {
            lock.unlock();
        }
    }
}
