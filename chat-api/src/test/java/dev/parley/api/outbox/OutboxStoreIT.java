package dev.parley.api.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.chat.ChatStore;
import dev.parley.api.chat.GenerationSettings;
import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.id.Ids;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.MessageStore.Draft;
import dev.parley.api.message.MessageStore.Sending;
import dev.parley.api.message.Sent;
import dev.parley.api.user.Users;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.pipeline.message.GenerationRequest.Role;
import dev.parley.pipeline.message.GenerationRequest.Sampling;
import dev.parley.pipeline.message.GenerationRequest.Turn;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OutboxStoreIT {
    private static final Instant NOW = Instant.parse("2026-11-22T10:00:00Z");

    private static Database database;
    private static MessageStore messages;
    private static ChatStore chats;

    private UUID chat;

    @BeforeAll
    static void open() {
        database = Database.open(URI.create(SharedServers.freshDatabase()), 4, Duration.ofSeconds(30));
        Clock clock = Clock.fixed(NOW, ZoneOffset.UTC);
        Ids ids = new Ids(Clock.systemUTC(), new Random(3));
        messages = new MessageStore(database, ids, clock, 5, Duration.ZERO);
        chats = new ChatStore(database, ids, clock);
    }

    @AfterAll
    static void close() {
        database.close();
    }

    @BeforeEach
    void anEmptyOutbox() {
        database.run(db -> Sql.of(db, "DELETE FROM outbox").change());
        chat = chats.create(Users.LOCAL, "", GenerationSettings.STANDARD).id();
    }

    private static OutboxStore outbox(int turns, int characters) {
        return new OutboxStore(
                database, Clock.fixed(NOW.plusSeconds(30), ZoneOffset.UTC), new Conversation(turns, characters));
    }

    private Sent send(String content) {
        return ((Sending.Accepted) messages.send(
                        Users.LOCAL,
                        chat,
                        new Draft(content, Optional.empty(), Optional.of("m"), "standard", Optional.empty(), "r")))
                .sent();
    }

    private static void complete(Sent sent, String text) {
        messages.apply(new AnswerUpdate.Completed(
                new AnswerRef(sent.answer().chatId(), sent.answer().id(), 1, 1),
                "run",
                text,
                "m",
                new AnswerUpdate.Usage(1, 1),
                Optional.empty(),
                NOW));
    }

    private static void fail(Sent sent) {
        messages.apply(new AnswerUpdate.Failed(
                new AnswerRef(sent.answer().chatId(), sent.answer().id(), 1, 1),
                Failure.of("model-overloaded", "Busy", "It is busy."),
                NOW));
    }

    private static List<String> texts(OutboxEntry entry) {
        return entry.request().orElseThrow().turns().stream().map(Turn::text).toList();
    }

    private OutboxEntry last(OutboxStore outbox) {
        return outbox.inTransaction(tx -> outbox.claim(tx, 100).entries()).getLast();
    }

    @Test
    void theNewestTurnsGoAlongUpToTheBounds() {
        complete(send("one"), "1");
        complete(send("two"), "2");
        send("three");
        assertThat(texts(last(outbox(400, 1000)))).containsExactly("one", "1", "two", "2", "three");
        assertThat(texts(last(outbox(3, 1000)))).containsExactly("two", "2", "three");
        assertThat(texts(last(outbox(2, 1000)))).as("it begins with the user").containsExactly("three");
        assertThat(texts(last(outbox(400, 9)))).containsExactly("two", "2", "three");
        assertThat(texts(last(outbox(400, 8)))).containsExactly("three");
        assertThat(texts(last(outbox(400, 1))))
                .as("the question is never dropped")
                .containsExactly("three");
    }

    @Test
    void questionsWithoutAnAnswerStayInTheConversationAndTheirAnswersAreNoTurns() {
        fail(send("one"));
        fail(send("two"));
        complete(send("three"), "3");
        fail(send("four"));
        send("five");
        assertThat(last(outbox(400, 1000)).request().orElseThrow().turns())
                .containsExactly(
                        new Turn(Role.USER, "one"),
                        new Turn(Role.USER, "two"),
                        new Turn(Role.USER, "three"),
                        new Turn(Role.MODEL, "3"),
                        new Turn(Role.USER, "four"),
                        new Turn(Role.USER, "five"));
    }

    @Test
    void aRequestIsMadeWithTheSettingsOfItsAcceptanceHoweverItGoesOut() {
        GenerationSettings settings = new GenerationSettings(
                Optional.of("chosen"), Optional.of(0.25), Optional.of("Be brief."), Optional.of(77));
        chats.configure(Users.LOCAL, chat, settings);
        Sending.Accepted accepted = (Sending.Accepted) messages.send(
                Users.LOCAL,
                chat,
                new Draft("x", Optional.empty(), Optional.empty(), "standard", Optional.empty(), "r"));
        chats.configure(Users.LOCAL, chat, GenerationSettings.STANDARD);
        GenerationRequest handed = accepted.due().orElseThrow().request().orElseThrow();
        assertThat(handed.model()).isEqualTo("chosen");
        assertThat(handed.user()).isEqualTo(Users.LOCAL);
        assertThat(handed.systemInstruction()).contains("Be brief.");
        assertThat(handed.sampling()).isEqualTo(new Sampling(Optional.of(0.25), Optional.of(77)));
        assertThat(last(outbox(400, 1000)).request()).contains(handed);
    }

    @Test
    void rowsThatOneRelayHoldsAreNotSeenByAnother() {
        OutboxStore outbox = outbox(10, 1000);
        Sent first = send("one");
        chat = chats.create(Users.LOCAL, "", GenerationSettings.STANDARD).id();
        Sent second = send("two");
        List<UUID> seen = new ArrayList<>();
        outbox.inTransaction(tx -> {
            List<OutboxEntry> mine = outbox.claim(tx, 1).entries();
            seen.add(mine.getFirst().answerId());
            List<OutboxEntry> theirs =
                    outbox.inTransaction(other -> outbox.claim(other, 10).entries());
            theirs.forEach(entry -> seen.add(entry.answerId()));
            outbox.delete(tx, mine.stream().map(OutboxEntry::id).toList());
            return mine;
        });
        assertThat(seen).containsExactly(first.answer().id(), second.answer().id());
        assertThat(outbox.depth()).isEqualTo(1);
        assertThat(outbox.oldestAge()).contains(Duration.ofSeconds(30));
        database.run(db -> Sql.of(db, "DELETE FROM outbox").change());
        assertThat(outbox.oldestAge()).isEmpty();
        List<OutboxEntry> nothing =
                outbox.inTransaction(tx -> outbox.claim(tx, 10).entries());
        assertThat(nothing).isEmpty();
    }

    @Test
    void aClaimThatFailsIsThereAgain() {
        OutboxStore outbox = outbox(10, 1000);
        send("one");
        try {
            outbox.inTransaction(tx -> {
                outbox.delete(
                        tx,
                        outbox.claim(tx, 10).entries().stream()
                                .map(OutboxEntry::id)
                                .toList());
                throw new IllegalStateException("the broker is away");
            });
        } catch (IllegalStateException e) {
            assertThat(e).hasMessage("the broker is away");
        }
        assertThat(outbox.depth()).isEqualTo(1);
    }

    @Test
    void aDeletedChatsRequestIsObsoleteAndDoesNotWaitForTheRelay() {
        OutboxStore outbox = outbox(10, 1000);
        Sent sent = send("one");
        outbox.inTransaction(tx -> {
            assertThat(outbox.claim(tx, 10).entries()).hasSize(1);
            // While the relay holds the row.
            assertThat(chats.delete(Users.LOCAL, chat).orElseThrow())
                    .containsExactly(new MessageStore.Orphan(sent.answer().id(), 1));
            return true;
        });
        assertThat(last(outbox).request()).isEmpty();
        assertThat(last(outbox).answerId()).isEqualTo(sent.answer().id());
    }

    @Test
    void cancellingDoesNotWaitForTheRelayEither() {
        OutboxStore outbox = outbox(10, 1000);
        Sent sent = send("one");
        outbox.inTransaction(tx -> {
            assertThat(outbox.claim(tx, 10).entries()).hasSize(1);
            assertThat(messages.cancel(Users.LOCAL, sent.answer().id(), "")
                            .orElseThrow()
                            .changed())
                    .isTrue();
            return true;
        });
        assertThat(last(outbox).request()).isEmpty();
    }
}
