package dev.parley.worker.quota;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The calls of one lane in the order of their slots; the same law as in {@code quota.lua}, for when there is no Redis: any
 * limit+1 neighbours lie at least a span apart, and the tokens of a span stay within their limit. Not thread-safe. Times
 * are milliseconds on any one scale.
 */
final class SlidingLog {
    /** @param given whether a call may have been made; otherwise it is a promise for later */
    record Entry(long slot, String member, ReservationId id, boolean given, int tokens) {}

    private final long span;
    private final List<Entry> entries = new ArrayList<>();

    SlidingLog(long span) {
        this.span = span;
    }

    /** The earliest time from {@code from} on at which one more call keeps the law. @param limit at least 1 */
    long gap(long from, int limit) {
        long x = from;
        // Calls j to j+limit-1 less than a span apart forbid what is nearer than a span to all of them. Both ends of
        // what they forbid grow with j, so that one walk finds the first gap.
        for (int j = after(x - span); j + limit - 1 < entries.size(); j++) {
            long first = entries.get(j).slot();
            long last = entries.get(j + limit - 1).slot();
            if (last >= x + span) {
                return x;
            }
            if (last - first < span && first > x - span) {
                x = first + span;
            }
        }
        return x;
    }

    /** As {@link #gap}, for a call of so many tokens where a span allows so many. @param tokens at most the limit */
    long gap(long from, int limit, int tokens, int tokenLimit) {
        long x = gap(from, limit);
        while (true) {
            long next = room(x, tokens, tokenLimit);
            if (next == x) {
                return x;
            }
            // Each step leaves a call behind, so there are no more steps than calls.
            x = gap(next, limit);
        }
    }

    /** This time if the tokens fit into every span around it; otherwise a later one, before which they do not. */
    private long room(long x, int tokens, int tokenLimit) {
        long next = x;
        int first = after(x - span);
        for (int i = first; i < entries.size() && entries.get(i).slot() < x + span; i++) {
            long start = entries.get(i).slot();
            long sum = tokens;
            for (int j = i; j < entries.size() && entries.get(j).slot() < Math.min(start, x) + span; j++) {
                sum += entries.get(j).tokens();
            }
            if (sum > tokenLimit) {
                next = start + span;
            }
            if (start >= x) {
                break;
            }
        }
        return next;
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

    /** Says what a call has really taken. */
    void correct(String member, int tokens) {
        entries.replaceAll(entry -> entry.member().equals(member)
                ? new Entry(entry.slot(), member, entry.id(), entry.given(), tokens)
                : entry);
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
