package dev.parley.api.message;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.chat.Chat;
import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.message.Message.Status;
import dev.parley.api.message.MessageStore.Applied;
import dev.parley.api.message.MessageStore.Change;
import dev.parley.api.message.MessageStore.Draft;
import dev.parley.api.message.MessageStore.Idempotency;
import dev.parley.api.message.MessageStore.Sending;
import dev.parley.api.outbox.OutboxEntry;
import dev.parley.api.outbox.OutboxStore;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import dev.parley.pipeline.message.Json;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MessageStoreIT {
    private static final Instant T = Instant.parse("2026-11-22T10:00:00Z");
    private static final Failure BUSY = Failure.of("model-overloaded", "Overloaded", "It is busy.");

    private static Database database;
    private static Ids ids;
    private static MessageStore store;
    private static OutboxStore outbox;

    private UUID user;
    private UUID chat;

    @BeforeAll
    static void open() {
        database = Database.open(URI.create(SharedServers.freshDatabase()), 16, Duration.ofSeconds(30));
        ids = new Ids(Clock.systemUTC(), new Random(1));
        store = new MessageStore(database, ids, Clock.systemUTC(), 5, Duration.ZERO);
        outbox = new OutboxStore(database, Clock.systemUTC());
    }

    @AfterAll
    static void close() {
        database.close();
    }

    @BeforeEach
    void aChatOfItsOwn() {
        user = ids.next();
        database.run(db -> Sql.of(db, "DELETE FROM outbox").change());
        database.run(db -> Sql.of(db, "INSERT INTO users (id, name) VALUES (:id, 'u')")
                .with("id", user)
                .change());
        chat = newChat();
    }

    private UUID newChat() {
        UUID id = ids.next();
        database.run(db -> Sql.of(
                        db, "INSERT INTO chats (id, user_id, created_at, updated_at) VALUES (:id, :user, :at, :at)")
                .with("id", id)
                .with("user", user)
                .with("at", T)
                .change());
        return id;
    }

    private static Draft draft(String content) {
        return new Draft(content, Optional.empty(), Optional.of("model-a"), "standard", Optional.empty(), "request-1");
    }

    private static Draft draft(String content, String key, String hash) {
        return new Draft(
                content,
                Optional.empty(),
                Optional.of("model-a"),
                "standard",
                Optional.of(new Idempotency(key, hash)),
                "request-1");
    }

    private Sent send(String content) {
        return ((Sending.Accepted) store.send(user, chat, draft(content))).sent();
    }

    private static AnswerRef ref(Message answer, int round, int attempt) {
        return new AnswerRef(answer.chatId(), answer.id(), round, attempt);
    }

    private static AnswerUpdate.Completed completed(Message answer, int round, String text) {
        return new AnswerUpdate.Completed(
                ref(answer, round, 1), "run", text, "model-a-001", new AnswerUpdate.Usage(3, 4), Optional.empty(), T);
    }

    private static AnswerUpdate.Failed failed(Message answer, int round) {
        return new AnswerUpdate.Failed(ref(answer, round, 1), BUSY, T);
    }

    private Message now(Message message) {
        return store.find(user, message.id()).orElseThrow();
    }

    /** Takes everything out of the outbox, as the relay does. */
    private static List<OutboxEntry> drain() {
        List<OutboxEntry> all = new ArrayList<>();
        while (true) {
            List<OutboxEntry> batch = outbox.inTransaction(tx -> {
                List<OutboxEntry> claimed = outbox.claim(tx, 50).entries();
                outbox.delete(tx, claimed.stream().map(OutboxEntry::id).toList());
                return claimed;
            });
            if (batch.isEmpty()) {
                return all;
            }
            all.addAll(batch);
        }
    }

    private static List<UUID> due() {
        return drain().stream()
                .filter(entry -> entry.request().isPresent())
                .map(OutboxEntry::answerId)
                .toList();
    }

    private static List<String> texts(OutboxEntry entry) {
        return entry.request().orElseThrow().turns().stream().map(Turn::text).toList();
    }

    @Test
    void aSentMessageIsStoredWithItsPendingAnswerAndItsRequest() {
        Sending.Accepted accepted = (Sending.Accepted) store.send(user, chat, draft("Hello there\nsecond line"));
        Sent sent = accepted.sent();

        assertThat(accepted.chat().title()).isEqualTo("Hello there");
        assertThat(sent.message().parentId()).isEmpty();
        assertThat(sent.answer().parentId()).contains(sent.message().id());
        assertThat(sent.answer().status()).isEqualTo(Status.QUEUED);
        assertThat(now(sent.message())).isEqualTo(sent.message());
        assertThat(now(sent.answer())).isEqualTo(sent.answer());

        List<OutboxEntry> entries = drain();
        assertThat(entries).hasSize(1);
        var request = entries.getFirst().request().orElseThrow();
        assertThat(request.answer()).isEqualTo(ref(sent.answer(), 1, 1));
        assertThat(request.model()).isEqualTo("model-a");
        assertThat(request.requestId()).isEqualTo("request-1");
        assertThat(request.acceptedAt()).isEqualTo(sent.message().createdAt());
        assertThat(texts(entries.getFirst())).containsExactly("Hello there\nsecond line");
    }

    @Test
    void anotherUsersChatIsAbsent() {
        assertThat(store.send(ids.next(), chat, draft("Hello"))).isInstanceOf(Sending.NoSuchChat.class);
        Sent sent = send("Hello");
        UUID other = ids.next();
        assertThat(store.find(other, sent.answer().id())).isEmpty();
        assertThat(store.cancel(other, sent.answer().id(), "")).isEmpty();
        assertThat(store.retry(other, sent.answer().id(), "m", "r")).isEmpty();
        assertThat(store.branch(other, chat, Optional.empty(), 10)).isEmpty();
        assertThat(now(sent.answer())).isEqualTo(sent.answer());
    }

    @Test
    void aTitleIsOnlyTakenFromTheFirstMessage() {
        send("First");
        assertThat(((Sending.Accepted) store.send(user, chat, draft("Second")))
                        .chat()
                        .title())
                .isEqualTo("First");
    }

    @Test
    void aRepeatedRequestGetsTheFirstResponseEvenAfterTheAnswer() {
        Sent first = send("Wait for me");
        Sending.Accepted original = (Sending.Accepted) store.send(user, chat, draft("Hello", "key", "hash"));
        store.apply(completed(first.answer(), 1, "done"));
        store.apply(completed(original.sent().answer(), 1, "text"));

        Sending repeat = store.send(user, chat, draft("Hello", "key", "hash"));
        assertThat(Json.text(((Sending.Repeated) repeat).sent())).isEqualTo(Json.text(original.sent()));
        assertThat(store.send(user, chat, draft("Other", "key", "other"))).isInstanceOf(Sending.KeyReused.class);
        assertThat(store.branch(user, chat, Optional.empty(), 10).orElseThrow().messages())
                .hasSize(4);
    }

    @Test
    void equalSendsAtTheSameTimeAreOneMessage() throws Exception {
        List<Sending> results = atOnce(8, n -> store.send(user, chat, draft("Hello", "key", "hash")));
        assertThat(results.stream().filter(Sending.Accepted.class::isInstance)).hasSize(1);
        assertThat(results.stream().filter(Sending.Repeated.class::isInstance)).hasSize(7);
        assertThat(store.branch(user, chat, Optional.empty(), 10).orElseThrow().messages())
                .hasSize(2);
        assertThat(due()).hasSize(1);
    }

    @Test
    void aFollowUpWaitsAndIsReleasedByEveryEnd() {
        for (String end : List.of("completed", "failed", "cancelled")) {
            chat = newChat();
            Sent first = send("First");
            Sent second = send("Second");
            Sent third = send("Third");
            assertThat(second.answer().waitsFor()).contains(first.answer().id());
            assertThat(third.answer().waitsFor()).contains(second.answer().id());
            assertThat(due()).containsExactly(first.answer().id());

            boolean released =
                    switch (end) {
                        case "completed" ->
                            store.apply(completed(first.answer(), 1, "One"))
                                    .orElseThrow()
                                    .followUpsReleased();
                        case "failed" ->
                            store.apply(failed(first.answer(), 1)).orElseThrow().followUpsReleased();
                        default ->
                            store.cancel(user, first.answer().id(), "")
                                    .orElseThrow()
                                    .outboxGrew();
                    };
            assertThat(released).as(end).isTrue();
            assertThat(now(second.answer()).waitsFor()).isEmpty();
            assertThat(now(third.answer()).waitsFor()).contains(second.answer().id());
            List<OutboxEntry> entries = drain();
            assertThat(entries).hasSize(1);
            assertThat(entries.getFirst().answerId()).isEqualTo(second.answer().id());
            assertThat(texts(entries.getFirst()))
                    .isEqualTo(
                            end.equals("completed") ? List.of("First", "One", "Second") : List.of("First", "Second"));
        }
    }

    @Test
    void cancellingAWaitingAnswerKeepsThoseBehindItInTheirPlace() {
        Sent first = send("First");
        Sent second = send("Second");
        Sent third = send("Third");
        assertThat(store.cancel(user, second.answer().id(), "").orElseThrow().outboxGrew())
                .isFalse();
        Sent fourth = send("Fourth");
        assertThat(now(second.answer()).waitsFor()).isEmpty();
        assertThat(now(third.answer()).waitsFor()).contains(first.answer().id());
        assertThat(fourth.answer().waitsFor()).contains(third.answer().id());
        assertThat(due()).containsExactly(first.answer().id());

        store.cancel(user, third.answer().id(), "");
        store.cancel(user, fourth.answer().id(), "");
        Sent fifth = send("Fifth");
        assertThat(fifth.answer().waitsFor()).contains(first.answer().id());
        store.apply(completed(first.answer(), 1, "One"));
        List<OutboxEntry> entries = drain();
        assertThat(entries).hasSize(1);
        assertThat(entries.getFirst().answerId()).isEqualTo(fifth.answer().id());
        assertThat(texts(entries.getFirst())).containsExactly("First", "One", "Second", "Third", "Fourth", "Fifth");
    }

    @Test
    void aRetriedAnswerWaitsAgainForThePendingOneBeforeIt() {
        Sent first = send("First");
        Sent second = send("Second");
        Sent third = send("Third");
        store.cancel(user, second.answer().id(), "");
        Change retried = store.retry(user, second.answer().id(), "m", "r").orElseThrow();
        assertThat(retried.outboxGrew()).isFalse();
        assertThat(retried.message().waitsFor()).contains(first.answer().id());
        assertThat(now(third.answer()).waitsFor()).contains(second.answer().id());
        assertThat(due()).containsExactly(first.answer().id());

        store.apply(completed(first.answer(), 1, "One"));
        assertThat(due()).containsExactly(second.answer().id());
        store.apply(completed(second.answer(), retried.round(), "Two"));
        assertThat(due()).containsExactly(third.answer().id());
    }

    @Test
    void anAnswerEndsOnce() {
        Message answer = send("Hello").answer();
        Applied applied =
                store.apply(completed(answer, 1, "Hi \0 there \uD800.")).orElseThrow();
        assertThat(applied.chatId()).isEqualTo(chat);
        assertThat(applied.message().content()).isEqualTo("Hi \uFFFD there \uFFFD.");
        assertThat(applied.message().status()).isEqualTo(Status.COMPLETED);
        assertThat(applied.message().usage()).contains(new AnswerUpdate.Usage(3, 4));
        assertThat(applied.message().model()).contains("model-a-001");
        assertThat(applied.message().completedAt()).contains(T);
        assertThat(applied.message()).isEqualTo(now(answer));

        assertThat(store.apply(completed(answer, 1, "Again"))).isEmpty();
        assertThat(store.apply(failed(answer, 1))).isEmpty();
        assertThat(store.apply(new AnswerUpdate.Waiting(ref(answer, 1, 2), T, Optional.of(1))))
                .isEmpty();
        assertThat(store.apply(new AnswerUpdate.Retrying(ref(answer, 1, 2), BUSY, T)))
                .isEmpty();
        assertThat(now(answer).content()).isEqualTo("Hi \uFFFD there \uFFFD.");
    }

    @Test
    void anExpectedTimeIsToldAgainOnlyWhenItHasChangedAndNeverOnceItIsPast() {
        Message answer = send("Hello").answer();
        Instant at = Instant.now().truncatedTo(ChronoUnit.MILLIS).plusSeconds(3600);
        assertThat(waiting(answer, at).orElseThrow().expectedAt()).contains(at);
        assertThat(waiting(answer, at.plusMillis(1_900))).isEmpty();
        assertThat(waiting(answer, at.minusMillis(1_900))).isEmpty();
        assertThat(now(answer).expectedAt()).contains(at);
        assertThat(waiting(answer, at.minusSeconds(600)).orElseThrow().expectedAt())
                .contains(at.minusSeconds(600));
        assertThat(waiting(answer, T).orElseThrow().expectedAt()).isEmpty();
        assertThat(now(answer).expectedAt()).isEmpty();
        assertThat(now(answer).status()).isEqualTo(Status.QUEUED);
    }

    @Test
    void aPlaceInLineIsToldWheneverItChangesAndOnlyBesideTheTime() {
        Message answer = send("Hello").answer();
        Instant at = Instant.now().truncatedTo(ChronoUnit.MILLIS).plusSeconds(3600);
        assertThat(waiting(answer, at, Optional.of(12)).orElseThrow().ahead()).contains(12);
        assertThat(waiting(answer, at, Optional.of(12))).isEmpty();
        assertThat(waiting(answer, at.plusMillis(1), Optional.of(11))
                        .orElseThrow()
                        .ahead())
                .contains(11);
        assertThat(now(answer).ahead()).contains(11);
        assertThat(waiting(answer, at, Optional.empty()).orElseThrow().ahead()).isEmpty();
        assertThat(waiting(answer, T, Optional.of(3)).orElseThrow().ahead()).isEmpty();
        store.apply(new AnswerUpdate.Retrying(ref(answer, 1, 2), BUSY, at)).orElseThrow();
        assertThat(now(answer).ahead()).isEmpty();
    }

    @Test
    void anAnswerThatDoesNotWaitForItsTurnHasNoPlaceInLine() {
        Instant at = Instant.now().plusSeconds(3600);
        Message retrying = inLine(at);
        assertThat(store.apply(new AnswerUpdate.Retrying(ref(retrying, 1, 2), BUSY, at))
                        .orElseThrow()
                        .message()
                        .ahead())
                .isEmpty();
        Message failed = inLine(at);
        assertThat(store.apply(failed(failed, 1)).orElseThrow().message().ahead())
                .isEmpty();
        Message completed = inLine(at);
        assertThat(store.apply(completed(completed, 1, "Hi"))
                        .orElseThrow()
                        .message()
                        .ahead())
                .isEmpty();
        Message cancelled = inLine(at);
        assertThat(store.cancel(user, cancelled.id(), "")
                        .orElseThrow()
                        .message()
                        .ahead())
                .isEmpty();
        Message redriven = inLine(at);
        assertThat(store.redrive(ref(redriven, 1, 1), "request")
                        .orElseThrow()
                        .message()
                        .ahead())
                .isEmpty();
        assertThat(inLine(at).generating().ahead()).isEmpty();
    }

    private Message inLine(Instant at) {
        Message told = waiting(send("Hello").answer(), at, Optional.of(3)).orElseThrow();
        assertThat(told.ahead()).contains(3);
        return told;
    }

    private Optional<Message> waiting(Message answer, Instant expectedAt) {
        return waiting(answer, expectedAt, Optional.of(4));
    }

    private Optional<Message> waiting(Message answer, Instant expectedAt, Optional<Integer> ahead) {
        return store.apply(new AnswerUpdate.Waiting(ref(answer, 1, 1), expectedAt, ahead))
                .map(MessageStore.Applied::message);
    }

    @Test
    void attemptsNeverGoBackAndAreToldOnce() {
        Message answer = send("Hello").answer();
        Instant later = T.plusSeconds(60);
        assertThat(waiting(answer, T).orElseThrow()).satisfies(waiting -> {
            assertThat(waiting.status()).isEqualTo(Status.QUEUED);
            assertThat(waiting.attempt()).contains(1);
            assertThat(waiting.maxAttempts()).contains(5);
        });
        assertThat(waiting(answer, T)).isEmpty();
        Message retrying = store.apply(new AnswerUpdate.Retrying(ref(answer, 1, 2), BUSY, later))
                .orElseThrow()
                .message();
        assertThat(retrying.status()).isEqualTo(Status.RETRYING);
        assertThat(retrying.nextAttemptAt()).contains(later);
        assertThat(retrying.expectedAt()).isEmpty();
        assertThat(retrying.error()).contains(BUSY);
        assertThat(store.apply(new AnswerUpdate.Retrying(ref(answer, 1, 2), BUSY, later)))
                .isEmpty();
        assertThat(store.apply(new AnswerUpdate.Waiting(ref(answer, 1, 1), later, Optional.of(1))))
                .isEmpty();
        assertThat(store.failDeadLetter(ref(answer, 1, 1), BUSY).orElseThrow().message())
                .satisfies(dead -> {
                    assertThat(dead.status()).isEqualTo(Status.FAILED);
                    assertThat(dead.attempt()).contains(2);
                    assertThat(dead.nextAttemptAt()).isEmpty();
                });
    }

    @Test
    void aCancelledAnswerKeepsItsTextAndIgnoresTheLateResult() {
        Message answer = send("Hello").answer();
        Change cancelled = store.cancel(user, answer.id(), "So far").orElseThrow();
        assertThat(cancelled.changed()).isTrue();
        assertThat(cancelled.round()).isEqualTo(2);
        assertThat(cancelled.message().content()).isEqualTo("So far");
        assertThat(cancelled.message().status()).isEqualTo(Status.CANCELLED);
        assertThat(store.apply(completed(answer, 1, "Whole"))).isEmpty();
        assertThat(drain()).isEmpty();
        assertThat(store.cancel(user, answer.id(), "x").orElseThrow().changed()).isFalse();

        Sent next = send("Go on");
        assertThat(texts(drain().getFirst())).containsExactly("Hello", "So far", "Go on");
        store.apply(completed(next.answer(), 1, "Sure"));
        assertThat(store.cancel(user, next.answer().id(), "x").orElseThrow().changed())
                .isFalse();
    }

    @Test
    void aRetryBeginsARoundOfItsOwn() {
        Message answer = send("Hello").answer();
        store.apply(failed(answer, 1));
        Change retried = store.retry(user, answer.id(), "m", "request-2").orElseThrow();
        assertThat(retried.changed()).isTrue();
        assertThat(retried.outboxGrew()).isTrue();
        assertThat(retried.round()).isEqualTo(2);
        assertThat(retried.message().error()).isEmpty();
        assertThat(retried.message().attempt()).isEmpty();
        assertThat(store.retry(user, answer.id(), "m", "r").orElseThrow().changed())
                .isFalse();

        List<OutboxEntry> entries = drain();
        assertThat(entries).hasSize(2);
        assertThat(entries.get(0).request())
                .as("the first round's row is obsolete")
                .isEmpty();
        assertThat(entries.get(1).request().orElseThrow().answer()).isEqualTo(ref(answer, 2, 1));
        assertThat(entries.get(1).request().orElseThrow().requestId()).isEqualTo("request-2");
        assertThat(store.apply(completed(answer, 1, "Late"))).isEmpty();
        assertThat(store.apply(completed(answer, 2, "Right"))).isPresent();
        assertThat(store.retry(user, answer.id(), "m", "r").orElseThrow().changed())
                .isFalse();
    }

    @Test
    void aUsersMessageCannotBeCancelledOrRetried() {
        Message message = send("Hello").message();
        assertThat(store.cancel(user, message.id(), "").orElseThrow().changed()).isFalse();
        assertThat(store.retry(user, message.id(), "m", "").orElseThrow().changed())
                .isFalse();
        assertThat(now(message)).isEqualTo(message);
    }

    @Test
    void pagesOfABranchMeetWithoutGapOrOverlap() {
        List<UUID> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Sent sent = send("Message " + i);
            all.add(sent.message().id());
            all.add(sent.answer().id());
        }
        List<UUID> read = new ArrayList<>();
        Optional<UUID> newest = Optional.empty();
        do {
            var page = store.branch(user, chat, newest, 3).orElseThrow();
            read.addAll(0, page.messages().stream().map(Message::id).toList());
            newest = page.older();
        } while (newest.isPresent());
        assertThat(read).isEqualTo(all);
        UUID empty = newChat();
        Chat seen = store.branch(user, empty, Optional.empty(), 3).orElseThrow().chat();
        assertThat(seen.id()).isEqualTo(empty);
        assertThat(store.branch(user, empty, Optional.of(all.getFirst()), 3)
                        .orElseThrow()
                        .messages())
                .as("a message of another chat begins no page")
                .isEmpty();
    }

    @Test
    void noFollowUpIsForgottenWhenSendsRaceWithEnds() throws Exception {
        int sends = 60;
        Set<UUID> published = ConcurrentHashMap.newKeySet();
        List<UUID> chats = List.of(chat, newChat(), newChat());
        CountDownLatch sending = new CountDownLatch(sends);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Sent>> sent = new ArrayList<>();
            for (int i = 0; i < sends; i++) {
                UUID target = chats.get(i % chats.size());
                String content = "Message " + i;
                sent.add(threads.submit(() -> {
                    try {
                        return ((Sending.Accepted) store.send(user, target, draft(content))).sent();
                    } finally {
                        sending.countDown();
                    }
                }));
            }
            // Ends whatever has been published, in every way, while the sends go on; then until nothing is due.
            List<Future<Integer>> enders = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                enders.add(threads.submit(() -> {
                    int rounds = 0;
                    boolean last;
                    do {
                        last = sending.getCount() == 0;
                        for (OutboxEntry entry : drain()) {
                            last = false;
                            entry.request().ifPresent(request -> {
                                assertThat(published.add(entry.answerId()))
                                        .as("published once")
                                        .isTrue();
                                end(request.answer());
                            });
                        }
                        rounds++;
                    } while (!last);
                    return rounds;
                }));
            }
            Set<UUID> answers = new HashSet<>();
            for (Future<Sent> one : sent) {
                answers.add(one.get().answer().id());
            }
            for (Future<Integer> ender : enders) {
                ender.get();
            }
            for (UUID answer : due()) {
                published.add(answer);
            }
            assertThat(published).isEqualTo(answers);
        }
    }

    private void end(AnswerRef answer) {
        switch (ThreadLocalRandom.current().nextInt(3)) {
            case 0 -> store.apply(new AnswerUpdate.Failed(answer, BUSY, T));
            case 1 -> store.cancel(user, answer.answerId(), "partial");
            default ->
                store.apply(new AnswerUpdate.Completed(
                        answer, "run", "text", "model", new AnswerUpdate.Usage(1, 1), Optional.empty(), T));
        }
    }

    private interface Numbered<T> {
        T run(int n) throws Exception;
    }

    private static <T> List<T> atOnce(int threads, Numbered<T> work) throws Exception {
        CountDownLatch start = new CountDownLatch(1);
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<T>> futures = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int n = i;
                futures.add(executor.submit(() -> {
                    start.await();
                    return work.run(n);
                }));
            }
            start.countDown();
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get());
            }
            return results;
        }
    }
}
