package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.worker.key.ApiKey;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LocalQuotaTest {
    private static final List<QuotaGroup> ONE = List.of(new QuotaGroup("g", List.of(new ApiKey("secret"))));
    private static final Clock NOON = Clock.fixed(Instant.parse("2026-07-01T19:00:00Z"), ZoneOffset.UTC);

    private static final Demand DEMAND = new Demand("model", new UUID(0, 1), 100);
    private static final Lane LANE = new Lane("g", "model");

    private static LocalQuota local(Optional<Integer> perDay) {
        QuotaLimits limits = new QuotaLimits(10, perDay, Duration.ofMinutes(1), Duration.ofMinutes(1));
        return new LocalQuota(ONE, limits, "w", NOON);
    }

    private static int givenNow(LocalQuota local, WorkerShare share, long notBefore, long now) {
        int given = 0;
        for (int i = 0; i < 100; i++) {
            if (local.reserve(new ReservationId("r" + i), DEMAND, share, notBefore, now)
                            instanceof LocalQuota.Choice.Slot slot
                    && slot.given()) {
                given++;
            }
        }
        return given;
    }

    @ParameterizedTest
    @CsvSource({"1, 10", "3, 10", "7, 10", "10, 10", "13, 10", "4, 1"})
    void theSharesOfAllWorkersAddUpToTheLimit(int workers, int limit) {
        int sum = 0;
        for (int rank = 0; rank < workers; rank++) {
            sum += new WorkerShare(workers, rank).of(limit, "some group");
        }
        assertThat(sum).isEqualTo(limit);
    }

    @Test
    void aWorkerSpendsItsShareAndNothingBeforeTheWindowOfTheOthersIsOver() {
        LocalQuota local = local(Optional.empty());
        WorkerShare half = new WorkerShare(2, 0);
        assertThat(givenNow(local, half, 5_000, 4_999)).isZero();
        local.forgetPromises();
        assertThat(givenNow(local, half, 5_000, 5_000)).isEqualTo(5);
    }

    @Test
    void callsThatRedisPermittedCountToo() {
        LocalQuota local = local(Optional.empty());
        for (int i = 0; i < 7; i++) {
            local.spent(new ReservationId("shared" + i), LANE, "m" + i, 0, 1_000);
        }
        local.forget(LANE, "m3");
        assertThat(givenNow(local, WorkerShare.alone(), 0, 2_000)).isEqualTo(4);
    }

    @Test
    void aDayOfWhichNobodyKnowsTheUseIsNotSpent() {
        LocalQuota local = local(Optional.of(8));
        assertThat(givenNow(local, WorkerShare.alone(), 0, 1_000)).isZero();
        local.learn(
                Map.of(
                        "g",
                        new SharedQuota.State(Map.of("model", new SharedQuota.LaneState(0, 5, 0, "")), Map.of(), 0)),
                1_000);
        local.forgetPromises();
        assertThat(givenNow(local, WorkerShare.alone(), 0, 1_000)).isEqualTo(3);
    }

    @Test
    void tokensAreSharedToo() {
        QuotaLimits limits = new QuotaLimits(10, Optional.empty(), Duration.ofMinutes(1), Duration.ofMinutes(1))
                .withTokensPerMinute(Optional.of(800));
        LocalQuota local = new LocalQuota(ONE, limits, "w", NOON);
        // Half of 800 are 400, and each asks for 100.
        assertThat(givenNow(local, new WorkerShare(2, 0), 0, 1_000)).isEqualTo(4);
    }

    @Test
    void anotherModelHasAQuotaOfItsOwn() {
        LocalQuota local = local(Optional.empty());
        local.cool(LANE, 90_000, "refused");
        assertThat(givenNow(local, WorkerShare.alone(), 0, 1_000)).isZero();
        Demand other = new Demand("other", new UUID(0, 1), 0);
        assertThat(local.reserve(new ReservationId("r"), other, WorkerShare.alone(), 0, 1_000))
                .isInstanceOfSatisfying(LocalQuota.Choice.Slot.class, slot -> assertThat(slot.given())
                        .isTrue());
    }

    @Test
    void aRestIsNeverShortened() {
        LocalQuota local = local(Optional.empty());
        local.cool(LANE, 90_000, "long");
        local.cool(LANE, 10_000, "short");
        assertThat(local.reserve(new ReservationId("r"), DEMAND, WorkerShare.alone(), 0, 20_000))
                .isInstanceOfSatisfying(LocalQuota.Choice.Slot.class, slot -> assertThat(slot.slot())
                        .isEqualTo(90_000));
    }
}
