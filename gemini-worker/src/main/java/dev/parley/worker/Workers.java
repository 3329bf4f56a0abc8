package dev.parley.worker;

import dev.parley.pipeline.message.Heartbeat;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.message.MalformedMessage;
import dev.parley.worker.quota.WorkerShare;
import java.time.Clock;
import java.time.Instant;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;

/** The workers that have been heard of lately, this one included: what each one's share of the quota is without Redis. Thread-safe. */
final class Workers {
    /** Far more than a quota can feed; beyond it strangers are ignored. */
    private static final int MOST = 10_000;

    private final String self;
    private final Clock clock;
    private final NavigableMap<String, Instant> heard = new ConcurrentSkipListMap<>();

    Workers(String self, Clock clock) {
        this.self = self;
        this.clock = clock;
    }

    void heard(byte[] body) {
        try {
            String worker = Json.read(body, Heartbeat.class).worker();
            if (heard.size() < MOST || heard.containsKey(worker)) {
                heard.put(worker, clock.instant());
            }
        } catch (MalformedMessage e) {
            // A heartbeat of another version says nothing that is needed here.
        }
    }

    WorkerShare share() {
        Instant oldest = clock.instant().minus(Heartbeat.GONE_AFTER);
        heard.values().removeIf(at -> at.isBefore(oldest));
        heard.put(self, clock.instant());
        return new WorkerShare(heard.size(), heard.headMap(self).size());
    }
}
