package dev.parley.worker.request;

import dev.parley.pipeline.message.AnswerRef;
import dev.parley.worker.gemini.Cancellation;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/** What this worker holds right now, so that a cancel, a lost lease or a stop can reach it. Thread-safe. */
final class Running {
    /** Why a try was stopped; also what happens to its message. */
    static final String REVOKED = "revoked";

    static final String LEASE_LOST = "lease lost";
    static final String STOPPING = "stopping";

    /** One message in the hands of this worker. */
    final class Try {
        private final AnswerRef answer;
        private final Cancellation cancellation = new Cancellation();
        private volatile Phase phase = Phase.WAITING;
        private volatile String run = "";
        /** Makes sending a renewal and sending the release one after the other; Redis keeps that order. */
        private final ReentrantLock lease = new ReentrantLock();

        private Try(AnswerRef answer) {
            this.answer = answer;
        }

        AnswerRef answer() {
            return answer;
        }

        Cancellation cancellation() {
            return cancellation;
        }

        /** The run whose lease has to be kept alive; empty while there is none. */
        String run() {
            return run;
        }

        void holds(String newRun) {
            run = newRun;
        }

        /** Sends a renewal of the lease that is held, if one is. Never after {@link #letGo}: it would take it again. */
        void keep(Consumer<String> renewal) {
            lease.lock();
            try {
                if (!run.isEmpty()) {
                    renewal.accept(run);
                }
            } finally {
                lease.unlock();
            }
        }

        /** Sends the release of the lease that is held, if one is; from then on none is. */
        void letGo(Consumer<String> release) {
            lease.lock();
            try {
                if (!run.isEmpty()) {
                    release.accept(run);
                    run = "";
                }
            } finally {
                lease.unlock();
            }
        }

        void enters(Phase next) {
            phase = next;
            if (next == Phase.WAITING && stopping) {
                cancellation.cancel(STOPPING);
            }
        }
    }

    enum Phase {
        /** For the lease or for a turn under the quota. */
        WAITING,
        CALLING
    }

    private final ConcurrentMap<Long, Try> tries = new ConcurrentHashMap<>();
    private final java.util.concurrent.atomic.AtomicLong ids = new java.util.concurrent.atomic.AtomicLong();
    private volatile boolean stopping;

    /** Runs a message's handling as a registered try. */
    <E extends Exception> void with(AnswerRef answer, Action<E> action) throws E {
        long id = ids.incrementAndGet();
        Try held = new Try(answer);
        tries.put(id, held);
        held.enters(Phase.WAITING);
        try {
            action.run(held);
        } finally {
            tries.remove(id);
        }
    }

    interface Action<E extends Exception> {
        void run(Try held) throws E;
    }

    Collection<Try> all() {
        return List.copyOf(tries.values());
    }

    int count(Phase phase) {
        return (int) tries.values().stream().filter(held -> held.phase == phase).count();
    }

    /** Stops the answer's tries that are older than this order. @return whether there were any */
    boolean revoke(UUID answer, long order) {
        boolean found = false;
        for (Try held : tries.values()) {
            if (held.answer.answerId().equals(answer) && held.answer.order() < order) {
                held.cancellation.cancel(REVOKED);
                found = true;
            }
        }
        return found;
    }

    /** Stops what only waits; it goes back to the queue. What calls the model goes on. */
    void stopWaiting() {
        stopping = true;
        for (Try held : tries.values()) {
            if (held.phase == Phase.WAITING) {
                held.cancellation.cancel(STOPPING);
            }
        }
    }

    /** Stops everything; it goes back to the queue. */
    void stopAll() {
        stopping = true;
        tries.values().forEach(held -> held.cancellation.cancel(STOPPING));
    }
}
