package dev.parley.worker.quota;

import dev.parley.worker.key.ApiKey;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * What this worker knows by itself: its own calls of the last span, made with or without Redis, and which groups cool or
 * are disabled. From it come turns while Redis is away. Thread-safe; the lock is never held over I/O. Times are
 * milliseconds of {@link SharedQuota#mono()} unless they say otherwise.
 */
final class LocalQuota {
    /** Without Redis places are promised only so far ahead: the order among workers is lost anyway. */
    private static final long HORIZON_MILLIS = Duration.ofHours(1).toMillis();
    /** As in {@code quota.lua}: nothing is spent so near to midnight, when the day is the provider's to tell. */
    private static final Duration DAY_GUARD = Duration.ofSeconds(5);

    private static final String MEMBER = "local:";
    /** The token of a turn that holds no place. */
    static final String NO_PLACE = MEMBER + "none";

    sealed interface Choice {
        /** Ask again in a moment. */
        record Frozen(QuotaGroup group, ApiKey key) implements Choice {}

        record Slot(QuotaGroup group, ApiKey key, long slot, String member, boolean given) implements Choice {}

        /** @param until empty when every key is disabled */
        record None(String reason, OptionalLong until) implements Choice {}
    }

    private static final class Book {
        /** As configured last. */
        QuotaGroup group;
        /** Of this group. */
        QuotaLimits limits;
        /** Whether it is configured still; a group that is gone is only remembered, in case it comes back. */
        boolean configured = true;

        final SlidingLog log;
        final Map<String, String> disabled = new LinkedHashMap<>();
        long coolUntil = Long.MIN_VALUE;
        String why = "";
        long turn;
        int keyTurn;
        /** Own calls of the Pacific day that began at {@code day}. */
        Instant day = Instant.EPOCH;

        int today;
        /** What all workers had spent of that day when Redis last told; empty if it never did. */
        Optional<Integer> knownToday = Optional.empty();
        /** Own calls of that day at the same moment. */
        int todayWhenTold;

        Book(QuotaGroup group, QuotaLimits limits) {
            this.group = group;
            this.limits = limits;
            this.log = new SlidingLog(limits.span().toMillis());
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
    }

    private final QuotaLimits limits;
    private final Clock clock;
    private final long span;
    private final String member;
    private final Map<String, Book> books = new LinkedHashMap<>();
    /** Ids under which a call may have been made, until no twin can ask for them any more. */
    private final LinkedHashMap<ReservationId, Long> given = new LinkedHashMap<>();

    private final ReentrantLock lock = new ReentrantLock();
    private long turns;
    private boolean frozen;

    LocalQuota(List<QuotaGroup> groups, QuotaLimits limits, String owner, Clock clock) {
        this.limits = limits;
        this.clock = clock;
        this.span = limits.span().toMillis();
        this.member = MEMBER + owner + ":";
        reload(groups);
    }

    /**
     * Goes on with other groups. What was spent stays known, also of groups that are gone, as a group that comes back has
     * its window still; places promised by a limit that has become smaller, or in a group that is gone, are void.
     */
    void reload(List<QuotaGroup> groups) {
        lock.lock();
        try {
            long now = SharedQuota.mono();
            Instant clockNow = clock.instant();
            Map<String, Book> before = new LinkedHashMap<>(books);
            books.clear();
            for (QuotaGroup group : groups) {
                QuotaLimits own = limits.of(group);
                Book book = before.remove(group.name());
                if (book == null) {
                    book = new Book(group, own);
                } else {
                    if (!own.allows(book.limits)) {
                        book.log.removePromises();
                    }
                    book.group = group;
                    book.limits = own;
                    book.configured = true;
                }
                books.put(group.name(), book);
            }
            before.forEach((name, book) -> {
                book.configured = false;
                book.log.removePromises();
                book.log.trim(now);
                book.turnDay(clockNow);
                if (book.log.size() > 0 || book.today > 0) {
                    books.put(name, book);
                }
            });
        } finally {
            lock.unlock();
        }
    }

    /** While what was spent is brought to Redis nothing more is, or it would be missing there. */
    void freeze(boolean freeze) {
        lock.lock();
        try {
            frozen = freeze;
        } finally {
            lock.unlock();
        }
    }

    static boolean isLocal(String token) {
        return token.startsWith(MEMBER);
    }

    /**
     * A turn out of this worker's share.
     *
     * @param notBefore until when calls of others, or unknown ones, may still fill the window
     */
    Choice reserve(ReservationId id, WorkerShare share, long notBefore, long now) {
        lock.lock();
        try {
            if (frozen) {
                QuotaGroup any = books.values().iterator().next().group;
                return new Choice.Frozen(any, any.keys().getFirst());
            }
            Instant clockNow = clock.instant();
            for (Book book : books.values()) {
                Optional<SlidingLog.Entry> place = book.log.promised(id);
                if (place.isEmpty()) {
                    continue;
                }
                long slot = place.get().slot();
                if (now < slot && book.coolUntil <= slot && !book.usable().isEmpty()) {
                    return new Choice.Slot(
                            book.group, key(book), slot, place.get().member(), false);
                }
                book.log.remove(place.get().member());
                boolean inTime = now <= slot + limits.guard().dispatch().toMillis();
                if (inTime && book.coolUntil <= now && !book.usable().isEmpty() && dayLeft(book, share, clockNow) > 0) {
                    return take(
                            id,
                            book,
                            Math.max(slot, notBefore),
                            now,
                            place.get().member());
                }
            }
            Book best = null;
            long bestSlot = Long.MAX_VALUE;
            boolean anyKey = false;
            long until = Long.MAX_VALUE;
            for (Book book : books.values()) {
                book.log.trim(now);
                if (book.usable().isEmpty()) {
                    continue;
                }
                anyKey = true;
                int limit = share.of(book.limits.perMinute(), book.group.name());
                if (limit == 0) {
                    // The share may change with the workers; look again soon.
                    until = Math.min(until, now + 5_000);
                    continue;
                }
                long from = Math.max(Math.max(now, notBefore), book.coolUntil);
                if (dayLeft(book, share, clockNow) <= 0) {
                    Instant reset =
                            PacificDays.nextMidnight(clockNow.plus(DAY_GUARD)).plus(DAY_GUARD);
                    from = Math.max(
                            from, now + Duration.between(clockNow, reset).toMillis());
                }
                long slot = book.log.gap(from, limit);
                if (best == null || slot < bestSlot || (slot == bestSlot && before(book, best))) {
                    best = book;
                    bestSlot = slot;
                }
            }
            if (best == null) {
                return anyKey
                        ? new Choice.None("Redis is away and this worker's share is none", OptionalLong.of(until))
                        : new Choice.None("every key is disabled", OptionalLong.empty());
            }
            if (bestSlot > now + HORIZON_MILLIS) {
                return new Choice.None("no quota group is usable before", OptionalLong.of(bestSlot));
            }
            return take(id, best, bestSlot, now, member + ++turns);
        } finally {
            lock.unlock();
        }
    }

    private static boolean before(Book one, Book other) {
        int used = Long.compare(
                (long) one.log.size() * other.group.weight(), (long) other.log.size() * one.group.weight());
        return used < 0 || (used == 0 && one.turn < other.turn);
    }

    private Choice take(ReservationId id, Book book, long slot, long now, String entry) {
        boolean due = slot <= now;
        book.log.add(new SlidingLog.Entry(slot, entry, id, due));
        book.turn = ++turns;
        if (due) {
            book.turnDay(clock.instant());
            book.today++;
            remember(id, now);
        }
        return new Choice.Slot(book.group, key(book), slot, entry, due);
    }

    private static ApiKey key(Book book) {
        List<ApiKey> usable = book.usable();
        return usable.get(Math.floorMod(book.keyTurn++, usable.size()));
    }

    private int dayLeft(Book book, WorkerShare share, Instant now) {
        if (book.limits.perDay().isEmpty()) {
            return Integer.MAX_VALUE;
        }
        Instant near = PacificDays.startOf(now.plus(DAY_GUARD));
        if (near.isAfter(now) || PacificDays.startOf(now.minus(DAY_GUARD)).isBefore(PacificDays.startOf(now))) {
            return 0;
        }
        book.turnDay(now);
        // A day of which nobody can tell what was spent may be spent whole.
        return book.knownToday
                .map(known -> {
                    // The others may have called since Redis last told, but not more than the window lets through.
                    int others = share.count() == 1 ? 0 : book.limits.perMinute();
                    int mine = book.today - book.todayWhenTold;
                    return share.of(Math.max(0, book.limits.perDay().get() - known - others), book.group.name()) - mine;
                })
                .orElse(0);
    }

    private void remember(ReservationId id, long now) {
        given.remove(id);
        given.put(id, now);
        // Longer than Redis remembers the id.
        long oldest = now - span - 120_000;
        var eldest = given.entrySet().iterator();
        while (eldest.hasNext() && eldest.next().getValue() < oldest) {
            eldest.remove();
        }
    }

    boolean wasGiven(ReservationId id) {
        lock.lock();
        try {
            return given.containsKey(id);
        } finally {
            lock.unlock();
        }
    }

    /** Notes a call that Redis permitted. */
    void spent(ReservationId id, String group, String entry, long now) {
        lock.lock();
        try {
            remember(id, now);
            Book book = books.get(group);
            if (book == null) {
                // Its group went away between the question and the answer.
                return;
            }
            book.log.trim(now);
            book.log.add(new SlidingLog.Entry(now, entry, id, true));
            book.turnDay(clock.instant());
            book.today++;
        } finally {
            lock.unlock();
        }
    }

    /** Takes back a place under which no call was made. */
    void forget(String group, String entry) {
        lock.lock();
        try {
            Book book = books.get(group);
            if (book != null
                    && book.log.remove(entry).filter(SlidingLog.Entry::given).isPresent()
                    && book.today > 0) {
                book.today--;
            }
        } finally {
            lock.unlock();
        }
    }

    void forgetPromise(ReservationId id) {
        lock.lock();
        try {
            books.values().forEach(book -> book.log.promised(id).ifPresent(entry -> book.log.remove(entry.member())));
        } finally {
            lock.unlock();
        }
    }

    /** The shared order holds again: places of the local one are void. */
    void forgetPromises() {
        lock.lock();
        try {
            books.values().forEach(book -> book.log.removePromises());
        } finally {
            lock.unlock();
        }
    }

    /** @param ahead of Redis's clock before this worker's */
    SharedQuota.Spent spent(long ahead) {
        lock.lock();
        try {
            long now = SharedQuota.mono();
            List<String> calls = new ArrayList<>();
            List<String> days = new ArrayList<>();
            books.forEach((name, book) -> {
                book.log.trim(now);
                for (SlidingLog.Entry entry : book.log.entries()) {
                    if (entry.given()) {
                        calls.addAll(List.of(name, entry.member(), Long.toString(entry.slot() + ahead)));
                    }
                }
                if (book.limits.perDay().isPresent() && book.today > 0) {
                    book.turnDay(clock.instant());
                    days.addAll(List.of(name, Long.toString(book.day.toEpochMilli()), Integer.toString(book.today)));
                }
            });
            return new SharedQuota.Spent(calls, days);
        } finally {
            lock.unlock();
        }
    }

    /** A later end only: a rest is not shortened. @return when it ends */
    long cool(String group, long until, String why) {
        lock.lock();
        try {
            Book book = books.get(group);
            if (book == null) {
                return until;
            }
            if (until > book.coolUntil) {
                book.coolUntil = until;
                book.why = why;
            }
            return book.coolUntil;
        } finally {
            lock.unlock();
        }
    }

    void probed(String group) {
        change(group, book -> book.coolUntil = Long.MIN_VALUE);
    }

    void disable(String group, String keyHash, String reason) {
        change(group, book -> book.disabled.put(keyHash, reason));
    }

    void enable(String group, String keyHash) {
        change(group, book -> book.disabled.remove(keyHash));
    }

    private void change(String group, Consumer<Book> change) {
        lock.lock();
        try {
            Optional.ofNullable(books.get(group)).ifPresent(change);
        } finally {
            lock.unlock();
        }
    }

    /** What Redis knows of cooling and disabled groups replaces what this worker knew. */
    void learn(Map<String, SharedQuota.State> states, long now) {
        lock.lock();
        try {
            Instant clockNow = clock.instant();
            states.forEach((name, state) -> {
                Book book = books.get(name);
                if (book == null) {
                    return;
                }
                book.coolUntil =
                        state.coolUntil() > state.now() ? now + state.coolUntil() - state.now() : Long.MIN_VALUE;
                book.why = state.why();
                book.disabled.clear();
                book.disabled.putAll(state.disabled());
                book.turnDay(clockNow);
                book.knownToday = Optional.of(state.usedToday());
                book.todayWhenTold = book.today;
            });
        } finally {
            lock.unlock();
        }
    }

    /** What is remembered of a group. */
    record Memory(long coolUntil, String why, Map<String, String> disabled, int used, int today) {}

    Memory memory(String group, long now) {
        lock.lock();
        try {
            Book book = books.get(group);
            if (book == null) {
                return new Memory(Long.MIN_VALUE, "", Map.of(), 0, 0);
            }
            int used = (int) book.log.entries().stream()
                    .filter(entry -> entry.slot() <= now
                            && entry.slot() > now - limits.window().toMillis())
                    .count();
            return new Memory(book.coolUntil, book.why, Map.copyOf(book.disabled), used, book.today);
        } finally {
            lock.unlock();
        }
    }

    Map<String, Memory> memories(long now) {
        Map<String, Memory> memories = new HashMap<>();
        books.keySet().forEach(group -> memories.put(group, memory(group, now)));
        return memories;
    }
}
