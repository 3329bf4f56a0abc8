package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.redis.Redis;
import io.lettuce.core.Range;
import io.lettuce.core.ScoredValue;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hours of simulated time against the script in a real Redis; the law as the provider would see it. */
class QuotaLawIT {
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final QuotaLimits TEN = new QuotaLimits(10, Optional.empty(), MINUTE, MINUTE);
    private static final Demand DEMAND = new Demand(Simulation.MODEL, Simulation.user(1), 0);
    private Redis redis;
    private int mostQueued;

    @BeforeEach
    void open() {
        redis = Redis.open(URI.create(SharedServers.freshRedis()), Duration.ofSeconds(5));
    }

    @AfterEach
    void close() {
        redis.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void aBacklogUsesNearlyEveryAllowedCallAndNoneBeyond(int workers) {
        Simulation simulation = new Simulation(redis, workers, 3, workers, TEN);
        for (int i = 0; i < 1_000; i++) {
            simulation.request();
        }
        long minutes = 20;
        simulation.run(Simulation.START + minutes * 60_000);

        simulation.arrivals.assertNeverOver(10, 60_000);
        assertThat(simulation.arrivals.total()).isGreaterThanOrEqualTo((int) Math.ceil(3 * 10 * minutes * 0.98));
        assertThat(simulation.slotsInOrderOfAsking).isSorted();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void randomArrivalsLateTurnsDeathsAndReturnsNeverBreakTheLaw(long seed) {
        Simulation simulation = new Simulation(redis, seed, 1 + (int) (seed % 4), 3, TEN);
        simulation.late = 300;
        simulation.dies = 500;
        simulation.givesBack = 300;
        simulation.early = 500;
        simulation.lost = 200;
        long at = Simulation.START;
        for (int i = 0; i < 1_200; i++) {
            at += (long) (-Math.log(1 - simulation.random.nextDouble()) * 1_500);
            simulation.at(at, simulation::request);
        }
        for (int i = 0; i < 10; i++) {
            simulation.at(
                    Simulation.START + simulation.random.nextLong(1_200_000),
                    () -> simulation.restart(simulation.random.nextInt(3)));
        }
        simulation.run(Long.MAX_VALUE);

        simulation.arrivals.assertNeverOver(10, 60_000);
        assertThat(simulation.arrivals.total()).isEqualTo(1_200);
        assertThat(simulation.missed).isPositive();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aRedisThatLostItsDataIsTakenForAFullWindow(long seed) {
        Simulation simulation = new Simulation(redis, seed, 2, 3, TEN);
        simulation.workers.forEach(worker -> worker.quota.join(false, worker.own));
        for (int i = 0; i < 400; i++) {
            simulation.at(Simulation.START + i * 2_500, simulation::request);
        }
        for (int i = 1; i <= 4; i++) {
            simulation.at(
                    Simulation.START + i * 200_000 + simulation.random.nextInt(60_000),
                    () -> redis.call(commands -> commands.flushdb()));
        }
        simulation.run(Long.MAX_VALUE);

        simulation.arrivals.assertNeverOver(10, 60_000);
        assertThat(simulation.arrivals.total()).isEqualTo(400);
    }

    /** Everything at once, as the provider would see it. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void whateverHappensNoLimitOfALaneIsExceededAndEverybodyIsCalled(long seed) {
        QuotaLimits all = new QuotaLimits(10, Optional.of(120), MINUTE, MINUTE).withTokensPerMinute(Optional.of(4_000));
        Simulation simulation = new Simulation(redis, seed, 2, 3, all);
        // A little before midnight Pacific.
        simulation.now = Instant.parse("2027-01-15T07:30:00Z").toEpochMilli();
        simulation.late = 200;
        simulation.dies = 300;
        simulation.givesBack = 200;
        simulation.early = 500;
        simulation.lost = 200;
        long at = simulation.now;
        for (int i = 0; i < 500; i++) {
            at += (long) (-Math.log(1 - simulation.random.nextDouble()) * 6_000);
            Demand demand = new Demand(
                    "model-" + simulation.random.nextInt(3),
                    Simulation.user(simulation.random.nextInt(4)),
                    simulation.random.nextInt(20) == 0 ? 6_000 : simulation.random.nextInt(1_500));
            simulation.at(at, () -> simulation.request(demand));
        }
        for (int i = 0; i < 300; i++) {
            simulation.at(simulation.now + i * 10_000L, () -> assertTheQueueHoldsWhatItsUsersHold(simulation.now));
        }
        for (int i = 0; i < 5; i++) {
            simulation.at(
                    simulation.now + simulation.random.nextLong(2_000_000),
                    () -> simulation.restart(simulation.random.nextInt(3)));
        }
        simulation.run(Long.MAX_VALUE);

        assertThat(mostQueued).isGreaterThan(2);
        assertThat(simulation.arrivals.total()).isEqualTo(500);
        simulation.arrivals.assertNeverOver(10, 60_000);
        simulation.arrivals.assertTokensNeverOver(4_000, 60_000);
        assertThat(simulation.mostOfADay()).isLessThanOrEqualTo(120);
        for (String set : List.of("ids", "places", "queue")) {
            assertThat(redis.<List<String>>call(commands -> commands.keys("*:" + set + ":*")))
                    .as("nothing is left of those who waited")
                    .isEmpty();
        }
    }

    /** Of what is not yet so old that nobody counts it. */
    private void assertTheQueueHoldsWhatItsUsersHold(long now) {
        Map<String, Double> queued = places("queue", now);
        assertThat(queued).isEqualTo(places("places", now));
        mostQueued = Math.max(mostQueued, queued.size());
    }

    private Map<String, Double> places(String set, long now) {
        Map<String, Double> found = new HashMap<>();
        redis.<List<String>>call(commands -> commands.keys("*:" + set + ":*"))
                .forEach(key -> redis.<List<ScoredValue<String>>>call(
                                commands -> commands.zrangebyscoreWithScores(key, Range.create(now - 5_000, now * 2)))
                        .forEach(place -> found.put(place.getValue(), place.getScore())));
        return found;
    }

    @Test
    void eachModelHasALimitOfItsOwnAndARestOfItsOwn() {
        Simulation simulation = new Simulation(redis, 1, 1, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        Demand other = new Demand("other", Simulation.user(1), 0);
        for (int i = 0; i < 10; i++) {
            assertThat(slot(quota, "a" + i).given()).isTrue();
            assertThat(slot(quota, "b" + i, other).given()).isTrue();
        }
        assertThat(slot(quota, "a").given()).isFalse();
        simulation.now += 70_000;
        quota.cool(new Lane("g0", "other"), 300_000, "refused");
        assertThat(slot(quota, "c").given()).isTrue();
        assertThat(slot(quota, "d", other).slot()).isEqualTo(simulation.now + 300_000);
        SharedQuota.State state = quota.states().get("g0");
        assertThat(state.models().get(Simulation.MODEL).coolUntil()).isZero();
        assertThat(state.models().get("other").coolUntil()).isEqualTo(simulation.now + 300_000);
        quota.disable("g0", simulation.groups.getFirst().keys().getFirst().hash(), "x");
        assertThat(quota.reserve(new ReservationId("n"), other, "", false, ahead -> SharedQuota.Spent.NOTHING))
                .isInstanceOfSatisfying(SharedQuota.Answer.None.class, none -> assertThat(none.until())
                        .isEmpty());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aBacklogUsesTheTokensOfEverySpan(long seed) {
        Simulation simulation = new Simulation(
                redis,
                seed,
                2,
                2,
                new QuotaLimits(30, Optional.empty(), MINUTE, MINUTE).withTokensPerMinute(Optional.of(10_000)));
        for (int i = 0; i < 400; i++) {
            simulation.request(
                    new Demand(Simulation.MODEL, Simulation.user(i % 3), 200 + simulation.random.nextInt(1_000)));
        }
        long minutes = 10;
        simulation.run(Simulation.START + minutes * 60_000);

        simulation.arrivals.assertTokensNeverOver(10_000, 60_000);
        long tokens = simulation.called.stream()
                .mapToLong(each -> each.demand.tokens())
                .sum();
        assertThat(tokens).isGreaterThan((long) (0.85 * 2 * 10_000 * minutes));
    }

    @Test
    void tokensThatWereOverestimatedAreGivenBack() {
        Simulation simulation = new Simulation(
                redis,
                1,
                1,
                1,
                new QuotaLimits(30, Optional.empty(), MINUTE, MINUTE).withTokensPerMinute(Optional.of(1_000)));
        SharedQuota quota = simulation.workers.getFirst().quota;
        Demand large = new Demand(Simulation.MODEL, Simulation.user(1), 900);
        SharedQuota.Answer.Slot first = slot(quota, "a", large);
        assertThat(slot(quota, "b", large).given()).isFalse();
        quota.used(new ReservationId("a"), new Lane("g0", Simulation.MODEL), first.member(), 50);
        quota.used(new ReservationId("a"), new Lane("g0", Simulation.MODEL), first.member(), 50);
        assertThat(slot(quota, "c", large).given()).isTrue();
        assertThat(slot(quota, "d", new Demand(Simulation.MODEL, Simulation.user(1), 51))
                        .given())
                .isFalse();
    }

    /** What a reservation costs is counted and not timed, so that it is the same on every machine. */
    @ParameterizedTest
    @ValueSource(ints = {50, 1_000})
    void aReservationTakesFewStepsHoweverManyGroupsThereAre(int groups) {
        Simulation simulation = new Simulation(redis, 1, groups, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        int users = 0;
        // The index is made once for a model.
        slot(quota, "first");
        for (String what : List.of("free", "promised")) {
            int asked = what.equals("free") ? 10 * groups - 1 : 2 * groups;
            long before = commands();
            for (int i = 0; i < asked; i++) {
                slot(quota, what + i, new Demand(Simulation.MODEL, Simulation.user(users++ % 20), 0));
                simulation.now++;
            }
            double steps = (commands() - before) / (double) asked;
            assertThat(steps)
                    .as("steps of a place that is %s, of %d groups", what, groups)
                    .isLessThan(what.equals("free") ? 40 : 80);
        }
    }

    private long commands() {
        String stats = redis.<String>call(commands -> commands.info("stats"));
        return Pattern.compile("total_commands_processed:(\\d+)")
                .matcher(stats)
                .results()
                .mapToLong(found -> Long.parseLong(found.group(1)))
                .sum();
    }

    /** As when many calls of many groups are due in one moment, which the worker's cores serve one after the other. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void callsThatComeLateLoseNoTurnOfTheirMinute(long seed) {
        Simulation simulation = new Simulation(redis, seed, 3, 2, TEN);
        simulation.late = 10_000;
        simulation.latest = 1_000;
        for (int i = 0; i < 90; i++) {
            simulation.request();
        }
        simulation.run(Long.MAX_VALUE);

        simulation.arrivals.assertNeverOver(10, 60_000);
        assertThat(simulation.called).hasSize(90);
        assertThat(simulation.missed).isPositive();
        // Whoever asks late may be told to come once more, and be late again: for each of the two waits.
        assertThat(simulation.called.stream()
                        .mapToLong(request -> request.slot)
                        .max()
                        .orElseThrow())
                .isLessThanOrEqualTo(Simulation.START + 2 * (60_800 + 2 * 1_400));
    }

    @Test
    void aFirstStartDoesNotWait() {
        Simulation simulation = new Simulation(redis, 1, 1, 2, TEN);
        for (int i = 0; i < 10; i++) {
            simulation.request();
        }
        assertThat(simulation.slotsInOrderOfAsking).hasSize(10).containsOnly(Simulation.START);
    }

    @Test
    void aSlotThatIsGivenBackIsUsedByTheNext() {
        Simulation simulation = new Simulation(redis, 1, 1, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        SharedQuota.Answer.Slot[] slots = new SharedQuota.Answer.Slot[30];
        for (int i = 0; i < 30; i++) {
            slots[i] = slot(quota, "a" + i);
        }
        assertThat(slots[29].slot()).isEqualTo(Simulation.START + 2 * 60_800);
        quota.revoke(List.of(new ReservationId("a15")));
        quota.revoke(List.of(new ReservationId("a3")));

        assertThat(slot(quota, "b").slot()).isEqualTo(Simulation.START + 60_800);
        assertThat(slot(quota, "c").slot())
                .as("a permitted call is not given back by its id alone")
                .isEqualTo(Simulation.START + 3 * 60_800);
    }

    @Test
    void theSameIdHasTheSamePlaceWhicheverWorkerAsks() {
        Simulation simulation = new Simulation(redis, 1, 1, 2, TEN);
        SharedQuota one = simulation.workers.get(0).quota;
        SharedQuota two = simulation.workers.get(1).quota;
        for (int i = 0; i < 10; i++) {
            slot(one, "a" + i);
        }
        SharedQuota.Answer.Slot place = slot(one, "x");
        assertThat(slot(one, "x").member()).isEqualTo(place.member());
        assertThat(slot(two, "x").member()).isEqualTo(place.member());
        simulation.now = place.slot();
        SharedQuota.Answer.Slot given = slot(two, "x");
        assertThat(given.given()).isTrue();
        assertThat(given.member()).isEqualTo(place.member());
        // The first worker may wake up beside it; the second may already have called.
        assertThat(slot(one, "x").member()).isNotEqualTo(place.member());
    }

    @Test
    void anAnswerThatWasLostOnTheWayIsRepeatedAndASpentOneIsNot() {
        Simulation simulation = new Simulation(redis, 1, 1, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        ReservationId id = new ReservationId("x");
        SharedQuota.Answer.Slot given = slot(quota, "x");
        assertThat(slot(quota, "x").member()).isEqualTo(given.member());
        SharedQuota.Answer.Slot twin =
                (SharedQuota.Answer.Slot) quota.reserve(id, DEMAND, "", true, ahead -> SharedQuota.Spent.NOTHING);
        assertThat(twin.member()).isNotEqualTo(given.member());
        assertThat(calls("g0")).isEqualTo(2);
    }

    @Test
    void anAnswerThatWasLostForTooLongCostsNoCall() {
        Simulation simulation = new Simulation(redis, 1, 1, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        String member = slot(quota, "x").member();
        simulation.now += TEN.guard().dispatch().toMillis() + 1;
        SharedQuota.Answer.Slot again = slot(quota, "x");
        assertThat(again.given()).isTrue();
        assertThat(again.member()).isNotEqualTo(member);
        assertThat(calls("g0")).isEqualTo(1);
    }

    @Test
    void moreModelsThanAreRememberedAreServedLawfullyToo() {
        Simulation simulation = new Simulation(redis, 1, 2, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 100; i++) {
                slot(quota, "r" + round + "-" + i, new Demand("model-" + i, Simulation.user(i), 0));
                simulation.now++;
            }
        }
        assertThat(redis.<Long>call(commands -> commands.zcard("{parley:quota}:indexes")))
                .isEqualTo(64);
        assertThat(redis.<List<String>>call(commands -> commands.keys("{parley:quota}:turn:*")))
                .hasSize(64);
        assertThat(redis.<Long>call(commands -> commands.zcard("{parley:quota}:log:g0/model-7"))
                        + redis.<Long>call(commands -> commands.zcard("{parley:quota}:log:g1/model-7")))
                .as("calls of a model whose index was forgotten in between")
                .isEqualTo(3);
    }

    @Test
    void groupsThatAreFreeNowAreUsedEvenly() {
        Simulation simulation = new Simulation(redis, 1, 7, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        for (int round = 1; round <= 10; round++) {
            for (int i = 0; i < 7; i++) {
                slot(quota, "r" + round + "-" + i);
            }
            for (QuotaGroup group : simulation.groups) {
                assertThat(calls(group.name())).isEqualTo(round);
            }
            simulation.now += 1_000;
        }
        // The oldest calls leave the window: its group is the least used again.
        simulation.now = Simulation.START + 60_801;
        assertThat(slot(quota, "next").slot()).isEqualTo(simulation.now);
    }

    @Test
    void aCoolingGroupIsSkippedAndItsPlacesMove() {
        Simulation simulation = new Simulation(redis, 1, 2, 1, TEN);
        SharedQuota quota = simulation.workers.getFirst().quota;
        for (int i = 0; i < 20; i++) {
            slot(quota, "a" + i);
        }
        SharedQuota.Answer.Slot place = slot(quota, "x");
        String other = place.group().equals("g0") ? "g1" : "g0";
        quota.cool(new Lane(place.group(), Simulation.MODEL), 300_000, "test");
        quota.cool(new Lane(place.group(), Simulation.MODEL), 1_000, "a shorter rest changes nothing");
        simulation.now = place.slot();
        SharedQuota.Answer.Slot moved = slot(quota, "x");
        assertThat(moved.group()).isEqualTo(other);
        assertThat(moved.given()).isTrue();

        quota.disable(
                other,
                simulation
                        .groups
                        .get(Integer.parseInt(other.substring(1)))
                        .keys()
                        .getFirst()
                        .hash(),
                "x");
        SharedQuota.Answer.Slot rested = slot(quota, "y");
        assertThat(rested.group()).isEqualTo(place.group());
        assertThat(rested.slot()).isEqualTo(Simulation.START + 300_000);
        quota.probed(new Lane(place.group(), Simulation.MODEL));
        assertThat(slot(quota, "z").slot()).isEqualTo(simulation.now);
        quota.disable(
                place.group(),
                simulation
                        .groups
                        .get(Integer.parseInt(place.group().substring(1)))
                        .keys()
                        .getFirst()
                        .hash(),
                "y");
        assertThat(quota.reserve(new ReservationId("n"), DEMAND, "", false, ahead -> SharedQuota.Spent.NOTHING))
                .isInstanceOfSatisfying(SharedQuota.Answer.None.class, none -> assertThat(none.until())
                        .isEmpty());
        quota.enable(
                other,
                simulation
                        .groups
                        .get(Integer.parseInt(other.substring(1)))
                        .keys()
                        .getFirst()
                        .hash());
        assertThat(slot(quota, "n").group()).isEqualTo(other);
    }

    @ParameterizedTest
    @ValueSource(strings = {"2026-03-08T07:30:00Z", "2026-11-01T06:30:00Z", "2026-07-01T06:30:00Z"})
    void theDaysQuotaComesBackAtMidnightPacific(String evening) {
        QuotaLimits daily = new QuotaLimits(10, Optional.of(25), MINUTE, MINUTE);
        Simulation simulation = new Simulation(redis, 1, 1, 1, daily);
        simulation.now = Instant.parse(evening).toEpochMilli();
        long midnight =
                PacificDays.nextMidnight(Instant.ofEpochMilli(simulation.now)).toEpochMilli();
        SharedQuota quota = simulation.workers.getFirst().quota;
        for (int i = 0; i < 25; i++) {
            assertThat(slot(quota, "a" + i).slot()).isLessThan(midnight);
        }
        for (int i = 0; i < 25; i++) {
            assertThat(slot(quota, "b" + i).slot()).isBetween(midnight, midnight + 200_000);
        }
        long next = PacificDays.nextMidnight(Instant.ofEpochMilli(midnight)).toEpochMilli();
        assertThat(slot(quota, "c").slot()).isBetween(next, next + 10_000);
    }

    private long calls(String group) {
        return redis.<Long>call(commands -> commands.zcard("{parley:quota}:log:" + group + "/" + Simulation.MODEL));
    }

    private static SharedQuota.Answer.Slot slot(SharedQuota quota, String id) {
        return slot(quota, id, DEMAND);
    }

    private static SharedQuota.Answer.Slot slot(SharedQuota quota, String id, Demand demand) {
        return (SharedQuota.Answer.Slot)
                quota.reserve(new ReservationId(id), demand, "", false, ahead -> SharedQuota.Spent.NOTHING);
    }
}
