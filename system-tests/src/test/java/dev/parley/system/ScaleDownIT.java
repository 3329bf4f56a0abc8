package dev.parley.system;

import static dev.parley.system.Installation.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.dev.gemini.Report;
import dev.parley.local.process.ServiceProcess;
import dev.parley.pipeline.broker.Walk;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Promise 1 and 2 where workers go because there are fewer to be: nothing is lost, doubled, or counted as a failure. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ScaleDownIT {
    private static final int STREAMS = 50;
    /** Of the worker that goes; what it keeps of it for handing back is a few seconds. */
    private static final Duration GRACE = Duration.ofSeconds(15);

    private static final String ANSWER = "Whoever is asked to leave says what is on the tongue, and passes on the rest;"
            + " nobody has to say a thing twice.";
    private static final Pattern STOPPED = Pattern.compile("gemini-worker stopped in ([\\d,]+) ms");

    private Installation parley;

    @BeforeAll
    void open() throws IOException {
        parley = Installation.fresh();
    }

    @AfterAll
    void close() {
        parley.close();
    }

    @Test
    void aWorkerThatIsToldToGoWithFiftyStreamsFinishesWhatItCanAndHandsBackTheRestAtNoCost() throws Exception {
        Client client = new Client(parley.startApi());
        ServiceProcess leaving = parley.startWorker(Map.of("SHUTDOWN_GRACE_SECONDS", Long.toString(GRACE.toSeconds())));
        Map<String, Client.Sent> quick = new HashMap<>();
        Map<String, Client.Sent> slow = new HashMap<>();
        for (int i = 0; i < STREAMS; i++) {
            String gate = i % 2 == 0 ? "quick" : "slow";
            String prompt = "%d [[fake answer=\"%s\" chunks=12 chunk=50ms gate=%s at=4]]".formatted(i, ANSWER, gate);
            (i % 2 == 0 ? quick : slow).put(prompt, client.send(prompt));
        }
        Client.await("all are streaming")
                .until(() -> parley.gemini().held("quick") + parley.gemini().held("slow"), held -> held == STREAMS);

        leaving.signalTerminate();
        parley.gemini().release("quick");
        assertThat(leaving.awaitExit(PATIENCE)).as("ended by SIGTERM").isEqualTo(143);

        Matcher stopped = STOPPED.matcher(leaving.log());
        assertThat(stopped.find()).isTrue();
        assertThat(Long.parseLong(stopped.group(1).replace(",", ""))).isLessThan(GRACE.toMillis());
        assertThat(leaving.log()).doesNotContain("\"level\":\"SEVERE\"");
        for (Client.Sent sent : quick.values()) {
            assertAnswered(client, sent);
        }
        for (Client.Sent sent : slow.values()) {
            assertThat(client.answer(sent).get("status").asText()).isEqualTo("queued");
        }
        assertHandedBackAsNew(slow.size());

        parley.gemini().release("slow");
        parley.startWorker();
        for (Client.Sent sent : slow.values()) {
            assertAnswered(client, sent);
        }
        assertThat(quick.keySet()).allSatisfy(prompt -> assertPaid(prompt, 1));
        assertThat(slow.keySet()).allSatisfy(prompt -> assertPaid(prompt, 2));
        assertThat(parley.broker().depths().orElseThrow().values()).allMatch(depth -> depth == 0);
    }

    /** Messages that were never delivered: nothing of their delivery limit is spent, and no crash is noted. */
    private void assertHandedBackAsNew(int count) throws Exception {
        List<Map<String, Object>> headers = new ArrayList<>();
        Walk walk = parley.broker().walk("gemini.requests", 2 * STREAMS, PATIENCE, PATIENCE, message -> {
            headers.add(message.headers());
            return Walk.Step.KEEP;
        });
        assertThat(walk).isEqualTo(new Walk.Done(count, 0, count));
        assertThat(headers).allSatisfy(each -> assertThat(each)
                .containsEntry("x-parley-attempt", 1)
                .doesNotContainKeys("x-delivery-count", "x-parley-crashes", "x-death"));
    }

    private static void assertAnswered(Client client, Client.Sent sent) {
        JsonNode answer = client.awaitStatus(sent, "completed");
        assertThat(answer.get("content").asText()).isEqualTo(ANSWER);
        assertThat(answer.get("attempt").asInt()).isEqualTo(1);
        assertThat(client.messages(sent.chat())).hasSize(2);
    }

    private void assertPaid(String prompt, int calls) {
        Report.PromptUse use = parley.gemini().report().prompt(prompt).orElseThrow();
        assertThat(use.calls()).isEqualTo(calls);
        assertThat(use.completed()).as("finished calls").isEqualTo(1);
    }
}
