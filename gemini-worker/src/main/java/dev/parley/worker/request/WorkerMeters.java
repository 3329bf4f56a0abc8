package dev.parley.worker.request;

import dev.parley.pipeline.runtime.Meters;
import dev.parley.worker.gemini.CallOutcome;
import io.helidon.metrics.api.Counter;
import io.helidon.metrics.api.Timer;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.atomic.LongAdder;

/** What a worker counts. Thread-safe. */
final class WorkerMeters {
    private final Meters meters;
    private final Timer firstToken;
    private final Timer answer;
    private final Counter retried;
    private final Counter deadLettered;
    private final Counter reused;
    private final Counter handedBack;
    private final LongAdder completed = new LongAdder();

    WorkerMeters(Meters meters) {
        this.meters = meters;
        this.firstToken = meters.timer("gemini_first_token", "From the call to the first text of the answer");
        this.answer = meters.timer("answer_made", "From accepting the message to the finished answer");
        this.retried = meters.counter("requests_retried", "Steps taken on the retry ladder");
        this.deadLettered = meters.counter("requests_dead_lettered", "Requests that have used up their attempts");
        this.reused = meters.counter("results_reused", "Finished results published again instead of paid for again");
        this.handedBack =
                meters.counter("requests_handed_back", "Requests left to another worker because this one stops");
    }

    void firstToken(long nanos) {
        firstToken.record(Duration.ofNanos(nanos));
    }

    void answered(Duration sinceAccepted) {
        answer.record(sinceAccepted.isNegative() ? Duration.ZERO : sinceAccepted);
        completed.increment();
    }

    void retried() {
        retried.increment();
    }

    void deadLettered() {
        deadLettered.increment();
    }

    void handedBack() {
        handedBack.increment();
    }

    /** Since the start. */
    long allHandedBack() {
        return handedBack.count();
    }

    void reused() {
        reused.increment();
    }

    long completed() {
        return completed.sum();
    }

    void called(CallOutcome outcome) {
        String kind =
                switch (outcome) {
                    case CallOutcome.Finished finished -> "finished";
                    case CallOutcome.Cancelled cancelled -> "cancelled";
                    case CallOutcome.KeyTrouble trouble -> trouble.reason().name();
                    case CallOutcome.Transient passing -> passing.kind().name();
                    case CallOutcome.Final fatal -> "refused";
                };
        meters.counter("gemini_calls", "Calls to the model by outcome", "outcome", kind.toLowerCase(Locale.ROOT))
                .increment();
    }
}
