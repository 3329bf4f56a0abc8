package dev.parley.worker.quota;

import dev.parley.pipeline.redis.Redis;
import dev.parley.worker.key.ApiKey;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.LongFunction;
import java.util.stream.IntStream;

/** Workers that call a model through the script of a real Redis, on a clock that jumps from event to event. */
final class Simulation {
    static final long START = 1_800_000_000_000L;

    final Random random;
    final QuotaLimits limits;
    final Redis redis;
    final List<QuotaGroup> groups;
    final List<Worker> workers = new ArrayList<>();
    final Arrivals arrivals = new Arrivals();
    final List<Long> slotsInOrderOfAsking = new ArrayList<>();
    long now = START;
    /** Of ten thousand turns: comes too late, dies and is taken over, is given back. */
    int late;

    int dies;
    int givesBack;
    int missed;

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
        final List<String> spent = new ArrayList<>();
        final LongFunction<SharedQuota.Spent> own = ahead -> new SharedQuota.Spent(List.copyOf(spent), List.of());
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

    /** A request comes in now. */
    void request() {
        ask(any(), new ReservationId("r" + ids++), "", true);
    }

    private void ask(Worker worker, ReservationId id, String token, boolean first) {
        switch (worker.quota.reserve(id, token, false, worker.own)) {
            case SharedQuota.Answer.None none -> none.until().ifPresent(at -> at(at, () -> ask(any(), id, "", false)));
            case SharedQuota.Answer.Slot slot -> {
                if (first) {
                    slotsInOrderOfAsking.add(slot.slot());
                }
                if (slot.missed()) {
                    missed++;
                }
                if (slot.given()) {
                    call(worker, slot);
                } else if (random.nextInt(10_000) < givesBack) {
                    long moment = now + random.nextLong(slot.slot() - now);
                    at(moment, () -> worker.quota.release(id, slot.member()));
                    at(moment, this::request);
                } else if (random.nextInt(10_000) < dies) {
                    at(slot.slot() - random.nextLong(slot.slot() - now), () -> ask(any(), id, "", false));
                } else {
                    boolean tooLate = random.nextInt(10_000) < late;
                    long dispatch = limits.guard().dispatch().toMillis();
                    long delay = tooLate ? dispatch + 1 + random.nextLong(5_000) : random.nextLong(dispatch / 4 + 1);
                    at(slot.slot() + delay, () -> ask(worker, id, slot.member(), false));
                }
            }
        }
    }

    private void call(Worker worker, SharedQuota.Answer.Slot slot) {
        worker.spent.addAll(List.of(slot.group(), slot.member(), Long.toString(now)));
        long left = slot.slot() + limits.guard().dispatch().toMillis() - now;
        // At once, or as late as is allowed, and anything between.
        long sending = random.nextBoolean() ? random.nextLong(left + 1) : (random.nextBoolean() ? 0 : left);
        long travel = random.nextLong(limits.guard().travel().toMillis() + 1);
        arrivals.add(slot.group(), now + sending + travel);
    }
}
