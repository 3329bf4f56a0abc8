package dev.parley.dev.gemini;

import io.helidon.webserver.CloseConnectionException;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Every wait of a call: delays, hangs and gates. All of them end at once, by closing the connection, when the server is closed,
 * so that a hung call never holds up a stop. Thread-safe.
 */
final class Waits implements AutoCloseable {
    private static final int MOST_OPEN = 10_000;

    private final Duration longest;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Set<String> open = new LinkedHashSet<>();
    private final Map<String, Integer> held = new TreeMap<>();
    private long resets;
    private boolean closed;

    Waits(Duration longest) {
        this.longest = longest;
    }

    /** Waits this long. */
    void pause(Duration delay) {
        if (!delay.isZero()) {
            await(delay, null);
        }
    }

    /** Waits until the server is closed or a hang has lasted long enough; either way the connection is closed. */
    void hang() {
        await(longest, null);
        throw new CloseConnectionException("A call hung as it was told to");
    }

    /** Waits until the gate is opened. */
    void gate(String name) {
        if (!await(longest, name)) {
            throw new CloseConnectionException("Gate " + name + " was not opened in time");
        }
    }

    /** Opens a gate, for those who wait and for those who come. */
    void open(String gate) {
        lock.lock();
        try {
            if (open.size() >= MOST_OPEN) {
                open.remove(open.iterator().next());
            }
            open.add(gate);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Lets everyone who waits at a gate through, and closes all gates behind them. */
    void reset() {
        lock.lock();
        try {
            open.clear();
            resets++;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    Map<String, Integer> held() {
        lock.lock();
        try {
            return Map.copyOf(held);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** True when the gate was opened, false when the time was over. */
    private boolean await(Duration limit, String gate) {
        lock.lock();
        try {
            long left = limit.toNanos();
            long before = resets;
            if (gate != null) {
                held.merge(gate, 1, Integer::sum);
            }
            try {
                while (true) {
                    if (closed) {
                        throw new CloseConnectionException("The server is closed");
                    }
                    if (gate != null && (open.contains(gate) || resets != before)) {
                        return true;
                    }
                    if (left <= 0) {
                        return false;
                    }
                    left = changed.awaitNanos(left);
                }
            } finally {
                if (gate != null) {
                    held.computeIfPresent(gate, (_, n) -> n == 1 ? null : n - 1);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CloseConnectionException("The server stops", e);
        } finally {
            lock.unlock();
        }
    }
}
