package dev.parley.api.result;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.database.Sql;
import dev.parley.api.message.Message;
import dev.parley.api.message.Message.Status;
import dev.parley.api.message.Sent;
import dev.parley.api.support.Pipeline;
import dev.parley.api.user.Users;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.Publisher;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DeadLetterWatchIT {
    private final Pipeline pipeline = new Pipeline();
    private final Broker broker = pipeline.broker();

    @AfterEach
    void close() {
        pipeline.close();
    }

    private void watch() {
        pipeline.open(DeadLetterWatch.start(broker, pipeline.messages, pipeline.notifier, Duration.ofMillis(100)));
    }

    private static GenerationRequest request(Message answer) {
        return new GenerationRequest(
                GenerationRequest.VERSION,
                new AnswerRef(answer.chatId(), answer.id(), 1, 1),
                Users.LOCAL,
                "m",
                Optional.empty(),
                List.of(new Turn(Role.USER, "x")),
                Sampling.DEFAULT,
                "r",
                Instant.now());
    }

    private void die(Object message) throws Exception {
        pipeline.publish(broker, pipeline.topology.deadLetters(), message);
    }

    @Test
    void theAnswerOfADeadLetterIsShownAsFailedAndTheLetterStays() throws Exception {
        watch();
        UUID chat = pipeline.newChat();
        Sent sent = pipeline.send(chat, "poison");
        pipeline.send(chat, "behind it");
        die(request(sent.answer()));
        Pipeline.soon().until(() -> pipeline.now(sent.answer()).status() == Status.FAILED);
        assertThat(pipeline.now(sent.answer()).error().orElseThrow().type()).endsWith("request-failed");
        Pipeline.soon().until(() -> pipeline.wakes.get() == 1);
        assertThat(pipeline.events).hasSize(1);
        Pipeline.soon().until(() -> pipeline.depth(broker, pipeline.topology.deadLetters()) == 1);
    }

    @Test
    void anAnswerThatHasEndedStaysAsItIs() throws Exception {
        Sent done = pipeline.send(pipeline.newChat(), "done");
        pipeline.messages.apply(new AnswerUpdate.Completed(
                new AnswerRef(done.answer().chatId(), done.answer().id(), 1, 1),
                "run",
                "answer",
                "m",
                new AnswerUpdate.Usage(1, 1),
                Optional.empty(),
                Instant.now()));
        die(request(done.answer()));
        Sent poison = pipeline.send(pipeline.newChat(), "poison");
        die(request(poison.answer()));
        watch();
        Pipeline.soon().until(() -> pipeline.now(poison.answer()).status() == Status.FAILED);
        assertThat(pipeline.now(done.answer()).status()).isEqualTo(Status.COMPLETED);
    }

    @Test
    void aLetterWhoseAnswerCannotBeEndedHoldsNobodyUp() throws Exception {
        Sent broken = pipeline.send(pipeline.newChat(), "broken");
        // Half of a fact, as no version writes it.
        pipeline.database.run(db -> Sql.of(db, "UPDATE messages SET input_tokens = 1 WHERE id = :answer")
                .with("answer", broken.answer().id())
                .change());
        die(request(broken.answer()));
        Sent behind = pipeline.send(pipeline.newChat(), "behind it");
        die(request(behind.answer()));
        watch();
        Pipeline.soon().until(() -> pipeline.now(behind.answer()).status() == Status.FAILED);
    }

    @Test
    void aLetterBehindThousandsOfOthersIsSeenToo() throws Exception {
        Publisher publisher = broker.publisher(200);
        List<CompletableFuture<Void>> confirms = new ArrayList<>();
        for (int i = 0; i < 1_500; i++) {
            confirms.add(publisher.publish(
                    new Outgoing(pipeline.topology.deadLetters(), "odd", Map.of(), new byte[] {'{', '}'})));
        }
        for (CompletableFuture<Void> confirm : confirms) {
            Publisher.await(confirm);
        }
        Sent sent = pipeline.send(pipeline.newChat(), "poison");
        die(request(sent.answer()));
        watch();
        Pipeline.soon().until(() -> pipeline.now(sent.answer()).status() == Status.FAILED);
        // And one that comes after the first look.
        Sent later = pipeline.send(pipeline.newChat(), "poison too");
        die(request(later.answer()));
        Pipeline.soon().until(() -> pipeline.now(later.answer()).status() == Status.FAILED);
    }

    @Test
    void theAnswerOfALetterThatNobodyCanReadIsShownAsFailedToo() throws Exception {
        watch();
        Sent sent = pipeline.send(pipeline.newChat(), "of another version");
        die("{\"version\":99,\"answer\":{\"chatId\":\"%s\",\"answerId\":\"%s\",\"round\":1,\"attempt\":1},\"new\":1}"
                .formatted(sent.answer().chatId(), sent.answer().id()));
        Pipeline.soon().until(() -> pipeline.now(sent.answer()).status() == Status.FAILED);
    }

    @Test
    void aLetterThatTakesThePlaceOfARemovedOneIsSeen() throws Exception {
        Sent first = pipeline.send(pipeline.newChat(), "first");
        die(request(first.answer()));
        watch();
        Pipeline.soon().until(() -> pipeline.now(first.answer()).status() == Status.FAILED);
        Sent second = pipeline.send(pipeline.newChat(), "second");
        Broker operator = pipeline.broker();
        Walk walk = operator.walk(
                pipeline.topology.deadLetters(), 10, Duration.ofMinutes(1), Duration.ofMinutes(1), message -> {
                    try {
                        // While one is held and the other one comes, the watch sees a depth of one all the time.
                        die(request(second.answer()));
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                    return Walk.Step.REMOVE;
                });
        assertThat(walk).isInstanceOf(Walk.Done.class);
        Pipeline.soon().until(() -> pipeline.now(second.answer()).status() == Status.FAILED);
    }
}
