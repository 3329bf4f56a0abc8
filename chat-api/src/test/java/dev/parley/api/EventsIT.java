package dev.parley.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.api.support.ApiClient;
import dev.parley.api.support.ApiClient.Answer;
import dev.parley.api.support.Contract;
import dev.parley.api.support.Socket;
import dev.parley.api.support.Sse;
import dev.parley.dev.server.RedisServer;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.config.Environment;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.redis.Redis;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A chat's live events over HTTP, with the test as the worker. */
class EventsIT {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final String name = "ev" + UUID.randomUUID().toString().substring(0, 8);
    private final String database = SharedServers.freshDatabase();
    private final List<AutoCloseable> opened = new ArrayList<>();
    private String redisUrl = SharedServers.freshRedis();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : opened.reversed()) {
            each.close();
        }
    }

    private <T extends AutoCloseable> T open(T component) {
        opened.add(component);
        return component;
    }

    private static ConditionFactory soon() {
        return await().atMost(LONG).pollInterval(Duration.ofMillis(20));
    }

    private ChatApi api(Duration quiet) {
        return open(ChatApi.open(
                ApiSettings.from(new Environment(Map.of(
                        "DATABASE_URL",
                        database,
                        "DATABASE_POOL_SIZE",
                        "4",
                        "REDIS_URL",
                        redisUrl,
                        "RABBITMQ_URL",
                        SharedServers.rabbit().url(),
                        "REQUEST_QUEUE",
                        name + ".requests",
                        "RESPONSE_QUEUE",
                        name + ".responses",
                        "SERVER_HOST",
                        "127.0.0.1",
                        "SERVER_PORT",
                        "0",
                        "OBSERVE_PORT",
                        "0",
                        "SHUTDOWN_GRACE_SECONDS",
                        "1"))),
                quiet));
    }

    private ChatApi api() {
        return api(Duration.ofSeconds(15));
    }

    private static ApiClient client(ChatApi api) {
        return new ApiClient(api.port(), new Contract());
    }

    private Runs runs() {
        return new Runs(open(Redis.open(URI.create(redisUrl), Duration.ofSeconds(5))));
    }

    private Sse watch(ChatApi api, UUID chat) throws Exception {
        Sse sse = open(Sse.open(api.port(), chat));
        soon().until(() -> !sse.events.isEmpty());
        return sse;
    }

    private static UUID newChat(ApiClient client) {
        return client.post("/api/chats", "{}").id("/id");
    }

    private static AnswerRef ask(ApiClient client, UUID chat) {
        Answer sent = client.post("/api/chats/" + chat + "/messages", "{\"content\":\"Hello?\"}");
        return new AnswerRef(chat, sent.id("/answer/id"), 1, 1);
    }

    private void result(AnswerUpdate update) throws Exception {
        Broker broker = open(Broker.open(
                URI.create(SharedServers.rabbit().url()),
                "test",
                Topology.of(
                        name + ".requests",
                        name + ".responses",
                        List.of(
                                Duration.ofMinutes(1),
                                Duration.ofMinutes(10),
                                Duration.ofHours(1),
                                Duration.ofDays(1)))));
        broker.publisher(5).publishConfirmed(new Outgoing(name + ".responses", "r", Map.of(), Json.bytes(update)));
    }

    private static AnswerUpdate.Completed completed(AnswerRef answer, String text) {
        return new AnswerUpdate.Completed(
                answer, "run", text, "m", new AnswerUpdate.Usage(1, 2), Optional.empty(), Instant.now());
    }

    /** A run as a worker writes it. */
    private static final class Run {
        private final Runs runs;
        private final AnswerRef answer;
        private final String id = UUID.randomUUID().toString();
        final StringBuilder text = new StringBuilder();

        Run(Runs runs, AnswerRef answer) {
            this.runs = runs;
            this.answer = answer;
            assertThat(runs.askToBegin(answer, id).get()).isInstanceOf(Runs.Begin.Begun.class);
            assertThat(runs.start(answer, id).join()).isEqualTo(Runs.Append.WRITTEN);
        }

        void write(String piece) {
            assertThat(runs.append(answer, id, text.length(), Runs.bytes(text.toString()), piece)
                            .join())
                    .isEqualTo(Runs.Append.WRITTEN);
            text.append(piece);
        }
    }

    @Test
    void theSnapshotComesFirstAndThenEveryChange() throws Exception {
        ChatApi api = api();
        ApiClient client = client(api);
        UUID chat = newChat(client);
        Sse sse = watch(api, chat);
        assertThat(sse.response().headers().firstValue("Content-Type").orElseThrow())
                .startsWith("text/event-stream");
        AnswerRef answer = ask(client, chat);
        soon().until(() -> sse.names().contains("chat.updated"));
        assertThat(sse.names()).containsExactly("snapshot", "message.created", "message.created", "chat.updated");
        result(new AnswerUpdate.Retrying(
                answer.nextAttempt(), Failure.of("model-overloaded", "Busy", "It is busy."), Instant.now()));
        soon().until(() -> sse.names().contains("answer.retrying"));
        result(completed(answer.nextAttempt(), "Whole."));
        soon().until(() -> sse.names().contains("answer.completed"));
        JsonNode message = sse.named("answer.completed").getFirst().data().get("message");
        assertThat(message.get("content").asText()).isEqualTo("Whole.");
        assertThat(message.get("status").asText()).isEqualTo("completed");
    }

    @Test
    void everyViewerHasEachCharacterOnceWheneverItCame() throws Exception {
        ChatApi api = api();
        ApiClient client = client(api);
        UUID chat = newChat(client);
        AnswerRef answer = ask(client, chat);
        Run run = new Run(runs(), answer);
        CompletableFuture<Void> writing = CompletableFuture.runAsync(() -> {
            for (int i = 0; i < 400; i++) {
                run.write("ж😀" + i + " ");
            }
        });
        List<Sse> viewers = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            viewers.add(watch(api, chat));
        }
        writing.get(60, TimeUnit.SECONDS);
        viewers.add(watch(api, chat));
        for (Sse viewer : viewers) {
            soon().until(() -> viewer.text(answer.answerId(), "").contentEquals(run.text));
            assertThat(viewer.named("snapshot")).hasSize(1);
        }
    }

    @Test
    void aBrowserThatComesBackGetsExactlyTheRest() throws Exception {
        ChatApi api = api();
        ApiClient client = client(api);
        UUID chat = newChat(client);
        AnswerRef answer = ask(client, chat);
        Run run = new Run(runs(), answer);
        Sse first = watch(api, chat);
        run.write("Seen. ");
        soon().until(() -> first.text(answer.answerId(), "").equals("Seen. "));
        String id = first.lastId();
        first.close();
        run.write("Missed. ");
        Sse second = open(Sse.resume(api.port(), chat, id));
        soon().until(() -> !second.events.isEmpty());
        JsonNode live = second.events.getFirst().data().get("live").get(0);
        assertThat(live.get("offset").asInt()).isEqualTo("Seen. ".length());
        assertThat(live.get("text").asText()).isEqualTo("Missed. ");
        run.write("New.");
        soon().until(() -> second.text(answer.answerId(), "Seen. ").equals("Seen. Missed. New."));
        // An id that means nothing here gets everything.
        Sse odd = open(Sse.resume(api.port(), chat, "no such id"));
        soon().until(() -> !odd.events.isEmpty());
        assertThat(odd.text(answer.answerId(), "")).isEqualTo("Seen. Missed. New.");
    }

    @Test
    void aNewRunReplacesWhatTheOldOneHasShown() throws Exception {
        ChatApi api = api();
        ApiClient client = client(api);
        UUID chat = newChat(client);
        AnswerRef answer = ask(client, chat);
        Runs runs = runs();
        Run dead = new Run(runs, answer);
        Sse sse = watch(api, chat);
        dead.write("Half an ans");
        soon().until(() -> sse.text(answer.answerId(), "").equals("Half an ans"));
        runs.release(answer, dead.id).join();
        Run next = new Run(runs, answer.nextAttempt());
        next.write("Whole.");
        soon().until(() -> sse.text(answer.answerId(), "").equals("Whole."));
        assertThat(sse.named("answer.started")).hasSize(1);
    }

    @Test
    void whatOnlyADeadRunHasLeftIsNotShownAsGenerating() throws Exception {
        ChatApi api = api();
        ApiClient client = client(api);
        UUID chat = newChat(client);
        AnswerRef answer = ask(client, chat);
        Runs runs = runs();
        Run dead = new Run(runs, answer);
        dead.write("Half an ans");
        assertThat(status(watch(api, chat))).isEqualTo("generating");
        runs.release(answer, dead.id).join();
        Sse sse = watch(api, chat);
        assertThat(status(sse)).isEqualTo("queued");
        assertThat(sse.events.getFirst().data().get("live")).isEmpty();
    }

    private static String status(Sse sse) {
        return sse.events.getFirst().data().get("messages").get(1).get("status").asText();
    }

    @Test
    void aQuietStreamShowsThatItLives() throws Exception {
        ChatApi api = api(Duration.ofMillis(100));
        UUID chat = newChat(client(api));
        Sse sse = watch(api, chat);
        soon().until(() -> sse.comments.get() >= 3);
        assertThat(sse.names()).containsExactly("snapshot");
    }

    /** Far more than the buffers between two ends of a connection hold. */
    private static UUID largeChat(ApiClient client) {
        StringBuilder messages = new StringBuilder();
        Optional<UUID> parent = Optional.empty();
        for (int i = 0; i < 100; i++) {
            UUID id = UUID.randomUUID();
            messages.append(i == 0 ? "" : ",")
                    .append("{\"id\":\"%s\",%s\"role\":\"%s\",\"status\":\"completed\",\"content\":\"%s\"}"
                            .formatted(
                                    id,
                                    parent.map("\"parentId\":\"%s\","::formatted)
                                            .orElse(""),
                                    i % 2 == 0 ? "user" : "assistant",
                                    "語".repeat(50_000)));
            parent = Optional.of(id);
        }
        return client.post(
                        "/api/chats/import",
                        "{\"format\":\"parley-chat\",\"version\":1,\"messages\":[" + messages + "]}")
                .id("/id");
    }

    /** How many were let go, by all instances of this process: they share the registry. */
    private static double letGo(ChatApi api) throws Exception {
        return HTTP.send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + api.observePort() + "/metrics"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body()
                .lines()
                .filter(line -> line.startsWith("parley_readers_stalled_total{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum();
    }

    /** The rest of what was sent, and then the connection is over. */
    private static void assertOver(java.net.Socket socket) throws Exception {
        socket.setSoTimeout((int) LONG.toMillis());
        try {
            socket.getInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (SocketTimeoutException e) {
            throw new AssertionError("the connection is still open", e);
        } catch (SocketException e) {
            assertThat(e).hasMessageContaining("reset");
        }
    }

    /** Asks for something with little room for the answer, and takes none of it. */
    private java.net.Socket stalled(ChatApi api, byte[] request) throws Exception {
        java.net.Socket socket = open(new java.net.Socket());
        socket.setReceiveBufferSize(4_096);
        socket.connect(new InetSocketAddress("127.0.0.1", api.port()));
        socket.getOutputStream().write(request);
        return socket;
    }

    private static byte[] get(String path, String headers) {
        return ("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + "\r\n").getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aReaderWhoTakesNothingIsLetGo() throws Exception {
        ChatApi api = api(Duration.ofMillis(250));
        UUID chat = largeChat(client(api));
        double before = letGo(api);
        java.net.Socket events = stalled(api, get("/api/events?chat=" + chat, ""));
        soon().untilAsserted(() -> assertThat(letGo(api)).isEqualTo(before + 1));
        assertOver(events);
        java.net.Socket export = stalled(api, get("/api/chats/" + chat + "/export", ""));
        soon().untilAsserted(() -> assertThat(letGo(api)).isEqualTo(before + 2));
        assertOver(export);
        java.net.Socket socket = stalled(
                api,
                get(
                        "/api/ws",
                        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
        // A frame of less than 126 bytes, masked with zeros.
        byte[] wish = ("{\"subscribe\":\"" + chat + "\"}").getBytes(StandardCharsets.UTF_8);
        socket.getOutputStream()
                .write(ByteBuffer.allocate(wish.length + 6)
                        .put((byte) 0x81)
                        .put((byte) (0x80 | wish.length))
                        .putInt(0)
                        .put(wish)
                        .array());
        soon().untilAsserted(() -> assertThat(letGo(api)).isEqualTo(before + 3));
        assertOver(socket);
    }

    @Test
    void aLargeSnapshotArrivesWholeOverBoth() throws Exception {
        ChatApi api = api();
        UUID chat = largeChat(client(api));
        Sse sse = watch(api, chat);
        Socket socket = open(Socket.open(api.port(), Optional.empty()));
        socket.send("{\"subscribe\":\"" + chat + "\"}");
        soon().until(() -> !socket.named("snapshot").isEmpty());
        assertThat(sse.events.getFirst().data().get("messages")).hasSize(100);
        assertThat(socket.named("snapshot").getFirst().get("data"))
                .isEqualTo(sse.events.getFirst().data());
    }

    @Test
    void aChatThatIsNotThereIsNotFound() throws Exception {
        ChatApi api = api();
        Answer unknown = client(api).get("/api/events?chat=" + UUID.randomUUID());
        assertThat(unknown.problem()).startsWith("404");
        assertThat(client(api).get("/api/events?chat=nonsense").problem()).isEqualTo("400 invalid-request chat");
        assertThat(client(api).get("/api/events").problem()).isEqualTo("400 invalid-request chat");
    }

    @Test
    void aDeletedChatEndsItsStreams() throws Exception {
        ChatApi api = api();
        ApiClient client = client(api);
        UUID chat = newChat(client);
        Sse sse = watch(api, chat);
        assertThat(client.delete("/api/chats/" + chat).status()).isEqualTo(204);
        soon().until(sse::ended);
        assertThat(sse.names()).containsExactly("snapshot", "chat.deleted");
    }

    @Test
    void whatHappensOnOneInstanceIsSeenOnTheOther() throws Exception {
        ChatApi here = api();
        ChatApi there = api();
        ApiClient client = client(here);
        UUID chat = newChat(client);
        Sse sse = watch(there, chat);
        AnswerRef answer = ask(client, chat);
        soon().until(() -> sse.names().contains("chat.updated"));
        assertThat(sse.names()).containsExactly("snapshot", "message.created", "message.created", "chat.updated");
        assertThat(sse.named("message.created"))
                .extracting(event -> event.data().at("/message/role").asText())
                .containsExactly("user", "assistant");
        Run run = new Run(runs(), answer);
        run.write("Live.");
        soon().until(() -> sse.text(answer.answerId(), "").equals("Live."));
        // Whichever of the two takes the result.
        result(completed(answer, "Live."));
        soon().until(() -> sse.names().contains("answer.completed"));
        assertThat(sse.named("message.created")).hasSize(2);
        assertThat(sse.named("answer.completed")).hasSize(1);
    }

    @Test
    void viewersOfAnotherBranchGetItAsANewSnapshot() throws Exception {
        ChatApi here = api();
        ApiClient client = client(here);
        UUID chat = newChat(client);
        AnswerRef answer = ask(client, chat);
        Sse sse = watch(api(), chat);
        UUID question = client.get("/api/messages/" + answer.answerId()).id("/parentId");
        Answer edited = client.post(
                "/api/chats/" + chat + "/messages", "{\"content\":\"Better?\",\"editOf\":\"%s\"}".formatted(question));
        soon().until(() -> sse.named("snapshot").size() == 2);
        assertThat(sse.named("snapshot")
                        .getLast()
                        .data()
                        .at("/messages/0/content")
                        .asText())
                .isEqualTo("Better?");
        assertThat(sse.named("snapshot").getLast().data().at("/versions/" + edited.text("/message/id")))
                .hasSize(2);
        sse.assertContract();
    }

    @Test
    void oneSocketShowsManyChatsAsTheirStreamsWould() throws Exception {
        ChatApi api = api();
        ApiClient client = client(api);
        UUID first = newChat(client);
        UUID second = newChat(client);
        Socket socket = open(Socket.open(api.port(), Optional.empty()));
        socket.send("{\"subscribe\":\"%s\"}".formatted(first));
        socket.send("{\"subscribe\":\"%s\"}".formatted(second));
        soon().until(() ->
                socket.names(first).contains("snapshot") && socket.names(second).contains("snapshot"));
        AnswerRef answer = ask(client, first);
        Run run = new Run(runs(), answer);
        run.write("Live ");
        run.write("text.");
        soon().until(() -> socket.deltas(first).equals("Live text."));
        String id = socket.events.getLast().path("id").asText();
        result(completed(answer, "Live text."));
        soon().until(() -> socket.names(first).contains("answer.completed"));
        assertThat(socket.names(second)).containsExactly("snapshot");

        socket.send("{\"unsubscribe\":\"%s\"}".formatted(second));
        AnswerRef other = ask(client, second);
        socket.send("{\"ping\":true}");
        soon().until(() -> socket.names().contains("pong"));
        Run another = new Run(runs(), other);
        another.write("Unseen.");
        AnswerRef next = ask(client, first);
        Run running = new Run(runs(), next);
        running.write("One two");
        soon().until(() -> socket.deltas(first).equals("Live text.One two"));
        assertThat(socket.deltas(second)).isEmpty();
        String seen = socket.events.getLast().path("id").asText();
        running.write(" three");
        Socket resumed = open(Socket.open(api.port(), Optional.empty()));
        resumed.send("{\"subscribe\":\"%s\",\"lastEventId\":\"%s\"}".formatted(first, seen));
        soon().until(() -> resumed.names(first).contains("snapshot"));
        assertThat(id).isNotEqualTo(seen);
        assertThat(resumed.events.getFirst().at("/data/live/0/text").asText() + resumed.deltas(first))
                .as("exactly the rest")
                .isEqualTo(" three");
    }

    @Test
    void aSocketSaysWhatIsWrongAndGoesOn() throws Exception {
        ChatApi api = api();
        UUID chat = newChat(client(api));
        Socket socket = open(Socket.open(api.port(), Optional.empty()));
        for (String wrong : List.of("nonsense", "[]", "{}", "{\"subscribe\":\"x\"}", "{\"open\":true}")) {
            socket.send(wrong);
        }
        socket.send("{\"subscribe\":\"%s\"}".formatted(UUID.randomUUID()));
        socket.send("{\"subscribe\":\"%s\"}".formatted(chat));
        soon().until(() -> socket.names(chat).contains("snapshot"));
        assertThat(socket.named("problem"))
                .extracting(event -> event.at("/data/status").asInt())
                .containsExactly(400, 400, 400, 400, 400, 404);
        client(api).delete("/api/chats/" + chat);
        soon().until(() -> socket.names(chat).contains("ended"));
        assertThat(socket.names(chat)).endsWith("chat.deleted", "ended");
        socket.send("{\"ping\":\"" + "x".repeat(5_000) + "\"}");
        soon().until(() -> socket.closed().isPresent());
        assertThat(socket.closed()).contains(1009);
    }

    @Test
    void aForeignPageMayOpenNoSocket() throws Exception {
        ChatApi api = api();
        assertThat(open(Socket.open(api.port(), Optional.of("http://127.0.0.1:" + api.port()))))
                .isNotNull();
        assertThatThrownBy(() -> Socket.open(api.port(), Optional.of("http://evil.example")))
                .hasMessageContaining("Handshake");
    }

    @Test
    void withoutRedisItSaysSoAndAfterwardsItBeginsAnew(@TempDir Path folder) throws Exception {
        try (RedisServer redis = RedisServer.start(folder.resolve("redis"), 0)) {
            redisUrl = redis.url();
            ChatApi api = api();
            ApiClient client = client(api);
            UUID chat = newChat(client);
            Sse sse = watch(api, chat);
            redis.stop();
            soon().until(() -> notices(sse).contains("live-unavailable"));
            // What this instance does itself is seen all the same.
            AnswerRef answer = ask(client, chat);
            soon().until(() -> sse.names().contains("message.created"));
            redis.start();
            soon().until(() -> notices(sse).contains("live-restored"));
            assertThat(sse.named("snapshot").getLast().data().get("messages")).hasSize(2);
            Run run = new Run(runs(), answer);
            run.write("Again live.");
            soon().until(() -> sse.text(answer.answerId(), "").equals("Again live."));
            close();
            opened.clear();
        }
    }

    private static List<String> notices(Sse sse) {
        return sse.named("notice").stream()
                .map(event -> event.data().get("type").asText())
                .toList();
    }

    @Test
    void aShortLossOfTheSubscriptionsIsFollowedByASnapshot() throws Exception {
        ChatApi api = api();
        UUID chat = newChat(client(api));
        Sse sse = watch(api, chat);
        Redis operator = open(Redis.open(URI.create(redisUrl), Duration.ofSeconds(5)));
        operator.<Long>call(commands -> commands.clientKill(io.lettuce.core.KillArgs.Builder.typePubsub()));
        soon().until(() -> sse.named("snapshot").size() > 1);
        assertThat(notices(sse)).doesNotContain("live-unavailable");
    }

    @Test
    void stoppingEndsTheStreams() throws Exception {
        ChatApi api = api();
        UUID chat = newChat(client(api));
        Sse sse = watch(api, chat);
        api.close();
        soon().until(sse::ended);
    }
}
