package dev.parley.api.health;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.Json;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class WorkersHeardTest {
    private static final Instant NOW = Instant.parse("2026-03-01T10:00:00Z");
    private final WorkersHeard workers = new WorkersHeard(Clock.fixed(NOW, ZoneOffset.UTC));

    private void beat(String worker, Heartbeat.State state, Optional<String> trouble) {
        workers.heard(Json.bytes(new Heartbeat(worker, NOW, state, 0, 0, 10, 0, true, 1, 1, List.of(), trouble)));
    }

    @Test
    void aWorkerWithoutAWayOutIsToldOfThoughOthersHaveOne() {
        beat("one", Heartbeat.State.WORKING, Optional.empty());
        beat("two", Heartbeat.State.WORKING, Optional.of("proxy away"));
        assertThat(workers.check().up()).isFalse();
        assertThat(workers.check().detail()).contains("proxy away (1 of 2 workers)");
        beat("two", Heartbeat.State.WORKING, Optional.empty());
        assertThat(workers.check().up()).isTrue();
        assertThat(workers.check().detail()).isEmpty();
    }

    @Test
    void theTroubleOfAWorkerThatLeavesTroublesNobody() {
        beat("one", Heartbeat.State.WORKING, Optional.empty());
        beat("two", Heartbeat.State.DRAINING, Optional.of("proxy away"));
        assertThat(workers.check().up()).isTrue();
    }

    @Test
    void aBeatOfAnOlderWorkerKnowsNoTrouble() {
        workers.heard("""
                {"worker":"old","startedAt":"2026-03-01T09:00:00Z","state":"WORKING","running":0,"waiting":0,
                 "capacity":10,"completed":0,"sharedQuota":true,"keysReady":1,"keysTotal":1}""".getBytes());
        assertThat(workers.check().up()).isTrue();
    }
}
