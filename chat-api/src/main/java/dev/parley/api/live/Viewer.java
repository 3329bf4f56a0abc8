package dev.parley.api.live;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
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
    private final long quietNanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<HubEvent> queue = new ArrayDeque<>();
    private boolean resync;
    private boolean ended;
    private boolean quiet;
    /** When the last signal was taken. */
    private long last = System.nanoTime();

    /** @param quiet after which of nothing a signal says so, when {@link #tick} looks */
    Viewer(UUID chat, Duration quiet) {
        this.chat = chat;
        this.quietNanos = quiet.toNanos();
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

    /**
     * Looks whether it has been quiet for long. The hub does so for all its viewers: a wait with a timeout would wake a
     * timer's thread twice for each event.
     *
     * @param now {@link System#nanoTime()}
     */
    void tick(long now) {
        lock.lock();
        try {
            if (now - last >= quietNanos) {
                quiet = true;
                changed.signal();
            }
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

    /** Waits for the next signal. Called by the connection's thread only. */
    Signal next() throws InterruptedException {
        lock.lock();
        try {
            Optional<Signal> signal;
            while ((signal = poll()).isEmpty()) {
                changed.await();
            }
            quiet = false;
            last = System.nanoTime();
            return signal.get();
        } finally {
            lock.unlock();
        }
    }

    private Optional<Signal> poll() {
        if (ended) {
            return Optional.of(new Signal.Ended());
        }
        if (resync) {
            resync = false;
            return Optional.of(new Signal.Resync());
        }
        HubEvent event = queue.poll();
        if (event != null) {
            return Optional.of(new Signal.Happened(event));
        }
        return quiet ? Optional.of(new Signal.Quiet()) : Optional.empty();
    }
}
