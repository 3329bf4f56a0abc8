package dev.parley.worker.quota;

import dev.parley.worker.key.ApiKey;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a worker remembers of one quota group; guarded by {@link LocalQuota}'s lock. */
final class Book {
    /** Far more than are in use; of those, what matters no more is forgotten first. */
    private static final int MOST_MODELS = 64;

    /** As configured last. */
    QuotaGroup group;
    /** Of this group. */
    QuotaLimits limits;
    /** Whether it is configured still; a group that is gone is only remembered, in case it comes back. */
    boolean configured = true;

    final Map<String, String> disabled = new LinkedHashMap<>();
    private final Map<String, Pages> models = new HashMap<>();
    private int keyTurn;
    /** The Pacific day for which Redis last told what all workers had spent; what it did not name then was nothing. */
    private Instant toldDay = Instant.EPOCH;

    Book(QuotaGroup group, QuotaLimits limits) {
        this.group = group;
        this.limits = limits;
    }

    /** What is remembered of a group's calls to one model. */
    static final class Pages {
        final SlidingLog log;
        long coolUntil = Long.MIN_VALUE;
        String why = "";
        long turn;
        /** Own calls of the Pacific day that began at {@code day}. */
        Instant day = Instant.EPOCH;

        int today;
        /** What all workers had spent of that day when Redis last told; empty if it never did. */
        Optional<Integer> knownToday = Optional.empty();
        /** Own calls of that day at the same moment. */
        int todayWhenTold;

        private Pages(long span) {
            this.log = new SlidingLog(span);
        }

        void turnDay(Instant now) {
            Instant start = PacificDays.startOf(now);
            if (!start.equals(day)) {
                // A day that began while we watched began with nothing spent.
                knownToday = day.equals(Instant.EPOCH) ? Optional.empty() : Optional.of(0);
                day = start;
                today = 0;
                todayWhenTold = 0;
            }
        }

        void told(int spent, Instant now) {
            turnDay(now);
            knownToday = Optional.of(spent);
            todayWhenTold = today;
        }

        boolean matters(long now, Instant clockNow) {
            log.trim(now);
            turnDay(clockNow);
            return log.size() > 0 || today > 0 || coolUntil > now;
        }
    }

    Pages of(String model, long now, Instant clockNow) {
        Pages pages = models.get(model);
        if (pages == null) {
            if (models.size() >= MOST_MODELS) {
                models.values().removeIf(each -> !each.matters(now, clockNow));
            }
            pages = new Pages(limits.span().toMillis());
            if (toldDay.equals(PacificDays.startOf(clockNow))) {
                pages.told(0, clockNow);
            }
            models.put(model, pages);
        }
        return pages;
    }

    Map<String, Pages> models() {
        return models;
    }

    void toldAt(Instant clockNow) {
        toldDay = PacificDays.startOf(clockNow);
    }

    List<ApiKey> usable() {
        if (!configured) {
            return List.of();
        }
        return disabled.isEmpty()
                ? group.keys()
                : group.keys().stream()
                        .filter(key -> !disabled.containsKey(key.hash()))
                        .toList();
    }

    ApiKey key() {
        List<ApiKey> usable = usable();
        return usable.get(Math.floorMod(keyTurn++, usable.size()));
    }

    void removePromises() {
        models.values().forEach(pages -> pages.log.removePromises());
    }

    boolean matters(long now, Instant clockNow) {
        return models.values().stream()
                        .filter(pages -> pages.matters(now, clockNow))
                        .count()
                > 0;
    }
}
