package dev.parley.worker.quota;

import dev.parley.worker.key.ApiKey;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
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
 * are disabled. From it come turns while Redis is away, first come first served: the fair order between users is kept in
 * Redis and is not worth a second one for the time without it. Thread-safe; the lock is never held over I/O. Times are
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
                        book.removePromises();
                    }
                    book.group = group;
                    book.limits = own;
                    book.configured = true;
                }
                books.put(group.name(), book);
            }
            before.forEach((name, book) -> {
                book.configured = false;
                book.removePromises();
                if (book.matters(now, clockNow)) {
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
    Choice reserve(ReservationId id, Demand demand, WorkerShare share, long notBefore, long now) {
        lock.lock();
        try {
            if (frozen) {
                QuotaGroup any = books.values().iterator().next().group;
                return new Choice.Frozen(any, any.keys().getFirst());
            }
            Instant clockNow = clock.instant();
            for (Book book : books.values()) {
                Book.Pages pages = book.of(demand.model(), now, clockNow);
                Optional<SlidingLog.Entry> place = pages.log.promised(id);
                if (place.isEmpty()) {
                    continue;
                }
                long slot = place.get().slot();
                if (now < slot && pages.coolUntil <= slot && !book.usable().isEmpty()) {
                    return new Choice.Slot(
                            book.group, book.key(), slot, place.get().member(), false);
                }
                pages.log.remove(place.get().member());
                boolean inTime = now <= slot + limits.guard().dispatch().toMillis();
                if (inTime
                        && pages.coolUntil <= now
                        && !book.usable().isEmpty()
                        && dayLeft(book, pages, share, clockNow) > 0) {
                    return take(
                            new Place(book, pages, Math.max(slot, notBefore)),
                            id,
                            now,
                            place.get().member(),
                            place.get().tokens());
                }
            }
            return chosen(id, demand, share, notBefore, now, clockNow);
        } finally {
            lock.unlock();
        }
    }

    private record Place(Book book, Book.Pages pages, long slot) {
        boolean before(Place other) {
            if (slot != other.slot) {
                return slot < other.slot;
            }
            int used = Long.compare(
                    (long) pages.log.size() * other.book.group.weight(),
                    (long) other.pages.log.size() * book.group.weight());
            return used < 0 || (used == 0 && pages.turn < other.pages.turn);
        }
    }

    private Choice chosen(
            ReservationId id, Demand demand, WorkerShare share, long notBefore, long now, Instant clockNow) {
        Place best = null;
        boolean anyKey = false;
        long until = Long.MAX_VALUE;
        for (Book book : books.values()) {
            Book.Pages pages = book.of(demand.model(), now, clockNow);
            pages.log.trim(now);
            if (book.usable().isEmpty()) {
                continue;
            }
            anyKey = true;
            int limit = share.of(book.limits.perMinute(), book.group.name());
            int tokenLimit = tokenLimit(book, share);
            if (limit == 0 || tokenLimit == 0) {
                // The share may change with the workers; look again soon.
                until = Math.min(until, now + 5_000);
                continue;
            }
            long from = Math.max(Math.max(now, notBefore), pages.coolUntil);
            if (dayLeft(book, pages, share, clockNow) <= 0) {
                Instant reset =
                        PacificDays.nextMidnight(clockNow.plus(DAY_GUARD)).plus(DAY_GUARD);
                from = Math.max(from, now + Duration.between(clockNow, reset).toMillis());
            }
            Place place = new Place(
                    book, pages, pages.log.gap(from, limit, size(book, demand.tokens(), tokenLimit), tokenLimit));
            if (best == null || place.before(best)) {
                best = place;
            }
        }
        if (best == null) {
            return anyKey
                    ? new Choice.None("Redis is away and this worker's share is none", OptionalLong.of(until))
                    : new Choice.None("every key is disabled", OptionalLong.empty());
        }
        if (best.slot() > now + HORIZON_MILLIS) {
            return new Choice.None("no quota group is usable before", OptionalLong.of(best.slot()));
        }
        return take(
                best, id, now, member + ++turns, size(best.book(), demand.tokens(), tokenLimit(best.book(), share)));
    }

    private static int tokenLimit(Book book, WorkerShare share) {
        return book.limits
                .tokensPerMinute()
                .map(limit -> share.of(limit, book.group.name()))
                .orElse(Integer.MAX_VALUE);
    }

    /** What is larger than the limit takes a whole span for itself; where there is no limit nothing is counted. */
    private static int size(Book book, int tokens, int limit) {
        return book.limits.tokensPerMinute().isEmpty() ? 0 : Math.min(tokens, limit);
    }

    private Choice take(Place place, ReservationId id, long now, String entry, int tokens) {
        Book book = place.book();
        boolean due = place.slot() <= now;
        place.pages().log.add(new SlidingLog.Entry(place.slot(), entry, id, due, tokens));
        place.pages().turn = ++turns;
        if (due) {
            place.pages().turnDay(clock.instant());
            place.pages().today++;
            remember(id, now);
        }
        return new Choice.Slot(book.group, book.key(), place.slot(), entry, due);
    }

    private int dayLeft(Book book, Book.Pages pages, WorkerShare share, Instant now) {
        if (book.limits.perDay().isEmpty()) {
            return Integer.MAX_VALUE;
        }
        Instant near = PacificDays.startOf(now.plus(DAY_GUARD));
        if (near.isAfter(now) || PacificDays.startOf(now.minus(DAY_GUARD)).isBefore(PacificDays.startOf(now))) {
            return 0;
        }
        pages.turnDay(now);
        // A day of which nobody can tell what was spent may be spent whole.
        return pages.knownToday
                .map(known -> {
                    // The others may have called since Redis last told, but not more than the window lets through.
                    int others = share.count() == 1 ? 0 : book.limits.perMinute();
                    int mine = pages.today - pages.todayWhenTold;
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
    void spent(ReservationId id, Lane lane, String entry, int tokens, long now) {
        lock.lock();
        try {
            remember(id, now);
            // None: its group went away between the question and the answer.
            pages(lane).ifPresent(pages -> {
                pages.log.trim(now);
                pages.log.add(new SlidingLog.Entry(now, entry, id, true, tokens));
                pages.turnDay(clock.instant());
                pages.today++;
            });
        } finally {
            lock.unlock();
        }
    }

    private Optional<Book.Pages> pages(Lane lane) {
        return Optional.ofNullable(books.get(lane.group()))
                .map(book -> book.of(lane.model(), SharedQuota.mono(), clock.instant()));
    }

    /** Takes back a place under which no call was made. */
    void forget(Lane lane, String entry) {
        change(lane, pages -> {
            if (pages.log.remove(entry).filter(SlidingLog.Entry::given).isPresent() && pages.today > 0) {
                pages.today--;
            }
        });
    }

    /** Says what a call has really taken. */
    void correct(Lane lane, String entry, int tokens) {
        change(lane, pages -> pages.log.correct(entry, tokens));
    }

    void forgetPromise(ReservationId id) {
        lock.lock();
        try {
            books.values().forEach(book -> book.models()
                    .values()
                    .forEach(pages -> pages.log.promised(id).ifPresent(entry -> pages.log.remove(entry.member()))));
        } finally {
            lock.unlock();
        }
    }

    /** The shared order holds again: places of the local one are void. */
    void forgetPromises() {
        lock.lock();
        try {
            books.values().forEach(Book::removePromises);
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
            books.forEach((name, book) -> book.models().forEach((model, pages) -> {
                String lane = new Lane(name, model).text();
                pages.log.trim(now);
                for (SlidingLog.Entry entry : pages.log.entries()) {
                    if (entry.given()) {
                        calls.addAll(List.of(
                                lane,
                                entry.member(),
                                Long.toString(entry.slot() + ahead),
                                Integer.toString(entry.tokens())));
                    }
                }
                if (book.limits.perDay().isPresent() && pages.today > 0) {
                    pages.turnDay(clock.instant());
                    days.addAll(List.of(lane, Long.toString(pages.day.toEpochMilli()), Integer.toString(pages.today)));
                }
            }));
            return new SharedQuota.Spent(calls, days);
        } finally {
            lock.unlock();
        }
    }

    /** A later end only: a rest is not shortened. */
    void cool(Lane lane, long until, String why) {
        change(lane, pages -> {
            if (until > pages.coolUntil) {
                pages.coolUntil = until;
                pages.why = why;
            }
        });
    }

    void probed(Lane lane) {
        change(lane, pages -> pages.coolUntil = Long.MIN_VALUE);
    }

    void disable(String group, String keyHash, String reason) {
        changeGroup(group, book -> book.disabled.put(keyHash, reason));
    }

    void enable(String group, String keyHash) {
        changeGroup(group, book -> book.disabled.remove(keyHash));
    }

    private void change(Lane lane, Consumer<Book.Pages> change) {
        lock.lock();
        try {
            pages(lane).ifPresent(change);
        } finally {
            lock.unlock();
        }
    }

    private void changeGroup(String group, Consumer<Book> change) {
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
                book.disabled.clear();
                book.disabled.putAll(state.disabled());
                book.toldAt(clockNow);
                // Of a model that Redis does not name, nothing was called for a long time.
                book.models().values().forEach(pages -> {
                    pages.coolUntil = Long.MIN_VALUE;
                    pages.told(0, clockNow);
                });
                state.models().forEach((model, seen) -> {
                    Book.Pages pages = book.of(model, now, clockNow);
                    if (seen.coolUntil() > state.now()) {
                        pages.coolUntil = now + seen.coolUntil() - state.now();
                        pages.why = seen.why();
                    }
                    pages.told(seen.usedToday(), clockNow);
                });
            });
        } finally {
            lock.unlock();
        }
    }

    /** A rest of a group for one model. */
    record Rest(String model, long until, String why) {}

    /**
     * What is remembered of a group.
     *
     * @param rests those that last, the longest first
     * @param used calls in the window that ends now, to the model with the most
     * @param today likewise
     */
    record Memory(List<Rest> rests, Map<String, String> disabled, int used, int today) {}

    Memory memory(String group, long now) {
        lock.lock();
        try {
            Book book = books.get(group);
            if (book == null) {
                return new Memory(List.of(), Map.of(), 0, 0);
            }
            long windowBegan = now - limits.window().toMillis();
            int used = 0;
            int today = 0;
            List<Rest> rests = new ArrayList<>();
            for (Map.Entry<String, Book.Pages> each : book.models().entrySet()) {
                Book.Pages pages = each.getValue();
                used = Math.max(used, (int) pages.log.entries().stream()
                        .filter(entry -> entry.slot() <= now && entry.slot() > windowBegan)
                        .count());
                today = Math.max(today, pages.today);
                if (pages.coolUntil > now) {
                    rests.add(new Rest(each.getKey(), pages.coolUntil, pages.why));
                }
            }
            rests.sort(Comparator.comparingLong(Rest::until).reversed());
            return new Memory(List.copyOf(rests), Map.copyOf(book.disabled), used, today);
        } finally {
            lock.unlock();
        }
    }

    Map<String, Memory> memories(long now) {
        Map<String, Memory> memories = new HashMap<>();
        lock.lock();
        try {
            books.keySet().forEach(group -> memories.put(group, memory(group, now)));
        } finally {
            lock.unlock();
        }
        return memories;
    }
}
