package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.redis.Redis;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** In which order those who wait are served: hours of simulated time against the script in a real Redis. */
class FairOrderIT {
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final QuotaLimits TEN = new QuotaLimits(10, Optional.empty(), MINUTE, MINUTE);
    private static final long SPAN = TEN.span().toMillis();
    private Redis redis;

    @BeforeEach
    void open() {
        redis = Redis.open(URI.create(SharedServers.freshRedis()), Duration.ofSeconds(5));
    }

    @AfterEach
    void close() {
        redis.close();
    }

    private static Demand of(int user) {
        return new Demand(Simulation.MODEL, Simulation.user(user), 0);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void whoSendsOneMessageIsNotHeldUpByWhoSentAHundred(long seed) {
        int groups = 1 + (int) (seed % 3);
        Simulation simulation = new Simulation(redis, seed, groups, 2, TEN);
        for (int i = 0; i < 100; i++) {
            simulation.at(Simulation.START + i * 300, () -> simulation.request(of(1)));
        }
        List<Simulation.Request> singles = new ArrayList<>();
        for (int user = 2; user < 8; user++) {
            Demand demand = of(user);
            simulation.at(
                    Simulation.START + 30_000 + simulation.random.nextLong(120_000),
                    () -> singles.add(simulation.request(demand)));
        }
        simulation.run(Long.MAX_VALUE);

        assertThat(simulation.called).hasSize(106);
        assertThat(singles).allSatisfy(single -> {
            assertThat(single.waited()).isLessThanOrEqualTo(SPAN);
            // One of the hundred that was next, beside those that were called when they came.
            assertThat(simulation.called.stream()
                            .filter(other -> other.demand.user().equals(Simulation.user(1))
                                    && other.slot >= single.askedAt
                                    && other.slot < single.slot)
                            .count())
                    .isLessThanOrEqualTo(2);
        });
        assertThat(simulation.missed)
                .as("nobody's place became earlier than he was told")
                .isZero();
        simulation.arrivals.assertNeverOver(10, 60_000);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void usersWithMuchToDoGetEqualSharesAndEachIsServedInHisOrder(long seed) {
        int users = 5;
        Simulation simulation = new Simulation(redis, seed, 3, 2, TEN);
        List<Simulation.Request> asked = new ArrayList<>();
        for (int user = 0; user < users; user++) {
            Demand demand = of(user);
            for (int i = 0; i < (user == 0 ? 150 : 60); i++) {
                simulation.at(
                        Simulation.START + user * 7_000 + simulation.random.nextInt(5_000),
                        () -> asked.add(simulation.request(demand)));
            }
        }
        simulation.run(Long.MAX_VALUE);

        Map<UUID, Integer> counts = new HashMap<>();
        // The first 30 were free when only one was there; then all wait until the others have had their 60.
        for (Simulation.Request each : simulation.called.subList(30, 30 + users * 58)) {
            counts.merge(each.demand.user(), 1, Integer::sum);
            int most = counts.values().stream().mapToInt(n -> n).max().orElseThrow();
            int least = counts.size() < users
                    ? 0
                    : counts.values().stream().mapToInt(n -> n).min().orElseThrow();
            assertThat(most - least).as("%s", counts).isLessThanOrEqualTo(3);
        }
        assertThat(simulation.missed).isZero();
        for (int user = 0; user < users; user++) {
            UUID who = Simulation.user(user);
            assertThat(asked.stream().filter(each -> each.demand.user().equals(who)))
                    .extracting(each -> each.slot)
                    .isSorted();
        }
    }

    @Test
    void everybodyIsToldHowManyComeFirst() {
        Simulation simulation = new Simulation(redis, 1, 2, 2, TEN);
        List<Simulation.Request> waiting = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            simulation.request(of(9));
        }
        for (int i = 0; i < 30; i++) {
            waiting.add(simulation.request(of(i < 20 ? 1 : 2)));
        }
        simulation.now += 1_000;
        List<Integer> before = waiting.stream().map(simulation::ahead).toList();
        assertThat(before)
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 30).boxed().toList());
        assertThat(before.subList(0, 20)).isSorted();
        assertThat(before.subList(20, 30)).isSorted();

