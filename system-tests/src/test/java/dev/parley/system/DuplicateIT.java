package dev.parley.system;

import static dev.parley.system.Installation.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.PublishFailed;
import dev.parley.pipeline.broker.Publisher;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.Json;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Promise 2: however often something comes, there is one answer, and it is paid for once. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DuplicateIT {
    private Installation parley;
    private Client client;
    private Publisher publisher;

    @BeforeAll
    void open() throws IOException {
        parley = Installation.fresh();
        client = new Client(parley.startApi());
        publisher = parley.broker().publisher(10);
    }

    @AfterAll
    void close() {
        parley.close();
    }

    private int calls(String prompt) {
        return parley.gemini().report().prompt(prompt).orElseThrow().calls();
    }

    private void awaitHeld(String gate) {
        Client.await("a call at the gate").until(() -> parley.gemini().held(gate), held -> held == 1);
    }

    /** What the relay publishes for this message. */
    private static GenerationRequest request(Client.Sent sent, String prompt) {
        return new GenerationRequest(
                GenerationRequest.VERSION,
                sent.ref(),
                UUID.randomUUID(),
                "gemini-3.8-flash",
                Optional.empty(),
                List.of(new GenerationRequest.Turn(GenerationRequest.Role.USER, prompt)),
                GenerationRequest.Sampling.DEFAULT,
                "twin",
                Instant.now());
    }

    private void publish(Client.Sent sent, byte[] body) throws PublishFailed {
        publisher.publishConfirmed(
                new Outgoing("gemini.requests", sent.ref().messageId(), Map.of("x-parley-attempt", 1), body));
    }

    private void publishResult(AnswerUpdate update) throws PublishFailed {
        publisher.publishConfirmed(
                new Outgoing("gemini.responses", update.answer().messageId(), Map.of(), Json.bytes(update)));
    }

    private JsonNode assertOneAnswer(Client.Sent sent, String prompt, String text) {
        JsonNode answer = client.awaitStatus(sent, "completed");
        assertThat(answer.get("content").asText()).isEqualTo(text);
        assertThat(client.messages(sent.chat())).hasSize(2);
        assertThat(calls(prompt)).isEqualTo(1);
        return answer;
    }

    /** Until the worker and the API have seen off everything that was published so far. */
    private void awaitQuiet() {
        Client.await("empty queues")
                .until(() -> parley.broker().depths().orElseThrow(), depths -> depths.values().stream()
                        .allMatch(depth -> depth == 0));
        Client.await("idle workers").until(() -> client.held("waiting") + client.held("running"), held -> held == 0);
    }

    private long dropped(Client.Sent sent) throws IOException {
        return parley.allLogs()
                .lines()
                .filter(line -> line.contains("dropped: ")
                        && line.contains(sent.answer().toString()))
                .count();
    }

    private double duplicateResults() {
        return Metrics.of(parley.services().getFirst()).sum("parley_results_total", "outcome=\"duplicate\"");
    }

    @Test
    void aRequestThatComesThreeTimesBeforeItsAnswerIsPaidForOnce() throws Exception {
        parley.killWorkers();
        String prompt = "Thrice before [[fake answer=\"once\" first=500ms]]";
        Client.Sent sent = client.send(prompt);
        AtomicReference<byte[]> seen = new AtomicReference<>();
        Client.await("the request is in its queue").until(() -> parley.broker()
                .walk("gemini.requests", 1, PATIENCE, PATIENCE, message -> {
                    seen.set(message.body());
                    return Walk.Step.KEEP;
                })
                .equals(new Walk.Done(1, 0, 1)));
        byte[] body = seen.get();
        publish(sent, body);
        publish(sent, body);

        parley.startWorker();
        assertOneAnswer(sent, prompt, "once");
        awaitQuiet();
        assertOneAnswer(sent, prompt, "once");
    }

    @Test
    void twinsOfARunningRequestWaitAndAreNotPaidFor() throws Exception {
        parley.aWorker();
        String prompt = "Twice during [[fake answer=\"in one piece\" gate=during at=1]]";
        Client.Sent sent = client.send(prompt);
        awaitHeld("during");
        publish(sent, Json.bytes(request(sent, prompt)));
        publish(sent, Json.bytes(request(sent, prompt)));
        Client.await("the twins are in the worker").until(() -> client.held("waiting"), held -> held == 2);
        assertThat(calls(prompt)).isEqualTo(1);

        parley.gemini().release("during");
        assertOneAnswer(sent, prompt, "in one piece");
        awaitQuiet();
        assertOneAnswer(sent, prompt, "in one piece");
    }

    @Test
    void aRequestThatComesAgainAfterItsAnswerIsDropped() throws Exception {
        parley.aWorker();
        String prompt = "Again after [[fake answer=\"said\"]]";
        Client.Sent sent = client.send(prompt);
        assertOneAnswer(sent, prompt, "said");
        publish(sent, Json.bytes(request(sent, prompt)));
        publish(sent, Json.bytes(request(sent, prompt)));
        Client.await("both are dropped").until(() -> dropped(sent), count -> count == 2);
        assertOneAnswer(sent, prompt, "said");
    }

    @Test
    void aResultThatComesAgainChangesNothing() throws Exception {
        parley.aWorker();
        String prompt = "Result [[fake answer=\"the first word\"]]";
        Client.Sent sent = client.send(prompt);
        JsonNode before = assertOneAnswer(sent, prompt, "the first word");
        double duplicates = duplicateResults();
        AnswerUpdate.Completed late = new AnswerUpdate.Completed(
                sent.ref(),
                "another-run",
                "a second opinion",
                "gemini-3.8-flash",
                new AnswerUpdate.Usage(1, 1),
                Optional.empty(),
                Instant.now());
        publishResult(late);
        publishResult(late);
        Client.await("both are seen off").until(() -> duplicateResults(), now -> now == duplicates + 2);
        assertThat(assertOneAnswer(sent, prompt, "the first word")).isEqualTo(before);
    }

    @Test
    void anOutboxRowThatIsPublishedAgainIsPaidForOnce() throws Exception {
        parley.aWorker();
        String prompt = "Outbox [[fake answer=\"kept\" gate=outbox at=1]]";
        Client.Sent sent = client.send(prompt);
        awaitHeld("outbox");
        // An API that dies between the confirm and the delete leaves the row.
        for (int i = 0; i < 2; i++) {
            parley.sql("INSERT INTO outbox (answer_id, round, created_at) VALUES (?, 1, now())", sent.answer());
        }
        Client.await("the twins are in the worker").until(() -> client.held("waiting"), held -> held == 2);
        parley.gemini().release("outbox");
        assertOneAnswer(sent, prompt, "kept");
        awaitQuiet();
        assertOneAnswer(sent, prompt, "kept");
        assertThat(parley.number("SELECT count(*) FROM outbox")).isZero();

        // And one that is left after the answer is only cleared away.
        parley.sql("INSERT INTO outbox (answer_id, round, created_at) VALUES (?, 1, now())", sent.answer());
        Client.await("the row is gone").until(() -> parley.number("SELECT count(*) FROM outbox"), count -> count == 0);
        awaitQuiet();
        assertOneAnswer(sent, prompt, "kept");
    }
}
