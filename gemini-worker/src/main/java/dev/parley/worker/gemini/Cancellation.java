package dev.parley.worker.gemini;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/** The wish to stop a call, made by one thread and obeyed by another; the first reason given stays. Thread-safe. */
public final class Cancellation {
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<Registration> registrations = new LinkedHashSet<>();
    private volatile String reason;

    /** Runs every registered action once, in the caller's thread; later calls change nothing. */
    public void cancel(String why) {
        List<Registration> due;
        lock.lock();
        try {
            if (reason != null) {
                return;
            }
            reason = why;
            due = List.copyOf(registrations);
            registrations.clear();
        } finally {
            lock.unlock();
        }
        // Outside the lock: an action may look at this cancellation.
        due.forEach(each -> each.action.run());
    }

    public boolean isCancelled() {
        return reason != null;
    }

    public Optional<String> reason() {
        return Optional.ofNullable(reason);
    }

    /**
     * Runs the action on cancellation, or at once when that has been. It must be quick and must not throw. Closing the
     * registration withdraws it; an action that is just running is not waited for.
     */
    public Registration onCancel(Runnable action) {
        Registration registration = new Registration(action);
        lock.lock();
        try {
            if (reason == null) {
                registrations.add(registration);
                return registration;
            }
        } finally {
            lock.unlock();
        }
        action.run();
        return registration;
    }

    /** A registered action. Idempotent to close. */
    public final class Registration implements AutoCloseable {
        private final Runnable action;

        private Registration(Runnable action) {
            this.action = action;
        }

        @Override
        public void close() {
            lock.lock();
            try {
                registrations.remove(this);
            } finally {
                lock.unlock();
            }
        }
    }
}
