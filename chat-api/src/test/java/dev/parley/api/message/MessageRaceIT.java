package dev.parley.api.message;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.chat.ChatStore;
import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.message.MessageStore.Applied;
import dev.parley.api.message.MessageStore.Draft;
import dev.parley.api.message.MessageStore.Revision;
import dev.parley.api.message.MessageStore.Sending;
import dev.parley.api.user.Users;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The moments at which a follow-up could be forgotten, one by one: a trigger stops a send between its two statements,
 * when it has read the head and not yet stored anything, until the test has done what comes in between.
 */
class MessageRaceIT {
    private static final int GATE = 42;
    private static final String STOPPED = "stop here";

    private static Database database;
    private static MessageStore store;
    private static ChatStore chats;

    private UUID chat;

    @BeforeAll
    static void open() {
        database = Database.open(URI.create(SharedServers.freshDatabase()), 8, Duration.ofSeconds(30));
        Ids ids = new Ids(Clock.systemUTC(), new Random(5));
        store = new MessageStore(database, ids, Clock.systemUTC(), 5, Duration.ZERO);
        chats = new ChatStore(database, ids, Clock.systemUTC());
        database.run(db -> Sql.of(db, """
                        CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
                        BEGIN
                            PERFORM pg_advisory_xact_lock(%d);
                            RETURN NEW;
                        END $$
                        """.formatted(GATE)).change());
        database.run(db -> Sql.of(db, """
                        CREATE TRIGGER stop BEFORE INSERT ON messages FOR EACH ROW
                        WHEN (NEW.content = '%s') EXECUTE FUNCTION stop()
                        """.formatted(STOPPED)).change());
    }

    @AfterAll
    static void close() {
        database.close();
    }

    @BeforeEach
    void aChatOfItsOwn() {
        database.run(db -> Sql.of(db, "DELETE FROM outbox").change());
        chat = chats.create(Users.LOCAL, "", GenerationSettings.STANDARD).id();
    }

    private Sent send(String content) {
        return ((Sending.Accepted) store.send(
                        Users.LOCAL,
                        chat,
                        new Draft(content, Optional.empty(), Optional.of("m"), "standard", Optional.empty(), "r")))
                .sent();
    }

    private static Optional<Applied> complete(Sent sent) {
        return store.apply(new AnswerUpdate.Completed(
                new AnswerRef(sent.answer().chatId(), sent.answer().id(), 1, 1),
                "run",
                "text",
                "m",
                new AnswerUpdate.Usage(1, 1),
                Optional.empty(),
                Instant.now()));
    }

    private static List<UUID> due() {
        return database.run(
                db -> Sql.of(db, "SELECT answer_id FROM outbox ORDER BY id").list(row -> row.uuid("answer_id")));
    }

    private static long waiting() {
        return database.run(db -> Sql.of(db, """
                                SELECT count(DISTINCT pid) AS n FROM pg_locks
                                WHERE NOT granted AND pid IN
                                    (SELECT pid FROM pg_stat_activity WHERE datname = current_database())
                                """).one(row -> row.number("n"))).orElseThrow();
    }

    private record Both<T>(Sent stopped, T other) {}

