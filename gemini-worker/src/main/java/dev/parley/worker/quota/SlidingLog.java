package dev.parley.worker.quota;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The calls of one group in the order of their slots; the same law as in {@code quota.lua}, for when there is no Redis:
 * any limit+1 neighbours lie at least a span apart. Not thread-safe. Times are milliseconds on any one scale.
 */
final class SlidingLog {
    /** @param given whether a call may have been made; otherwise it is a promise for later */
    record Entry(long slot, String member, ReservationId id, boolean given) {}

    private final long span;
    private final List<Entry> entries = new ArrayList<>();

    SlidingLog(long span) {
        this.span = span;
    }

    /** The earliest time from {@code from} on at which one more call keeps the law. @param limit at least 1 */
    long gap(long from, int limit) {
        long x = from;
        // Each round passes at least one call.
        for (int round = 0; round <= entries.size(); round++) {
            int first = after(x - span);
            int last = first + limit - 1;
            if (last >= entries.size() || entries.get(last).slot() - span >= x) {
                return x;
            }
            x = entries.get(first).slot() + span;
        }
        throw new IllegalStateException("no gap in " + entries.size() + " calls");
    }

    void add(Entry entry) {
        entries.add(after(entry.slot()), entry);
    }

    Optional<Entry> remove(String member) {
        Optional<Entry> found =
                entries.stream().filter(entry -> entry.member().equals(member)).findFirst();
        found.ifPresent(entries::remove);
        return found;
    }

    Optional<Entry> promised(ReservationId id) {
        return entries.stream()
                .filter(entry -> !entry.given() && entry.id().equals(id))
                .findFirst();
    }

    void removePromises() {
        entries.removeIf(entry -> !entry.given());
    }

    /** Forgets what no longer matters at {@code now} or later. */
    void trim(long now) {
        entries.subList(0, after(now - span)).clear();
    }

    int size() {
        return entries.size();
    }

    List<Entry> entries() {
        return List.copyOf(entries);
    }

    /** The index of the first entry later than {@code time}. */
    private int after(long time) {
        int low = 0;
        int high = entries.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (entries.get(middle).slot() <= time) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
