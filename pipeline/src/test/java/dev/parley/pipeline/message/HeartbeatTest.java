package dev.parley.pipeline.message;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HeartbeatTest {
    @Test
    void aBeatOfAWorkerThatKnowsNothingOfGroupsIsRead() {
        Heartbeat beat = Json.read("""
                {"worker":"w","startedAt":"2026-11-23T02:00:00Z","state":"WORKING","running":1,"waiting":2,"capacity":50,
                 "completed":3,"sharedQuota":true,"keysReady":1,"keysTotal":1}""", Heartbeat.class);
        assertThat(beat.groups()).isEmpty();
    }

    @Test
    void theGroupsOfABeatOfAThousandTakeAboutAHundredKilobytes() {
        List<KeyGroup> groups = IntStream.range(0, Heartbeat.MOST_GROUPS)
                .mapToObj(i -> new KeyGroup(
                        "group-%04d".formatted(i),
                        Optional.empty(),
                        Optional.empty(),
                        10,
                        Optional.of(1_000),
                        List.of("%08x".formatted(i)),
                        Map.of()))
                .toList();
        byte[] json = Json.bytes(groups);
        assertThat(json.length).isLessThan(150_000);
        assertThat(Json.read(json, KeyGroup[].class)).containsExactlyElementsOf(groups);
        assertThat(new String(json, StandardCharsets.UTF_8)).doesNotContain("null");
    }
}
