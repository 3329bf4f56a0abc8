package dev.parley.worker;

import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.MalformedMessage;
import dev.parley.worker.quota.WorkerShare;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;

/** The workers that have been heard of lately, this one included: what each one's share of the quota is without Redis. Thread-safe. */
final class Workers {
    /** Far more than a quota can feed; beyond it strangers are ignored. */
    private static final int MOST = 10_000;

    private final String self;
    private final Clock clock;

    private record Heard(Instant at, boolean sharedQuota) {}

    private final NavigableMap<String, Heard> others = new ConcurrentSkipListMap<>();

    Workers(String self, Clock clock) {
        this.self = self;
        this.clock = clock;
    }

    void heard(byte[] body) {
        try {
            Heartbeat beat = Json.read(body, Heartbeat.class);
            boolean known = others.containsKey(beat.worker());
            if (!beat.worker().equals(self) && (known || others.size() < MOST)) {
                others.put(beat.worker(), new Heard(clock.instant(), beat.sharedQuota()));
            }
        } catch (MalformedMessage e) {
            // A heartbeat of another version says nothing that is needed here.
        }
    }

    WorkerShare share() {
        Instant oldest = clock.instant().minus(Heartbeat.GONE_AFTER);
        others.values().removeIf(worker -> worker.at().isBefore(oldest));
        List<Heard> now = List.copyOf(others.values());
        return new WorkerShare(
                now.size() + 1,
                Math.min(others.headMap(self).size(), now.size()),
                now.stream().noneMatch(Heard::sharedQuota));
    }
}
