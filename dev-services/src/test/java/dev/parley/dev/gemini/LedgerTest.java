package dev.parley.dev.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LedgerTest {
    private final AtomicLong now = new AtomicLong();

    private Ledger ledger(int requests) {
        return new Ledger(
                Options.defaults()
                        .withKeys(Map.of("a", "one", "b", "one", "c", "two"))
                        .withQuota(Quota.perMinute(requests)),
                now::get);
    }

    @Test
    void aPlaceIsFreeExactlyWhenTheRefusalSaidSo() {
        Ledger ledger = ledger(2);
        assertThat(ledger.arrive("a")).isEmpty();
        now.addAndGet(Duration.ofSeconds(20).toNanos());
        assertThat(ledger.arrive("b")).isEmpty();
        now.addAndGet(Duration.ofSeconds(20).toNanos());

        Duration wait = ledger.arrive("a").orElseThrow();
        assertThat(wait).isEqualTo(Duration.ofSeconds(20));
        assertThat(ledger.arrive("c")).isEmpty();

        now.addAndGet(wait.toNanos() - 1);
        assertThat(ledger.arrive("a")).contains(Duration.ofNanos(1));
        now.addAndGet(1);
        assertThat(ledger.arrive("a")).isEmpty();
    }

    @Test
    void theReportCountsRefusedCallsInTheWorstWindow() {
        Ledger ledger = ledger(1);
        ledger.arrive("a");
        ledger.arrive("b");
        now.addAndGet(Duration.ofSeconds(60).toNanos());
        ledger.arrive("b");

        Report report = ledger.report(Map.of());
        assertThat(report.key("a")).contains(new Report.KeyUse(Ledger.mask("a"), "one", 1, 0, 1));
        assertThat(report.key("b")).contains(new Report.KeyUse(Ledger.mask("b"), "one", 2, 1, 1));
        assertThat(report.project("one")).contains(new Report.ProjectUse("one", 3, 1, 2));
    }

    @Test
    void manyAtOnceGetExactlyTheQuota() throws Exception {
        Ledger ledger = ledger(50);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<Boolean>> calls = IntStream.range(0, 400)
                    .<Callable<Boolean>>mapToObj(
                            i -> () -> ledger.arrive(i % 2 == 0 ? "a" : "b").isEmpty())
                    .toList();
            long admitted = threads.invokeAll(calls).stream()
                    .filter(call -> {
                        try {
                            return call.get();
                        } catch (InterruptedException | ExecutionException e) {
                            throw new AssertionError(e);
                        }
                    })
                    .count();
            assertThat(admitted).isEqualTo(50);
        }
        assertThat(ledger.report(Map.of()).project("one")).contains(new Report.ProjectUse("one", 400, 350, 400));
    }

    @Test
    void theOldestPromptsAreForgotten() {
        Ledger ledger = ledger(1);
        for (int i = 0; i < Ledger.MOST_PROMPTS + 3; i++) {
            ledger.called("prompt " + i);
        }
        Report report = ledger.report(Map.of());
        assertThat(report.prompts()).hasSize(Ledger.MOST_PROMPTS);
        assertThat(report.forgottenPrompts()).isEqualTo(3);
        assertThat(report.prompt("prompt 2")).isEmpty();
        assertThat(report.prompt("prompt 3")).isPresent();
    }

    @Test
    void aLongPromptIsFoundByItsWholeText() {
        Ledger ledger = ledger(1);
        String longPrompt = "x".repeat(5_000);
        ledger.called(longPrompt + "1");
        ledger.called(longPrompt + "2");
        Report report = ledger.report(Map.of());
        assertThat(report.prompts()).hasSize(2).allMatch(use -> use.prompt().length() < 1_100);
        assertThat(report.prompt(longPrompt + "1").orElseThrow().calls()).isEqualTo(1);
    }

    @Test
    void aMarkersPaceStaysWhenItsFaultIsSpent() {
        Ledger ledger = ledger(1);
        var marker = Optional.of(Behaviour.ofWords("first=1s status=503 times=1"));
        assertThat(ledger.behaviour("a", "p", marker).fault()).isPresent();
        Behaviour later = ledger.behaviour("a", "p", marker);
        assertThat(later.fault()).isEmpty();
        assertThat(later.first()).contains(Duration.ofSeconds(1));

        var slow = Optional.of(Behaviour.ofWords("first=1s times=1"));
        assertThat(ledger.behaviour("a", "q", slow).first()).isPresent();
        assertThat(ledger.behaviour("a", "q", slow).first()).isEmpty();
    }

    @Test
    void aMarkersFaultLeavesTheRulesCountAlone() {
        Ledger ledger = ledger(1);
        ledger.rule(Optional.empty(), Behaviour.ofWords("status=500 times=1 size=9"));
        assertThat(ledger.behaviour("a", "p", Optional.of(Behaviour.ofWords("reset=before")))
                        .fault())
                .contains(new Fault.Reset(Fault.Where.BEFORE));
        assertThat(ledger.rules()).hasSize(1);
        assertThat(ledger.behaviour("a", "p", Optional.of(Behaviour.ofWords("chunks=3"))))
                .isEqualTo(Behaviour.ofWords("status=500 size=9 chunks=3"));
        assertThat(ledger.rules()).isEmpty();
    }
}