        // At most two of the others are called before him, and nobody comes earlier by that.
        Simulation.Request newcomer = simulation.request(of(3));
        assertThat(simulation.ahead(newcomer)).isLessThanOrEqualTo(2);
        assertThat(waiting).extracting(simulation::ahead).zipSatisfy(before, (now, then) -> assertThat(now)
                .isGreaterThanOrEqualTo(then));
        waiting.add(newcomer);
        assertThat(waiting)
                .extracting(simulation::ahead)
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 31).boxed().toList());

        Simulation.Request withdrawn = waiting.get(before.indexOf(12));
        simulation.any().quota.revoke(List.of(withdrawn.id));
        waiting.remove(withdrawn);
        assertThat(waiting)
                .extracting(simulation::ahead)
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 30).boxed().toList());

        Map<ReservationId, Integer> told = new HashMap<>();
        waiting.forEach(each -> told.put(each.id, simulation.ahead(each)));
        simulation.run(Long.MAX_VALUE);
        assertThat(waiting.stream()
                        .sorted(Comparator.comparing(each -> told.get(each.id)))
                        .map(each -> each.slot))
                .as("when they are called, in the order that was told")
                .isSorted();
    }

    @Test
    void newcomersStarveNobody() {
        Simulation simulation = new Simulation(redis, 1, 1, 2, TEN);
        for (int i = 0; i < 60; i++) {
            simulation.request(of(1));
        }
        // As many new users as there are places, for an hour.
        for (int i = 0; i < 600; i++) {
            Demand demand = of(100 + i);
            simulation.at(Simulation.START + i * 6_100L, () -> simulation.request(demand));
        }
        simulation.run(Long.MAX_VALUE);

        // Each round everybody who waits is called once.
        List<Long> slots = simulation.called.stream()
                .filter(each -> each.demand.user().equals(Simulation.user(1)))
                .map(each -> each.slot)
                .sorted()
                .toList();
        assertThat(slots).hasSize(60);
        for (int i = 1; i < slots.size(); i++) {
            assertThat(slots.get(i) - slots.get(i - 1)).isLessThanOrEqualTo(5 * SPAN);
        }
        assertThat(simulation.called)
                .filteredOn(each -> !each.demand.user().equals(Simulation.user(1)))
                .allSatisfy(each -> assertThat(each.waited()).isLessThanOrEqualTo(5 * SPAN));
        assertThat(simulation.missed).isZero();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void inASteadyQueueTheTimeThatIsToldFirstIsWithinAFifthOfTheTimeThatComes(long seed) {
        Simulation simulation = new Simulation(redis, seed, 3, 2, TEN);
        // Twelve users with five to twelve messages waiting each, who send the next when one is called.
        simulation.afterCall = request -> simulation.request(request.demand);
        for (int user = 0; user < 12; user++) {
            Demand demand = of(user);
            for (int i = 0; i < 5 + user % 8; i++) {
                simulation.at(Simulation.START + simulation.random.nextInt(60_000), () -> simulation.request(demand));
            }
        }
        simulation.run(Simulation.START + 40 * SPAN);

        assertThat(atQuantile(errors(simulation), 0.95)).isLessThanOrEqualTo(0.2);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void alsoAtRandomTheTimeThatIsToldIsMostlyClose(long seed) {
        Simulation simulation = new Simulation(redis, seed, 3, 2, TEN);
        for (int i = 0; i < 90; i++) {
            Demand demand = of(i % 12);
            simulation.at(Simulation.START + i * 600, () -> simulation.request(demand));
        }
        long at = Simulation.START + 60_000;
        // As much as there are places for, behind two minutes of backlog; some overtake and some are overtaken.
        for (int i = 0; i < 1_200; i++) {
            at += (long) (-Math.log(1 - simulation.random.nextDouble()) * SPAN / 30);
            simulation.at(at, () -> simulation.request(of(simulation.random.nextInt(12))));
        }
        simulation.run(Long.MAX_VALUE);

        assertThat(atQuantile(errors(simulation), 0.5)).isLessThanOrEqualTo(0.3);
        assertThat(atQuantile(errors(simulation), 0.9)).isLessThanOrEqualTo(0.6);
    }

    /** By how much of the wait the told time was wrong, where there was a wait to speak of; after a while of learning. */
    private static List<Double> errors(Simulation simulation) {
        List<Double> errors = simulation.called.stream()
                .skip(150)
                .filter(each -> each.waited() > 5_000)
                .map(each -> Math.abs(each.told() - each.waited()) / (double) each.waited())
                .sorted()
                .toList();
        assertThat(errors).hasSizeGreaterThan(200);
        return errors;
    }

    private static double atQuantile(List<Double> sorted, double quantile) {
        return sorted.get((int) (sorted.size() * quantile));
    }

    @Test
    void whatIsCancelledMakesRoomForTheOthersAtOnce() {
        Simulation simulation = new Simulation(redis, 1, 1, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        for (int i = 0; i < 40; i++) {
            place(quota, "a" + i, 1);
        }
        assertThat(place(quota, "b", 2).slot()).isEqualTo(Simulation.START + SPAN);
        for (int i = 10; i < 40; i++) {
            quota.revoke(List.of(new ReservationId("a" + i)));
        }
        // Only the ten that were called and b are left.
        assertThat(place(quota, "c", 3).slot()).isEqualTo(Simulation.START + SPAN);
        assertThat(redis.<List<String>>call(commands -> commands.keys("*:ids:*")))
                .hasSize(2);
    }

    @Test
    void aWaitingPlaceIsKeptWhicheverWorkerAsksAndNobodysComesEarlier() {
        Simulation simulation = new Simulation(redis, 1, 1, 2, TEN);
        SharedQuota one = simulation.workers.get(0).quota;
        SharedQuota two = simulation.workers.get(1).quota;
        Map<String, Long> told = new HashMap<>();
        for (int i = 0; i < 50; i++) {
            told.put("a" + i, place(one, "a" + i, 1).slot());
        }
        for (int i = 0; i < 15; i++) {
            told.put("b" + i, place(two, "b" + i, 2).slot());
        }
        told.forEach((id, slot) -> {
            if (slot > Simulation.START) {
                assertThat(place(two, id, id.startsWith("a") ? 1 : 2).slot()).isGreaterThanOrEqualTo(slot);
            }
        });
        assertThat(place(one, "b0", 2).slot()).isEqualTo(told.get("b0"));
    }

    /** One group whose ten calls of the last minute were a second apart, so that no two places lie in one moment. */
    private Simulation tenCallsASecondApart() {
        Simulation simulation = new Simulation(redis, 1, 1, 2, TEN);
        for (int i = 0; i < 10; i++) {
            assertThat(place(simulation.any().quota, "first" + i, 9).given()).isTrue();
            simulation.now += 1_000;
        }
        return simulation;
    }

    /** All who wait, as they are told when they ask; asked for until nobody hears anything new. */
    private static Map<String, Integer> aheads(Simulation simulation, Map<String, Integer> users) {
        Map<String, Integer> before = Map.of();
        for (int round = 0; round < 10; round++) {
            Map<String, Integer> told = new HashMap<>();
            users.forEach((id, user) ->
                    told.put(id, place(simulation.any().quota, id, user).ahead()));
            if (told.equals(before)) {
                return told;
            }
            before = told;
        }
        throw new AssertionError("what is told never comes to rest: " + before);
    }

    private static List<String> inOrder(Map<String, Integer> aheads) {
        List<String> ids = new ArrayList<>(aheads.keySet());
        ids.sort(Comparator.comparing(aheads::get));
        assertThat(ids.stream().map(aheads::get))
                .as("%s", aheads)
                .containsExactlyElementsOf(
                        IntStream.range(0, ids.size()).boxed().toList());
        return ids;
    }

    private static Map<String, Integer> wait(Simulation simulation, Map<String, Integer> users) {
        users.forEach((id, user) ->
                assertThat(place(simulation.any().quota, id, user).given()).isFalse());
        return new LinkedHashMap<>(users);
    }

    private static Map<String, Integer> messages(int user, String name, int count) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            ids.put(name + i, user);
        }
        return ids;
    }

    @Test
    void whoWaitsIsToldHowManyAreCalledBeforeHim() {
        Simulation simulation = tenCallsASecondApart();
        Map<String, Integer> waiting = wait(simulation, messages(1, "a", 12));
        waiting.putAll(wait(simulation, messages(2, "b", 5)));
        waiting.putAll(wait(simulation, messages(3, "c", 1)));
        waiting.putAll(wait(simulation, messages(4, "d", 7)));
        List<String> promised = inOrder(aheads(simulation, waiting));
        assertThat(promised.indexOf("c0")).isLessThan(4);

        List<String> called = new ArrayList<>();
        Map<String, Long> asks = new HashMap<>();
        waiting.forEach((id, user) ->
                asks.put(id, place(simulation.any().quota, id, user).slot()));
        while (!asks.isEmpty()) {
            String id =
                    asks.keySet().stream().min(Comparator.comparing(asks::get)).orElseThrow();
            simulation.now = Math.max(simulation.now, asks.get(id));
            SharedQuota.Answer.Slot slot = place(simulation.any().quota, id, waiting.get(id));
            if (slot.given()) {
                asks.remove(id);
                called.add(id);
                // Each call brings the others one nearer.
                asks.keySet().stream().findFirst().ifPresent(other -> assertThat(
                                place(simulation.any().quota, other, waiting.get(other))
                                        .ahead())
                        .isEqualTo(promised.indexOf(other) - called.size()));
            } else {
                assertThat(slot.slot()).isGreaterThan(asks.get(id));
                asks.put(id, slot.slot());
            }
        }
        assertThat(called).isEqualTo(promised);
        assertThat(redis.<List<String>>call(commands -> commands.keys("*:queue:*")))
                .as("nothing is left of those who waited")
                .isEmpty();
    }

    @Test
    void aNewcomerWhoOvertakesMakesTheNumbersOfTheOthersOneLarger() {
        Simulation simulation = tenCallsASecondApart();
        Map<String, Integer> waiting = wait(simulation, messages(1, "a", 10));
        Map<String, Integer> before = aheads(simulation, waiting);

        SharedQuota.Answer.Slot newcomer = place(simulation.any().quota, "b", 2);
        assertThat(newcomer.ahead()).isEqualTo(1);
        waiting.put("b", 2);
        Map<String, Integer> after = aheads(simulation, waiting);
        inOrder(after);
        before.forEach((id, ahead) -> assertThat(after.get(id)).as(id).isEqualTo(ahead < 1 ? ahead : ahead + 1));
    }

    @Test
    void whatIsRevokedMakesTheNumbersOfThoseBehindItSmaller() {
        Simulation simulation = tenCallsASecondApart();
        Map<String, Integer> waiting = wait(simulation, messages(1, "a", 6));
        waiting.putAll(wait(simulation, messages(2, "b", 6)));
        Map<String, Integer> before = aheads(simulation, waiting);
        String gone = inOrder(before).get(4);

        simulation.any().quota.revoke(List.of(new ReservationId(gone)));
        waiting.remove(gone);
        Map<String, Integer> after = aheads(simulation, waiting);
        inOrder(after);
        waiting.keySet().forEach(id -> assertThat(after.get(id))
                .as(id)
                .isEqualTo(before.get(id) < 4 ? before.get(id) : before.get(id) - 1));
    }

    @Test
    void whoNeverAsksAgainIsNotCountedForEver() {
        Simulation simulation = tenCallsASecondApart();
        wait(simulation, messages(1, "gone", 3));
        for (int user = 2; user < 5; user++) {
            wait(simulation, messages(user, "alsogone" + user, 1));
        }
        SharedQuota.Answer.Slot last = place(simulation.any().quota, "b", 5);
        // After three users with one each and the first of one with three.
        assertThat(last.ahead()).isEqualTo(4);
        wait(simulation, messages(6, "c", 1));
        assertThat(place(simulation.any().quota, "c0", 6).ahead()).isEqualTo(5);

        // By then all eight have missed their places, which fill the window with two that are called.
        simulation.now = Simulation.START + SPAN + 30_000;
        for (int i = 0; i < 2; i++) {
            assertThat(place(simulation.any().quota, "fills" + i, 7).given()).isTrue();
        }
        assertThat(place(simulation.any().quota, "d", 8).ahead()).isEqualTo(0);
        simulation.now += 2 * SPAN;
        for (int i = 0; i < 10; i++) {
            assertThat(place(simulation.any().quota, "again" + i, 7).given()).isTrue();
        }
        assertThat(place(simulation.any().quota, "e", 8).ahead()).isEqualTo(0);
        assertThat(redis.<Long>call(commands -> commands.zcard(
                        redis.<List<String>>call(all -> all.keys("*:queue:*")).getFirst())))
                .as("what is long over is not kept either")
                .isEqualTo(1);
    }

    private static SharedQuota.Answer.Slot place(SharedQuota quota, String id, int user) {
        return (SharedQuota.Answer.Slot)
                quota.reserve(new ReservationId(id), of(user), "", false, ahead -> SharedQuota.Spent.NOTHING);
    }
}