    /** Stops a send in the middle, begins the other, opens the gate when the other waits or is done, and ends both. */
    private <T> Both<T> during(Callable<T> other) throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            record Begun<T>(Future<Sent> stopped, Future<T> other) {}
            Begun<T> begun = database.inTransaction(gate -> {
                Sql.of(gate, "SELECT 1 AS one FROM pg_advisory_xact_lock(%d)".formatted(GATE))
                        .one(row -> row.integer("one"));
                Future<Sent> stopped = threads.submit(() -> send(STOPPED));
                Awaitility.await().until(() -> waiting() == 1);
                Future<T> between = threads.submit(other);
                Awaitility.await().until(() -> waiting() == 2 || between.isDone());
                return new Begun<>(stopped, between);
            });
            return new Both<>(begun.stopped().get(), begun.other().get());
        }
    }

    @Test
    void anAnswerThatEndsWhileAFollowUpIsBeingSentReleasesIt() throws Exception {
        Sent first = send("first");
        Both<Optional<Applied>> both = during(() -> complete(first));
        assertThat(both.stopped().answer().waitsFor()).contains(first.answer().id());
        assertThat(both.other().orElseThrow().followUpsReleased()).isTrue();
        assertThat(due())
                .containsExactly(first.answer().id(), both.stopped().answer().id());
    }

    @Test
    void aSendThatWaitedForTheEndOfTheLastAnswerTakesItsTextAlong() throws Exception {
        Sent first = send("first");
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<Sending> next = database.inTransaction(tx -> {
                Sql.of(tx, "UPDATE messages SET status = 'completed', content = 'one answer' WHERE id = :id")
                        .with("id", first.answer().id())
                        .change();
                Future<Sending> sending = threads.submit(() -> store.send(
                        Users.LOCAL,
                        chat,
                        new Draft("next", Optional.empty(), Optional.of("m"), "standard", Optional.empty(), "r")));
                Awaitility.await().until(() -> waiting() == 1);
                return sending;
            });
            Sending.Accepted accepted = (Sending.Accepted) next.get();
            assertThat(accepted.sent().answer().waitsFor()).isEmpty();
            assertThat(accepted.due().orElseThrow().request().orElseThrow().turns())
                    .extracting(Turn::text)
                    .containsExactly("first", "one answer", "next");
        }
    }

    @Test
    void aSendThatWaitedForAnotherFollowsTheAnswerItCouldNotSee() throws Exception {
        Both<Sent> both = during(() -> send("second"));
        Sent first = both.stopped();
        Sent second = both.other();
        assertThat(second.message().parentId()).contains(first.answer().id());
        assertThat(second.answer().waitsFor()).contains(first.answer().id());
        assertThat(due()).containsExactly(first.answer().id());
        complete(first);
        assertThat(due()).containsExactly(first.answer().id(), second.answer().id());
    }

    @Test
    void aSendBehindACancelledAnswerThatWaitedIsReleasedToo() throws Exception {
        Sent first = send("first");
        Sent second = send("second");
        store.cancel(Users.LOCAL, second.answer().id(), "");
        Both<Optional<Applied>> both = during(() -> complete(first));
        assertThat(both.stopped().answer().waitsFor()).contains(first.answer().id());
        assertThat(due())
                .containsExactly(first.answer().id(), both.stopped().answer().id());
    }

    @Test
    void cancellingTheAnswerThatASendIsAboutToFollowReleasesTheFollowUp() throws Exception {
        Sent first = send("first");
        Both<Boolean> both = during(() ->
                store.cancel(Users.LOCAL, first.answer().id(), "").orElseThrow().outboxGrew());
        assertThat(both.other()).isTrue();
        assertThat(due()).containsExactly(both.stopped().answer().id());
    }

    @Test
    void anEditOfAFollowUpWhileItIsBeingReleasedAsksOnceWithTheNewText() throws Exception {
        for (int i = 0; i < 20; i++) {
            aChatOfItsOwn();
            Sent first = send("first");
            Sent second = send("second");
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                Future<?> ended = threads.submit(() -> complete(first));
                Future<?> edited = threads.submit(
                        () -> store.edit(Users.LOCAL, second.message().id(), "edited", "r")
                                .orElseThrow());
                ended.get();
                edited.get();
            }
            List<Integer> rounds =
                    database.run(db -> Sql.of(db, "SELECT round FROM outbox WHERE answer_id = :answer AND round = 2")
                            .with("answer", second.answer().id())
                            .list(row -> row.integer("round")));
            assertThat(rounds).containsExactly(2);
        }
    }

    @Test
    void aSendThatIsUnderWayKeepsTheMessageBeforeItFromBeingWithdrawn() throws Exception {
        Sent first = send("first");
        Both<Revision> both =
                during(() -> store.withdraw(Users.LOCAL, first.message().id()).orElseThrow());
        assertThat(both.stopped().message().parentId()).contains(first.answer().id());
        assertThat(both.other()).isEqualTo(new Revision.Followed());
    }
}
