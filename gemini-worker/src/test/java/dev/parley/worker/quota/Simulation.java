package dev.parley.worker.quota;

import dev.parley.pipeline.redis.Redis;
import dev.parley.worker.key.ApiKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.stream.IntStream;

/** Workers that call models through the script of a real Redis, on a clock that jumps from event to event. */
final class Simulation {
    static final long START = 1_800_000_000_000L;
    static final String MODEL = "model";

    final Random random;
    final QuotaLimits limits;
    final Redis redis;
    final List<QuotaGroup> groups;
    final List<Worker> workers = new ArrayList<>();
    final Arrivals arrivals = new Arrivals();
    final List<Long> slotsInOrderOfAsking = new ArrayList<>();
    /** In the order of their calls. */
    final List<Request> called = new ArrayList<>();

    long now = START;
    /**
     * Of ten thousand turns: comes too late, dies and is taken over, is given back, is asked for too early by a clock that
     * jumped, has its answer lost on the way.
     */
    int late;
    /** Milliseconds after its time, at most. */
    int latest = 5_000;

    int dies;
    int givesBack;
    int early;
    int lost;
    int missed;

    /** What follows a call. */
    Consumer<Request> afterCall = request -> {};

    /** One message of a user. */
    static final class Request {
        final ReservationId id;
        final Demand demand;
        final long askedAt;
        /** When it would start, as it was first told. */
        long toldAt;

        long slot;

        Request(ReservationId id, Demand demand, long askedAt) {
            this.id = id;
            this.demand = demand;
            this.askedAt = askedAt;
        }

        long waited() {
            return slot - askedAt;
        }

        long told() {
            return toldAt - askedAt;
        }
    }

    private record Event(long at, long order, Runnable run) {}

    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::order));
    private long order;
    private int ids;

    Simulation(Redis redis, long seed, int groups, int workers, QuotaLimits limits) {
        this.redis = redis;
        this.random = new Random(seed);
        this.limits = limits;
        this.groups = IntStream.range(0, groups)
                .mapToObj(i -> new QuotaGroup("g" + i, List.of(new ApiKey("secret-" + i))))
                .toList();
        for (int i = 0; i < workers; i++) {
            this.workers.add(new Worker());
        }
    }

    /** One process; a restart forgets all of it. */
    final class Worker {
        final SharedQuota quota = new SharedQuota(redis, groups, limits, "w" + ids++, () -> Long.toString(now));
        final List<String> calls = new ArrayList<>();
        final Set<ReservationId> given = new HashSet<>();
        final LongFunction<SharedQuota.Spent> own = ahead -> new SharedQuota.Spent(List.copyOf(calls), List.of());
    }

    void at(long time, Runnable run) {
        events.add(new Event(time, order++, run));
    }

    void run(long until) {
        while (!events.isEmpty() && events.peek().at() <= until) {
            Event event = events.poll();
            now = Math.max(now, event.at());
            event.run().run();
        }
    }

    Worker any() {
        return workers.get(random.nextInt(workers.size()));
    }

    void restart(int worker) {
        workers.set(worker, new Worker());
    }

    static UUID user(int number) {
        return new UUID(0, number);
    }

    /** A request of a user of its own comes in now. */
    Request request() {
        return request(new Demand(MODEL, user(1_000_000 + ids), 0));
    }

    Request request(Demand demand) {
        Request request = new Request(new ReservationId("r" + ids++), demand, now);
        ask(any(), request, "");
        return request;
    }

    /** How many come before one that waits, as it is told when it is asked for. */
    int ahead(Request request) {
        Worker worker = any();
        SharedQuota.Answer answer = worker.quota.reserve(request.id, request.demand, "", false, worker.own);
        if (answer instanceof SharedQuota.Answer.Slot slot && !slot.given()) {
            return slot.ahead();
        }
        throw new AssertionError("does not wait: " + answer);
    }

    private void ask(Worker worker, Request request, String token) {
        boolean first = request.toldAt == 0;
        SharedQuota.Answer answer =
                worker.quota.reserve(request.id, request.demand, token, worker.given.contains(request.id), worker.own);
        if (random.nextInt(10_000) < lost) {
            // It asks again when it has waited for the answer in vain.
            at(now + 500, () -> ask(worker, request, token));
            return;
        }
        switch (answer) {
            case SharedQuota.Answer.None none -> none.until().ifPresent(at -> at(at, () -> ask(any(), request, "")));
            case SharedQuota.Answer.Slot slot -> {
                if (first) {
                    request.toldAt = slot.expected();
                    slotsInOrderOfAsking.add(slot.slot());
                }
                if (slot.missed()) {
                    missed++;
                }
                if (slot.given()) {
                    call(worker, request, slot);
                } else if (random.nextInt(10_000) < givesBack) {
                    long moment = now + random.nextLong(slot.slot() - now);
                    at(moment, () -> worker.quota.revoke(List.of(request.id)));
                    at(moment, () -> request(request.demand));
                } else if (random.nextInt(10_000) < dies) {
                    at(slot.slot() - random.nextLong(slot.slot() - now), () -> ask(any(), request, ""));
                } else if (random.nextInt(10_000) < early) {
                    at(now + random.nextLong(slot.slot() - now), () -> ask(worker, request, slot.member()));
                } else {
                    boolean tooLate = random.nextInt(10_000) < late;
                    long dispatch = limits.guard().dispatch().toMillis();
                    long delay = tooLate ? dispatch + 1 + random.nextLong(latest) : random.nextLong(dispatch / 4 + 1);
                    at(slot.slot() + delay, () -> ask(worker, request, slot.member()));
                }
            }
        }
    }

    private void call(Worker worker, Request request, SharedQuota.Answer.Slot slot) {
        Lane lane = new Lane(slot.group(), request.demand.model());
        long dispatch = limits.guard().dispatch().toMillis();
        if (now > slot.slot() + dispatch) {
            throw new AssertionError("given after its time");
        }
        worker.given.add(request.id);
        worker.calls.addAll(
                List.of(lane.text(), slot.member(), Long.toString(now), Integer.toString(request.demand.tokens())));
        request.slot = slot.slot();
        called.add(request);
        long left = slot.slot() + dispatch - now;
        // At once, or as late as is allowed, and anything between.
        long sending = random.nextBoolean() ? random.nextLong(left + 1) : (random.nextBoolean() ? 0 : left);
        long travel = random.nextLong(limits.guard().travel().toMillis() + 1);
        arrivals.add(lane.text(), now + sending + travel, request.demand.tokens());
        afterCall.accept(request);
    }

    /** Calls by day of the provider, by lane. */
    int mostOfADay() {
        return arrivals.mostOf(at -> PacificDays.startOf(Instant.ofEpochMilli(at)));
    }
}
