package dev.parley.dev.gemini;

import java.util.Arrays;

/**
 * Counts events in a rolling half-open window, and remembers the fullest window there ever was. The two-pointer sweep over
 * the history is done as it happens, so that the worst window is exact however long the history, and only the events of one
 * window are kept. Not thread-safe; times are nanoseconds that never go back.
 *
 * <p>Memory is bounded: of more than 1,048,576 events within one window the oldest are forgotten, and the worst count stays at
 * that number.
 */
final class RollingWindow {
    static final int MOST = 1 << 20;

    private final long window;
    private long[] ring = new long[16];
    private int head;
    private int size;
    private int worst;

    RollingWindow(long windowNanos) {
        this.window = windowNanos;
    }

    /** Adds an event and gives the number of events in the window that it ends, itself included. */
    int add(long now) {
        forgetBefore(now);
        if (size == MOST) {
            drop();
        }
        if (size == ring.length) {
            long[] larger = Arrays.copyOfRange(ring, head, head + 2 * size);
            System.arraycopy(ring, 0, larger, size - head, head);
            ring = larger;
            head = 0;
        }
        ring[(head + size) & (ring.length - 1)] = now;
        size++;
        worst = Math.max(worst, size);
        return size;
    }

    /** How many events the window that ends now holds. */
    int count(long now) {
        forgetBefore(now);
        return size;
    }

    /** Nanoseconds until the oldest event of the present window leaves it, 0 when there is none. */
    long untilOldestLeaves(long now) {
        forgetBefore(now);
        return size == 0 ? 0 : ring[head] - now + window;
    }

    /** The largest number of events that any window ever held. */
    int worst() {
        return worst;
    }

    /** An event exactly one window old is out: [t, t + window) is half-open, for the limit and the report alike. */
    private void forgetBefore(long now) {
        while (size > 0 && now - ring[head] >= window) {
            drop();
        }
    }

    private void drop() {
        head = (head + 1) & (ring.length - 1);
        size--;
    }
}
