package dev.parley.api.live;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One open connection that watches a chat: a bounded queue between the hub and the connection's thread. A reader that
 * falls behind loses its queue and is told to begin anew from a snapshot, so a slow one costs nobody else. Thread-safe.
 */
final class Viewer {
    /** A minute of a fast answer. */
    private static final int ROOM = 2_048;

    /** What a viewer waits for. */
    sealed interface Signal {
        /** Something happened in the chat. */
        record Happened(HubEvent event) implements Signal {}

        /** Events may have been missed: send a snapshot. */
        record Resync() implements Signal {}

        /** Nothing for a while: show that the connection lives. */
        record Quiet() implements Signal {}

        /** The service stops; the browser shall come back to another instance. */
        record Ended() implements Signal {}
    }

    private final UUID chat;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<HubEvent> queue = new ArrayDeque<>();
    private boolean resync;
    private boolean ended;

    Viewer(UUID chat) {
        this.chat = chat;
    }

    UUID chat() {
        return chat;
    }

    void offer(List<? extends HubEvent> events) {
        lock.lock();
        try {
            if (queue.size() + events.size() > ROOM) {
                queue.clear();
                resync = true;
            }
            if (!resync) {
                queue.addAll(events);
            }
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Forgets what is queued; the next signal is {@link Signal.Resync}. */
    void resync() {
        lock.lock();
        try {
            queue.clear();
            resync = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    void end() {
        lock.lock();
        try {
            ended = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Whether {@link #next} would have to wait for an event. */
    boolean idle() {
        lock.lock();
        try {
            return queue.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** Waits for the next signal, at most this long. Called by the connection's thread only. */
    Signal next(long maxMillis) throws InterruptedException {
        long nanos = TimeUnit.MILLISECONDS.toNanos(maxMillis);
        lock.lock();
        try {
            while (true) {
                if (ended) {
                    return new Signal.Ended();
                }
                if (resync) {
                    resync = false;
                    return new Signal.Resync();
                }
                Optional<HubEvent> event = Optional.ofNullable(queue.poll());
                if (event.isPresent()) {
                    return new Signal.Happened(event.get());
                }
                if (nanos <= 0) {
                    return new Signal.Quiet();
                }
                nanos = changed.awaitNanos(nanos);
            }
        } finally {
            lock.unlock();
        }
    }
}
