package dev.parley.api.result;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.database.Sql;
import dev.parley.api.event.ChatEvent;
import dev.parley.api.message.Message;
import dev.parley.api.message.Message.Status;
import dev.parley.api.message.Sent;
import dev.parley.api.support.Pipeline;
import dev.parley.api.user.Users;
import dev.parley.dev.server.PostgresServer;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.Headers;
import dev.parley.pipeline.redis.Redis;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultConsumerIT {
    private static final Instant T = Instant.parse("2026-11-22T10:00:00Z");
    private static final Failure BUSY = Failure.of("model-overloaded", "Busy", "It is busy.");

    private Pipeline pipeline = new Pipeline();

    @AfterEach
    void close() {
        pipeline.close();
    }

    private Redis redis() {
        return pipeline.open(Redis.open(URI.create(SharedServers.freshRedis()), Duration.ofSeconds(5)));
    }

    private Broker start(Redis redis) {
        Broker broker = pipeline.broker();
        pipeline.open(ResultConsumer.start(
                broker, pipeline.messages, new Runs(redis), pipeline.notifier, Pipeline.meters(), Clock.systemUTC()));
        return broker;
    }

    private Broker start() {
        return start(redis());
    }

    private static AnswerRef ref(Message answer, int round, int attempt) {
        return new AnswerRef(answer.chatId(), answer.id(), round, attempt);
    }

    private static AnswerUpdate.Completed completed(Message answer, int round, String text) {
        return new AnswerUpdate.Completed(
                ref(answer, round, 1),
                UUID.randomUUID().toString(),
                text,
                "m",
                new AnswerUpdate.Usage(3, 4),
                Optional.empty(),
                T);
    }

    private void publish(Broker broker, Object update) throws Exception {
        pipeline.publish(broker, pipeline.topology.responses(), update);
    }

    private void awaitStatus(Message answer, Status status) {
        Pipeline.soon().until(() -> pipeline.now(answer).status() == status);
    }

    private List<String> events() {
        return pipeline.events.stream().map(ChatEvent::name).toList();
    }

    /** Comes after everything before it, as each message is handled by the time the next result is told. */
    private void awaitHandled(Broker broker) throws Exception {
        Sent marker = pipeline.send(pipeline.newChat(), "marker");
        publish(broker, completed(marker.answer(), 1, "done"));
        awaitStatus(marker.answer(), Status.COMPLETED);
        Pipeline.soon().until(() -> pipeline.depth(broker, pipeline.topology.responses()) == 0);
    }

    @Test
    void aResultThatComesAgainChangesNothingAndIsToldOnce() throws Exception {
        Broker broker = start();
        Sent sent = pipeline.send(pipeline.newChat(), "question");
        AnswerUpdate.Completed done = completed(sent.answer(), 1, "answer");
        publish(broker, done);
        awaitStatus(sent.answer(), Status.COMPLETED);
        publish(broker, done);
        publish(broker, completed(sent.answer(), 1, "another answer"));
        publish(broker, new AnswerUpdate.Failed(ref(sent.answer(), 1, 1), BUSY, T));
        awaitHandled(broker);
        assertThat(pipeline.now(sent.answer()).content()).isEqualTo("answer");
        Pipeline.soon().until(() -> pipeline.events.size() == 2);
        assertThat(events()).containsExactly("answer.completed", "answer.completed");
    }

    @Test
    void aResultOfAnEarlierRoundChangesNothing() throws Exception {
        Broker broker = start();
        Sent sent = pipeline.send(pipeline.newChat(), "question");
        pipeline.messages.cancel(Users.LOCAL, sent.answer().id(), "so far");
        pipeline.messages.retry(Users.LOCAL, sent.answer().id(), "m", "r");
        publish(broker, completed(sent.answer(), 1, "too late"));
        publish(broker, new AnswerUpdate.Retrying(ref(sent.answer(), 1, 2), BUSY, T));
        awaitHandled(broker);
        assertThat(pipeline.now(sent.answer()).status()).isEqualTo(Status.QUEUED);
        publish(broker, completed(sent.answer(), 3, "in time"));
        awaitStatus(sent.answer(), Status.COMPLETED);
        assertThat(pipeline.now(sent.answer()).content()).isEqualTo("in time");
    }

    @Test
    void waitingAndRetryingAreToldAndStayPending() throws Exception {
        Broker broker = start();
        Sent sent = pipeline.send(pipeline.newChat(), "question");
        publish(broker, new AnswerUpdate.Waiting(ref(sent.answer(), 1, 1), T, Optional.empty()));
        Pipeline.soon().until(() -> events().equals(List.of("answer.queued")));
        publish(broker, new AnswerUpdate.Retrying(ref(sent.answer(), 1, 2), BUSY, T));
        awaitStatus(sent.answer(), Status.RETRYING);
        assertThat(pipeline.now(sent.answer()).nextAttemptAt()).contains(T);
        publish(broker, new AnswerUpdate.Failed(ref(sent.answer(), 1, 2), BUSY, T));
        awaitStatus(sent.answer(), Status.FAILED);
        Pipeline.soon().until(() -> events().equals(List.of("answer.queued", "answer.retrying", "answer.failed")));
    }

    @Test
    void anEndReleasesTheFollowUpAndWakesTheOutbox() throws Exception {
        Broker broker = start();
        UUID chat = pipeline.newChat();
        Sent first = pipeline.send(chat, "first");
        Sent second = pipeline.send(chat, "second");
        assertThat(pipeline.outbox.depth()).isEqualTo(1);
        publish(broker, completed(first.answer(), 1, "answer"));
        Pipeline.soon().until(() -> pipeline.wakes.get() == 1);
        assertThat(pipeline.outbox.depth()).isEqualTo(2);
        assertThat(pipeline.now(second.answer()).waitsFor()).isEmpty();
    }

    @Test
    void anEndMakesLaterTriesObsoleteAndForgetsTheLiveText() throws Exception {
        Redis redis = redis();
        Runs runs = new Runs(redis);
        Broker broker = start(redis);
        Sent sent = pipeline.send(pipeline.newChat(), "question");
        AnswerRef answer = ref(sent.answer(), 1, 1);
        String run = UUID.randomUUID().toString();
        runs.askToBegin(answer, run).get();
        runs.append(answer, run, 0, 0, "text").join();
        publish(broker, completed(sent.answer(), 1, "text"));
        Pipeline.soon().until(() -> runs.texts(List.of(answer.answerId())).isEmpty());
        assertThat(runs.askToBegin(answer, run).get()).isInstanceOf(Runs.Begin.Obsolete.class);
    }

    @Test
    void withoutRedisResultsAreStoredAllTheSame() throws Exception {
        Broker broker = start(pipeline.open(Redis.open(URI.create("redis://127.0.0.1:1"), Duration.ofMillis(300))));
        Sent sent = pipeline.send(pipeline.newChat(), "question");
        publish(broker, completed(sent.answer(), 1, "answer"));
        awaitStatus(sent.answer(), Status.COMPLETED);
        awaitHandled(broker);
    }

    @Test
    void whatIsNoResultGoesToTheDeadLettersAndHoldsUpNothing() throws Exception {
        Broker broker = start();
        for (String body : List.of("not json", "{}", "{\"type\":\"completed\"}", "{\"type\":\"failed\"}")) {
            publish(broker, body);
        }
        Pipeline.soon().until(() -> pipeline.depth(broker, pipeline.topology.deadLetters()) == 4);
        awaitHandled(broker);
    }

    @Test
    void aResultThatPostgresRejectsEndsAsADeadLetterAndItsAnswerAsFailed() throws Exception {
        Broker broker = start();
        pipeline.database.run(db -> Sql.of(db, "ALTER TABLE messages ADD CHECK (content <> 'unstorable')")
                .change());
        UUID chat = pipeline.newChat();
        Sent sent = pipeline.send(chat, "question");
        Sent behind = pipeline.send(chat, "behind it");
        Sent neighbour = pipeline.send(pipeline.newChat(), "another question");
        publish(broker, completed(sent.answer(), 1, "unstorable"));
        publish(broker, completed(neighbour.answer(), 1, "an answer"));
        awaitStatus(neighbour.answer(), Status.COMPLETED);
        awaitStatus(sent.answer(), Status.FAILED);
        assertThat(pipeline.now(sent.answer()).error()).contains(ResultConsumer.REJECTED);
        assertThat(pipeline.now(behind.answer()).waitsFor()).isEmpty();
        List<String> reasons = new ArrayList<>();
        Walk walk = broker.walk(
                pipeline.topology.deadLetters(), 10, Duration.ofMinutes(1), Duration.ofMinutes(1), message -> {
                    reasons.add(message.header(Headers.REASON).orElse("") + " " + message.messageId());
                    return Walk.Step.KEEP;
                });
        assertThat(walk).isEqualTo(new Walk.Done(1, 0, 1));
        assertThat(reasons)
                .containsExactly(
                        ResultConsumer.REJECTED.type() + " " + sent.answer().id() + ":1");
        awaitHandled(broker);
    }

    @Test
    void aResultWhoseAnswerCannotBeEndedEitherIsBuriedOnce() throws Exception {
        Broker broker = pipeline.broker();
        ResultConsumer consumer = ResultConsumer.start(
                broker, pipeline.messages, new Runs(redis()), pipeline.notifier, Pipeline.meters(), Clock.systemUTC());
        Sent sent = pipeline.send(pipeline.newChat(), "question");
        // Half of a fact, as no version writes it.
        pipeline.database.run(db -> Sql.of(db, "UPDATE messages SET input_tokens = 1 WHERE id = :answer")
                .with("answer", sent.answer().id())
                .change());
        publish(broker, new AnswerUpdate.Failed(ref(sent.answer(), 1, 1), ResultConsumer.REJECTED, T));
        Pipeline.soon().until(() -> pipeline.depth(broker, pipeline.topology.deadLetters()) == 1);
        // Waits for what is being handled; what was not acknowledged is in the queue again, for another copy.
        consumer.close();
        broker.close();
        assertThat(pipeline.depth(pipeline.broker(), pipeline.topology.responses()))
                .isZero();
    }

    @Test
    void aResultWaitsForADatabaseThatIsAway(@TempDir Path folder) throws Exception {
        pipeline.close();
        try (PostgresServer postgres = PostgresServer.start(folder.resolve("postgres"), 0)) {
            pipeline = new Pipeline(postgres.url());
            Broker broker = start();
            Sent sent = pipeline.send(pipeline.newChat(), "question");
            postgres.kill();
            publish(broker, completed(sent.answer(), 1, "answer"));
            // It has been taken and is held.
            Pipeline.soon().until(() -> pipeline.depth(broker, pipeline.topology.responses()) == 0);
            assertThat(pipeline.events).isEmpty();
            postgres.start();
            Pipeline.soon().until(() -> events().equals(List.of("answer.completed")));
            assertThat(pipeline.now(sent.answer()).content()).isEqualTo("answer");
            pipeline.close();
        }
    }
}
