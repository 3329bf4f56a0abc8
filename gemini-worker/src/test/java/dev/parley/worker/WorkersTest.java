package dev.parley.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.Json;
import dev.parley.worker.quota.WorkerShare;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class WorkersTest {
    private Instant now = Instant.parse("2026-11-22T10:00:00Z");
    private final Workers workers = new Workers("m", new Clock() {
        @Override
        public Instant instant() {
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    });

    private void beat(String worker, boolean sharedQuota) {
        workers.heard(Json.bytes(new Heartbeat(
                worker, now, Heartbeat.State.WORKING, 0, 0, 10, 0, sharedQuota, 1, 1, List.of(), Optional.empty())));
    }

    @Test
    void aloneItHasEverything() {
        beat("m", true);
        assertThat(workers.share()).isEqualTo(WorkerShare.alone());
    }

    @Test
    void everyLiveWorkerHasItsOwnRank() {
        beat("a", false);
        beat("z", false);
        assertThat(workers.share()).isEqualTo(new WorkerShare(3, 1, true));
    }

    @Test
    void aWorkerThatStillSpendsTheSharedQuotaIsKnown() {
        beat("a", false);
        beat("z", true);
        assertThat(workers.share().allWithoutRedis()).isFalse();
        beat("z", false);
        assertThat(workers.share().allWithoutRedis()).isTrue();
    }

    @Test
    void aSilentWorkerIsForgottenAfterItsTimeAndNotBefore() {
        beat("a", false);
        now = now.plus(Heartbeat.GONE_AFTER);
        assertThat(workers.share().count()).isEqualTo(2);
        now = now.plus(Duration.ofMillis(1));
        assertThat(workers.share().count()).isEqualTo(1);
    }

    @Test
    void whatIsNoHeartbeatIsIgnored() {
        for (String odd : new String[] {"", "x", "{}", "{\"worker\":null}", "[1]"}) {
            workers.heard(odd.getBytes(StandardCharsets.UTF_8));
        }
        assertThat(workers.share()).isEqualTo(WorkerShare.alone());
    }

    @Test
    void thereIsABoundOnHowManyAreRemembered() {
        for (int i = 0; i < 10_050; i++) {
            beat("w" + i, false);
        }
        assertThat(workers.share().count()).isEqualTo(10_001);
        // A known one is still heard.
        now = now.plus(Heartbeat.GONE_AFTER);
        beat("w0", false);
        now = now.plus(Duration.ofSeconds(1));
        assertThat(workers.share().count()).isEqualTo(2);
    }
}
