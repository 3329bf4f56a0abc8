package dev.parley.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.database.Sql;
import dev.parley.api.support.ApiClient;
import dev.parley.api.support.ApiClient.Answer;
import dev.parley.api.support.ApiServer;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Failure;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RoutesIT {
    private static ApiServer server;
    private static ApiClient api;

    @TempDir
    private static Path ui;

    private String user;

    @BeforeAll
    static void open() throws IOException {
        Files.createDirectories(ui.resolve("assets"));
        Files.writeString(ui.resolve("index.html"), "<!doctype html><title>Parley</title>");
        Files.writeString(ui.resolve("assets/app-1.js"), "export {}");
        server = new ApiServer(Map.of(
                "UI_FOLDER", ui.toString(),
                "CORS_ORIGINS", "https://chat.example.org",
                "GEMINI_MODEL_TEXT", "model-a, model-b",
                "MESSAGE_MAX_CHARACTERS", "2000"));
        api = server.client();
    }

    @AfterAll
    static void close() {
        server.close();
    }

    @BeforeEach
    void aUserOfItsOwn() {
        user = server.newUser().toString();
        server.events.clear();
        server.wakes.set(0);
        server.revoked.clear();
        server.running.clear();
    }

    private Answer post(String path, String json, String... more) {
        String[] headers = new String[more.length + 2];
        headers[0] = ApiServer.USER;
        headers[1] = user;
        System.arraycopy(more, 0, headers, 2, more.length);
        return api.post(path, json, headers);
    }

    private Answer get(String path) {
        return api.get(path, ApiServer.USER, user);
    }

    private Answer put(String path, String json) {
        return api.send("PUT", path, json, ApiServer.USER, user);
    }

    private Answer patch(String path, String json) {
        Answer changed = api.send("PATCH", path, json, ApiServer.USER, user);
        assertThat(changed.status()).as(changed.text()).isIn(200, 400);
        return changed;
    }

    private List<String> ids(String path) {
        return get(path).texts("/items", "id");
    }

    private static String id(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private String newChat() {
        Answer created = post("/api/chats", "{}");
        assertThat(created.status()).isEqualTo(201);
        assertThat(created.header("Location")).contains("/api/chats/" + created.text("/id"));
        return "/api/chats/" + created.text("/id");
    }

    private Answer send(String chat, String content) {
        Answer sent = post(chat + "/messages", "{\"content\":\"%s\"}".formatted(content));
        assertThat(sent.status()).as(sent.text()).isEqualTo(201);
        return sent;
    }

    private static AnswerRef ref(Answer sent, int round) {
        return new AnswerRef(sent.id("/answer/chatId"), sent.id("/answer/id"), round, 1);
    }

    private static void complete(Answer sent, String text) {
        assertThat(server.messages.apply(new AnswerUpdate.Completed(
                        ref(sent, 1),
                        "run",
                        text,
                        "model-a",
                        new AnswerUpdate.Usage(1, 2),
                        Optional.empty(),
                        Instant.now())))
                .isPresent();
    }

    private static void fail(Answer sent) {
        assertThat(server.messages.apply(new AnswerUpdate.Failed(
                        ref(sent, 1), Failure.of("refused", "Refused", "It was refused."), Instant.now())))
                .isPresent();
    }

    @Test
    void aChatIsCreatedFoundRenamedAndDeleted() {
        String chat = newChat();
        assertThat(get(chat).text("/title")).isEmpty();
        Answer renamed = api.send("PATCH", chat, "{\"title\":\"New\"}", ApiServer.USER, user);
        assertThat(renamed.status()).isEqualTo(200);
        assertThat(get(chat).json()).isEqualTo(renamed.json());
        Answer sent = send(chat, "Hello");
        assertThat(get(chat).text("/title")).isEqualTo("New");
        assertThat(api.delete(chat, ApiServer.USER, user).status()).isEqualTo(204);
        assertThat(server.revoked).containsEntry(sent.id("/answer/id"), 2);
        assertThat(server.events)
                .containsExactly("chat.updated", "message.created", "message.created", "chat.updated", "chat.deleted");
        assertThat(get(chat).problem()).isEqualTo("404 not-found");
        assertThat(get("/api/messages/" + sent.text("/message/id")).status()).isEqualTo(404);
    }

    @Test
    void aChatsSettingsAreCheckedKeptAndReplacedAsAWhole() {
        Answer created = post("/api/chats", "{\"settings\":{\"temperature\":0.5,\"maxOutputTokens\":100}}");
        String settings = "/api/chats/" + created.text("/id") + "/settings";
        assertThat(get(settings).json()).hasToString("{\"temperature\":0.5,\"maxOutputTokens\":100}");
        Answer replaced = put(settings, "{\"systemInstruction\":\"Be brief.\",\"model\":\"model-b\"}");
        assertThat(replaced.status()).as(replaced.text()).isEqualTo(200);
        assertThat(get(settings).json())
                .isEqualTo(replaced.json())
                .hasToString("{\"model\":\"model-b\",\"systemInstruction\":\"Be brief.\"}");
        assertThat(put(settings, "{}").status()).isEqualTo(200);
        assertThat(get(settings).json()).isEmpty();
        Map.of(
                        "{\"model\":\"no-such\"}", "model",
                        "{\"temperature\":2.1}", "temperature",
                        "{\"temperature\":-1}", "temperature",
                        "{\"maxOutputTokens\":0}", "maxOutputTokens",
                        "{\"maxOutputTokens\":1.5}", "maxOutputTokens",
                        "{\"temperature\":\"1\"}", "temperature",
                        "{\"systemInstruction\":\" \"}", "systemInstruction",
                        "{\"topP\":1}", "topP")
                .forEach((body, field) -> {
                    assertThat(put(settings, body).problem()).as(body).isEqualTo("400 invalid-request " + field);
                });
        assertThat(post("/api/chats", "{\"settings\":{\"temperature\":3}}").problem())
                .isEqualTo("400 invalid-request settings.temperature");
    }

    @Test
    void aMessageWithoutAModelIsForTheChatsAndThenForTheStandardOne() {
        String chat = newChat();
        assertThat(send(chat, "one").text("/answer/model")).isEqualTo("model-a");
        put(chat + "/settings", "{\"model\":\"model-b\"}");
        assertThat(send(chat, "two").text("/answer/model")).isEqualTo("model-b");
        assertThat(post(chat + "/messages", "{\"content\":\"three\",\"model\":\"model-a\"}")
                        .text("/answer/model"))
                .isEqualTo("model-a");
    }

    @Test
    void chatsArePinnedArchivedAndPutIntoFolders() {
        String first = newChat();
        String second = newChat();
        newChat();
        String before = get(first).text("/updatedAt");
        assertThat(patch(first, "{\"pinned\":true,\"folder\":\"Work\"}").text("/folder"))
                .isEqualTo("Work");
        patch(second, "{\"archived\":true,\"folder\":\"Work\"}");
        assertThat(get(first).text("/updatedAt"))
                .as("putting in order is no news")
                .isEqualTo(before);
        assertThat(ids("/api/chats")).hasSize(2).doesNotContain(id(second));
        assertThat(ids("/api/chats?archived=true")).containsExactly(id(second));
        assertThat(ids("/api/chats?pinned=true")).containsExactly(id(first));
        assertThat(ids("/api/chats?folder=Work")).containsExactly(id(first));
        assertThat(get("/api/chats/folders").json()).hasToString("{\"items\":[{\"name\":\"Work\",\"chats\":1}]}");
        assertThat(patch(first, "{\"folder\":\"\",\"pinned\":false}").json().has("folder"))
                .isFalse();
        patch(second, "{\"folder\":\"\"}");
        assertThat(get("/api/chats/folders").json().get("items")).isEmpty();
        assertThat(patch(first, "{}").problem()).isEqualTo("400 invalid-request body");
        assertThat(get("/api/chats?pinned=yes").problem()).isEqualTo("400 invalid-request pinned");
    }

    @Test
    void anotherVersionOfAMessageIsABranchBesideIt() {
        String chat = newChat();
        Answer first = send(chat, "one");
        complete(first, "answer one");
        Answer second = send(chat, "two");
        complete(second, "answer two");
        server.events.clear();
        Answer edited = post(
                chat + "/messages",
                "{\"content\":\"two, better\",\"editOf\":\"%s\"}".formatted(second.text("/message/id")));
        assertThat(edited.status()).as(edited.text()).isEqualTo(201);
        assertThat(edited.text("/message/parentId")).isEqualTo(first.text("/answer/id"));
        assertThat(server.events).containsExactly("branch.changed", "chat.updated");
        Answer page = get(chat + "/messages");
        assertThat(page.texts("/items", "content")).containsExactly("one", "answer one", "two, better", "");
        assertThat(page.json().get("versions")).hasSize(1);
        assertThat(page.json().at("/versions/" + edited.text("/message/id")))
                .hasToString("[\"%s\",\"%s\"]".formatted(second.text("/message/id"), edited.text("/message/id")));

        assertThat(post("/api/messages/" + second.text("/message/id") + "/show", "")
                        .status())
                .isEqualTo(200);
        assertThat(get(chat + "/messages").texts("/items", "content"))
                .containsExactly("one", "answer one", "two", "answer two");

        Answer root = post(
                chat + "/messages", "{\"content\":\"another\",\"editOf\":\"%s\"}".formatted(first.text("/message/id")));
        assertThat(root.json().at("/message").has("parentId")).isFalse();
        assertThat(get(chat + "/messages").texts("/items", "content")).containsExactly("another", "");
        assertThat(get(chat + "/messages").json().at("/versions/" + root.text("/message/id")))
                .hasSize(2);
        for (String wrong : List.of(first.text("/answer/id"), id(chat))) {
            assertThat(post(chat + "/messages", "{\"content\":\"x\",\"editOf\":\"%s\"}".formatted(wrong))
                            .problem())
                    .isEqualTo("400 invalid-request editOf");
        }
    }

    @Test
    void anEndedAnswerIsAskedForAgainBesideItself() {
        String chat = newChat();
        Answer sent = send(chat, "one");
        String answer = "/api/messages/" + sent.text("/answer/id");
        assertThat(post(answer + "/regenerate", "{}").problem()).isEqualTo("409 answer-pending");
        complete(sent, "first");
        put(chat + "/settings", "{\"model\":\"model-b\"}");
        server.events.clear();
        server.wakes.set(0);
        Answer again = post(answer + "/regenerate", "{}");
        assertThat(again.status()).as(again.text()).isEqualTo(201);
        assertThat(again.header("Location")).contains("/api/messages/" + again.text("/id"));
        assertThat(again.text("/model")).isEqualTo("model-b");
        assertThat(again.text("/status")).isEqualTo("queued");
        assertThat(server.wakes).hasValue(1);
        assertThat(server.events).containsExactly("branch.changed", "chat.updated");
        Answer page = get(chat + "/messages");
        assertThat(page.texts("/items", "content")).containsExactly("one", "");
        assertThat(page.json().at("/versions/" + again.text("/id"))).hasSize(2);
        assertThat(post(answer + "/regenerate", "{\"model\":\"model-a\"}").text("/model"))
                .isEqualTo("model-a");
        assertThat(post(answer + "/show", "").status()).isEqualTo(200);
        assertThat(get(chat + "/messages").texts("/items", "content")).containsExactly("one", "first");
        assertThat(post("/api/messages/" + sent.text("/message/id") + "/regenerate", "{}")
                        .problem())
                .isEqualTo("409 not-an-answer");
    }

    @Test
    void wordsAreFoundInTitlesAndMessagesWhateverTheirForm() {
        String chat = newChat();
        complete(send(chat, "How do running foxes jump?"), "Лисицы прыгают через заборы <b>высоко</b>.");
        send(chat, "Something else\uFDD0");
        patch(chat, "{\"title\":\"Animals\"}");
        String other = newChat();
        patch(other, "{\"title\":\"Jumping foxes\"}");

        Answer hits = get("/api/search?q=fox+jump");
        assertThat(hits.json().get("items")).hasSize(2);
        assertThat(hits.texts("/items", "chatId")).containsExactlyInAnyOrder(id(chat), id(other));
        Answer one = get("/api/search?q=fox%20run");
        assertThat(one.texts("/items", "role")).containsExactly("user");
        assertThat(one.json().at("/items/0/excerpt"))
                .hasToString("[{\"text\":\"running\",\"match\":true},{\"text\":\" \",\"match\":false},"
                        + "{\"text\":\"foxes\",\"match\":true},{\"text\":\" jump\",\"match\":false}]");
        assertThat(get("/api/search?q=" + encoded("прыгать забор")).texts("/items", "role"))
                .containsExactly("assistant");
        assertThat(get("/api/search?q=" + encoded("somethin")).texts("/items", "messageId"))
                .as("the beginning of the last word")
                .hasSize(1);
        Answer page = get("/api/search?q=fox&limit=1");
        assertThat(page.json().get("items")).hasSize(1);
        assertThat(get("/api/search?q=fox&limit=1&cursor=" + page.text("/next")).texts("/items", "chatId"))
                .hasSize(1)
                .doesNotContainAnyElementsOf(page.texts("/items", "chatId"));
        for (String nothing : List.of("nowhere", "& | !:*()'", "\u0301", "fox nowhere jump")) {
            assertThat(get("/api/search?q=" + encoded(nothing)).json().get("items"))
                    .as(nothing)
                    .isEmpty();
        }
        assertThat(get("/api/search").problem()).isEqualTo("400 invalid-request q");
        assertThat(get("/api/search?q=+").problem()).isEqualTo("400 invalid-request q");
        user = server.newUser().toString();
        assertThat(get("/api/search?q=fox").json().get("items"))
                .as("another user's")
                .isEmpty();
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    @Test
    void aMessageIsDeletedWithAllThatFollows() {
        String chat = newChat();
        Answer first = send(chat, "one");
        complete(first, "answer one");
        Answer second = send(chat, "two");
        complete(second, "answer two");
        Answer third = send(chat, "three");
        Answer edited = post(
                chat + "/messages",
                "{\"content\":\"two, better\",\"editOf\":\"%s\"}".formatted(second.text("/message/id")));
        server.events.clear();

        assertThat(deleteFollowing(second).status()).isEqualTo(204);
        assertThat(server.revoked).containsEntry(third.id("/answer/id"), 2);
        assertThat(server.events).containsExactly("branch.changed", "chat.updated");
        assertThat(get("/api/messages/" + third.text("/message/id")).status()).isEqualTo(404);
        assertThat(get(chat + "/messages").texts("/items", "content"))
                .as("what is shown stays")
                .containsExactly("one", "answer one", "two, better", "");

        assertThat(api.delete("/api/messages/" + first.text("/answer/id") + "?following=true", ApiServer.USER, user)
                        .problem())
                .isEqualTo("409 only-answer");
        assertThat(deleteFollowing(edited).status()).isEqualTo(204);
        assertThat(server.revoked).containsEntry(edited.id("/answer/id"), 2);
        assertThat(get(chat + "/messages").texts("/items", "content")).containsExactly("one", "answer one");

        Answer again = post("/api/messages/" + first.text("/answer/id") + "/regenerate", "{}");
        assertThat(api.delete("/api/messages/" + again.text("/id") + "?following=true", ApiServer.USER, user)
                        .status())
                .isEqualTo(204);
        assertThat(get(chat + "/messages").texts("/items", "content"))
                .as("the other version is shown")
                .containsExactly("one", "answer one");
        assertThat(deleteFollowing(first).status()).isEqualTo(204);
        assertThat(get(chat + "/messages").json().get("items")).isEmpty();
        assertThat(send(chat, "anew").status()).isEqualTo(201);
    }

    private Answer deleteFollowing(Answer sent) {
        return api.delete("/api/messages/" + sent.text("/message/id") + "?following=true", ApiServer.USER, user);
    }

    @Test
    void anExportedChatIsImportedWithAllItsBranches() {
        String chat = newChat();
        put(chat + "/settings", "{\"temperature\":0.5,\"model\":\"model-b\"}");
        Answer first = send(chat, "one");
        complete(first, "answer *one*");
        Answer second = send(chat, "two");
        fail(second);
        post(
                chat + "/messages",
                "{\"content\":\"two, better\",\"editOf\":\"%s\"}".formatted(second.text("/message/id")));
        patch(chat, "{\"title\":\"Tést: / file\"}");
        Answer file = get(chat + "/export");
        assertThat(file.header("Content-Disposition")).contains("attachment; filename*=UTF-8''T%C3%A9st%20file.json");
        assertThat(file.texts("/messages", "content"))
                .containsExactly("one", "answer *one*", "two", "", "two, better", "");

        Answer imported = post("/api/chats/import", file.text());
        assertThat(imported.status()).as(imported.text()).isEqualTo(201);
        String copy = "/api/chats/" + imported.text("/id");
        assertThat(imported.header("Location")).contains(copy);
        assertThat(get(copy + "/settings").json())
                .isEqualTo(get(chat + "/settings").json());
        Answer page = get(copy + "/messages");
        assertThat(page.texts("/items", "content")).containsExactly("one", "answer *one*", "two, better", "");
        assertThat(page.texts("/items", "status"))
                .as("what was pending is cancelled")
                .containsExactly("completed", "completed", "completed", "cancelled");
        assertThat(page.json().get("versions")).hasSize(1);
        assertThat(page.texts("/items", "createdAt"))
                .isEqualTo(get(chat + "/messages").texts("/items", "createdAt"));
        assertThat(imported.text("/updatedAt"))
                .as("it stands in the list where its last message puts it")
                .isEqualTo(page.texts("/items", "createdAt").getLast());
        Answer again = get(copy + "/export");
        assertThat(again.texts("/messages", "content")).isEqualTo(file.texts("/messages", "content"));
        assertThat(again.texts("/messages", "error")).isEqualTo(file.texts("/messages", "error"));
        assertThat(send(copy, "on").status()).isEqualTo(201);

        Answer markdown = get(chat + "/export?format=markdown");
        assertThat(markdown.text())
                .startsWith("# Tést: / file\n\n## You, ")
                .containsSubsequence(
                        "\none\n", "## model-a, ", "\nanswer *one*\n", "two, better", "*(not answered yet)*")
                .doesNotContain("\ntwo\n");
        assertThat(get(chat + "/export?format=pdf").problem()).isEqualTo("400 invalid-request format");
    }

    @Test
    void aFileThatIsNoChatIsRefusedAsAWhole() {
        String user = "{\"id\":\"%s\",\"role\":\"user\",\"content\":\"x\"%s}";
        String one = UUID.randomUUID().toString();
        String two = UUID.randomUUID().toString();
        String question = user.formatted(one, "");
        String parent = ",\"parentId\":\"" + one + "\"";
        Map.of(
                        question + "," + question,
                        "messages[1].id",
                        user.formatted(two, parent),
                        "messages[0].parentId",
                        question + "," + user.formatted(two, parent),
                        "messages[1].role",
                        user.replace("user", "assistant").formatted(two, ""),
                        "messages[0].role",
                        user.formatted(one, ",\"createdAt\":\"2999-01-01T00:00:00Z\""),
                        "messages[0].createdAt",
                        user.formatted(one, ",\"tool\":1"),
                        "messages[0].tool",
                        question.replace("\"x\"", "\" \""),
                        "messages[0].content")
                .forEach((messages, field) -> assertThat(
                                post("/api/chats/import", file(messages)).problem())
                        .as(messages)
                        .isEqualTo("400 invalid-request " + field));
        assertThat(post("/api/chats/import", file(question).replace("]}", "],\"head\":\"" + two + "\"}"))
                        .problem())
                .isEqualTo("400 invalid-request head");
        assertThat(post("/api/chats/import", "{\"format\":\"x\"}").problem()).isEqualTo("400 invalid-request format");
        assertThat(post("/api/chats/import", file("").replace("1,", "2,")).problem())
                .isEqualTo("400 invalid-request version");
        assertThat(get("/api/chats").json().get("items")).isEmpty();
        Answer lonely = post("/api/chats/import", file(question));
        assertThat(get("/api/chats/" + lonely.text("/id") + "/messages").texts("/items", "status"))
                .as("a question gets an answer to be tried again")
                .containsExactly("completed", "cancelled");
        Answer again = post(
                "/api/messages/"
                        + get("/api/chats/" + lonely.text("/id") + "/messages").text("/items/1/id") + "/retry",
                "");
        assertThat(again.text("/status")).isEqualTo("queued");
        assertThat(again.text("/model")).as("the file named none").isEqualTo("model-a");
        assertThat(post("/api/chats/import", file("")).status()).isEqualTo(201);
        String large = "x".repeat(900_000);
        assertThat(post(
                                "/api/chats/import",
                                file(question.replace("\"x\"", "\"" + large + "\"") + ","
                                        + user.replace("user", "assistant")
                                                .formatted(two, parent)
                                                .replace("\"x\"", "\"" + large + "\"")))
                        .status())
                .as("more than other bodies may have")
                .isEqualTo(201);
    }

    private static String file(String messages) {
        return "{\"format\":\"parley-chat\",\"version\":1,\"messages\":[" + messages + "]}";
    }

    @Test
    void valuesOfATemplateAreOfTheirTypes() {
        Answer prompt = post("/api/prompts", """
                {"name":"n","text":"{{tone}} {{count}} {{day}} {{more}}","variables":[
                {"name":"tone","type":"choice","choices":["dry","warm"],"default":"dry"},
                {"name":"count","type":"number"},{"name":"day","type":"date"},{"name":"more","type":"long"}]}""");
        assertThat(prompt.status()).as(prompt.text()).isEqualTo(201);
        String body = "{\"promptId\":\"" + prompt.text("/id") + "\",\"variables\":{%s\"more\":\"a\\nb\"}}";
        String chat = newChat();
        assertThat(post(chat + "/messages", body.formatted("\"count\":\"-0.5\",\"day\":\"2026-02-28\","))
                        .text("/message/content"))
                .isEqualTo("dry -0.5 2026-02-28 a\nb");
        Map.of(
                        "\"tone\":\"loud\",", "tone",
                        "\"count\":\"many\",", "count",
                        "\"count\":\"1\",\"day\":\"2026-02-30\",", "day")
                .forEach((values, field) -> assertThat(
                                post(chat + "/messages", body.formatted(values)).problem())
                        .isEqualTo("400 invalid-request variables." + field));
        String variable = "{\"name\":\"n\",\"text\":\"{{a}}\",\"variables\":[{\"name\":\"a\",%s}]}";
        Map.of(
                        "\"type\":\"choice\"", "choices",
                        "\"choices\":[\"x\"]", "choices",
                        "\"type\":\"choice\",\"choices\":[\"x\",\"x\"]", "choices",
                        "\"type\":\"number\",\"default\":\"x\"", "default",
                        "\"type\":\"colour\"", "type")
                .forEach((rest, field) -> assertThat(
                                post("/api/prompts", variable.formatted(rest)).problem())
                        .as(rest)
                        .isEqualTo("400 invalid-request variables[0]." + field));
    }

    @Test
    void listsOfChatsPageFromTheLatestWithoutGaps() {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            all.addFirst(newChat().substring("/api/chats/".length()));
        }
        List<String> read = new ArrayList<>();
        String path = "/api/chats?limit=2";
        while (true) {
            Answer page = get(path);
            page.json().get("items").forEach(chat -> read.add(chat.get("id").asText()));
            if (!page.json().has("next")) {
                break;
            }
            path = "/api/chats?limit=2&cursor=" + page.text("/next");
        }
        assertThat(read).isEqualTo(all);
    }

    @Test
    void aMessageIsAcceptedListedAndAnswered() {
        String chat = newChat();
        Answer sent = send(chat, "Hello");
        assertThat(sent.header("Location")).contains("/api/messages/" + sent.text("/message/id"));
        assertThat(sent.text("/answer/status")).isEqualTo("queued");
        assertThat(sent.text("/answer/model")).isEqualTo("model-a");
        assertThat(sent.json().at("/answer").has("attempt")).isFalse();
        assertThat(server.wakes).hasValue(1);
        assertThat(server.events).containsExactly("message.created", "message.created", "chat.updated");
        assertThat(get(chat).text("/title")).isEqualTo("Hello");

        Answer list = get(chat + "/messages");
        String tag = list.header("ETag").orElseThrow();
        assertThat(api.get(chat + "/messages", ApiServer.USER, user, "If-None-Match", tag)
                        .status())
                .isEqualTo(304);
        server.running.put(sent.id("/answer/id"), "So f");
        Answer generating =
                api.get(chat + "/messages", ApiServer.USER, user, "If-None-Match", "\"other\", W/\"another\"");
        assertThat(generating.text("/items/1/status")).isEqualTo("generating");
        complete(sent, "Hi");
        Answer done = get("/api/messages/" + sent.text("/answer/id"));
        assertThat(done.text("/content")).isEqualTo("Hi");
        assertThat(done.text("/status")).isEqualTo("completed");
        assertThat(get(chat + "/messages").header("ETag")).isPresent().isNotEqualTo(Optional.of(tag));
    }

    @Test
    void pagesOfMessagesLeadToOlderOnes() {
        String chat = newChat();
        send(chat, "One");
        send(chat, "Two");
        Answer latest = get(chat + "/messages?limit=3");
        assertThat(latest.json().get("items")).hasSize(3);
        assertThat(latest.text("/items/1/content")).isEqualTo("Two");
        Answer older = get(chat + "/messages?limit=3&cursor=" + latest.text("/next"));
        assertThat(older.json().get("items")).hasSize(1);
        assertThat(older.text("/items/0/content")).isEqualTo("One");
        assertThat(older.json().has("next")).isFalse();
    }

    @Test
    void anIdempotencyKeyRepeatsTheFirstResponse() {
        String chat = newChat();
        Answer first = send(chat, "First");
        Answer keyed = post(chat + "/messages", "{\"content\":\"Again\"}", "Idempotency-Key", "k-1");
        assertThat(keyed.text("/answer/waitsFor")).isEqualTo(first.text("/answer/id"));
        complete(first, "x");
        server.events.clear();
        Answer repeated = post(chat + "/messages", "{ \"content\" : \"Again\" }", "Idempotency-Key", "k-1");
        assertThat(repeated.status()).isEqualTo(201);
        assertThat(repeated.text()).isEqualTo(keyed.text());
        assertThat(repeated.header("Location")).isEqualTo(keyed.header("Location"));
        assertThat(server.events).isEmpty();
        assertThat(post(chat + "/messages", "{\"content\":\"Other\"}", "Idempotency-Key", "k-1")
                        .problem())
                .isEqualTo("422 idempotency-key-reused");
        assertThat(post(chat + "/messages", "{\"content\":\"Other\"}", "Idempotency-Key", "no blanks")
                        .problem())
                .isEqualTo("400 invalid-request Idempotency-Key");
    }

    @Test
    void cancellingKeepsTheTextSoFarAndReleasesTheFollowUp() {
        String chat = newChat();
        Answer sent = send(chat, "Hello");
        send(chat, "More");
        server.wakes.set(0);
        server.events.clear();
        server.running.put(sent.id("/answer/id"), "So far");
        String answer = "/api/messages/" + sent.text("/answer/id");
        Answer cancelled = post(answer + "/cancel", "");
        assertThat(cancelled.status()).isEqualTo(200);
        assertThat(cancelled.text("/status")).isEqualTo("cancelled");
        assertThat(cancelled.text("/content")).isEqualTo("So far");
        assertThat(server.revoked).containsEntry(sent.id("/answer/id"), 2);
        assertThat(server.wakes).hasValue(1);
        assertThat(server.events).containsExactly("answer.cancelled");
        assertThat(post(answer + "/cancel", "").json()).isEqualTo(cancelled.json());
        assertThat(server.events).hasSize(1);
        assertThat(post("/api/messages/" + sent.text("/message/id") + "/cancel", "")
                        .problem())
                .isEqualTo("409 not-an-answer");
    }

    @Test
    void onlyAnAnswerWithoutTextIsTriedAgain() {
        String chat = newChat();
        Answer sent = send(chat, "Hello");
        String answer = "/api/messages/" + sent.text("/answer/id");
        Answer queued = post(answer + "/retry", "");
        assertThat(queued.text("/status")).isEqualTo("queued");
        assertThat(server.revoked).isEmpty();
        fail(sent);
        assertThat(get(answer).text("/error/type")).isEqualTo("urn:parley:problem:refused");
        assertThat(post(answer + "/cancel", "").problem()).isEqualTo("409 answer-ended");
        server.events.clear();
        server.wakes.set(0);
        Answer retried = post(answer + "/retry", "");
        assertThat(retried.text("/status")).isEqualTo("queued");
        assertThat(retried.json().has("error")).isFalse();
        assertThat(server.revoked).containsEntry(sent.id("/answer/id"), 2);
        assertThat(server.wakes).hasValue(1);
        assertThat(server.events).containsExactly("answer.queued");
        server.running.put(sent.id("/answer/id"), "x");
        assertThat(post(answer + "/retry", "").text("/status")).isEqualTo("generating");
        server.running.clear();

        Answer other = send(newChat(), "Hello");
        complete(other, "Hi");
        String completed = "/api/messages/" + other.text("/answer/id");
        assertThat(post(completed + "/retry", "").problem()).isEqualTo("409 answer-completed");
        assertThat(post(completed + "/cancel", "").problem()).isEqualTo("409 answer-ended");
        assertThat(post("/api/messages/" + other.text("/message/id") + "/retry", "")
                        .problem())
                .isEqualTo("409 not-an-answer");
    }

    private Answer edit(Answer sent, String content) {
        return api.send(
                "PATCH",
                "/api/messages/" + sent.text("/message/id"),
                "{\"content\":\"%s\"}".formatted(content),
                ApiServer.USER,
                user);
    }

    private Answer withdraw(Answer sent) {
        return api.delete("/api/messages/" + sent.text("/message/id"), ApiServer.USER, user);
    }

    @Test
    void aMessageWhoseAnswerWaitsIsChangedAndAskedAnew() {
        String chat = newChat();
        Answer first = send(chat, "Frist");
        Answer second = send(chat, "Secnod");
        server.events.clear();
        server.wakes.set(0);
        Answer edited = edit(first, "First");
        assertThat(edited.status()).as(edited.text()).isEqualTo(200);
        assertThat(edited.text("/message/content")).isEqualTo("First");
        assertThat(edited.text("/answer/status")).isEqualTo("queued");
        assertThat(server.revoked).containsEntry(first.id("/answer/id"), 2);
        assertThat(server.events).containsExactly("message.updated", "answer.queued");
        assertThat(server.wakes).hasValue(1);
        assertThat(outbox()).isEqualTo("First");
        // What the try with the old text comes to is obsolete.
        assertThat(server.messages.apply(new AnswerUpdate.Failed(
                        ref(first, 1), Failure.of("refused", "Refused", "It was refused."), Instant.now())))
                .isEmpty();

        // One that waits behind another answer stays behind it.
        Answer behind = edit(second, "Second");
        assertThat(behind.text("/answer/waitsFor")).isEqualTo(first.text("/answer/id"));
        assertThat(server.wakes).hasValue(1);
        assertThat(outbox()).isEqualTo("First");
        assertThat(get(chat + "/messages").text("/items/2/content")).isEqualTo("Second");
        server.messages.apply(new AnswerUpdate.Retrying(
                new AnswerRef(first.id("/answer/chatId"), first.id("/answer/id"), 2, 2),
                Failure.of("busy", "Busy", "It is busy."),
                Instant.now()));
        Answer retrying = edit(first, "First of all");
        assertThat(retrying.text("/answer/status")).isEqualTo("queued");
        assertThat(retrying.json().at("/answer").has("nextAttemptAt")).isFalse();
        assertThat(outbox()).isEqualTo("First of all");
    }

    @Test
    void anAnswerThatWaitsForTheQuotaTellsWhenItIsExpectedAndHowManyComeFirst() {
        String chat = newChat();
        Answer first = send(chat, "First");
        Answer second = send(chat, "Second");
        Instant at = Instant.now().plusSeconds(3600);
        assertThat(server.messages.apply(new AnswerUpdate.Waiting(ref(first, 1), at, Optional.of(12))))
                .isPresent();
        Answer waiting = get("/api/messages/" + first.text("/answer/id"));
        assertThat(waiting.json().get("ahead").asInt()).isEqualTo(12);
        assertThat(waiting.json().has("expectedAt")).isTrue();
        assertThat(get(chat + "/messages").json().at("/items/1/ahead").asInt()).isEqualTo(12);
        assertThat(get("/api/messages/" + second.text("/answer/id")).json().has("ahead"))
                .as("of one that waits behind another answer")
                .isFalse();
        Answer edited = edit(first, "First of all");
        assertThat(edited.json().at("/answer").has("ahead"))
                .as("of one that is asked for anew")
                .isFalse();
    }

    /** The questions of this user that the relay would publish now. */
    private String outbox() {
        List<String> questions = server.database.run(
                db -> Sql.of(db, """
                        SELECT q.content FROM outbox o
                        JOIN messages a ON a.id = o.answer_id AND a.round = o.round AND a.waits_for IS NULL
                        JOIN messages q ON q.id = a.parent_id
                        JOIN chats c ON c.id = a.chat_id
                        WHERE c.user_id = :user AND a.status = 'queued' ORDER BY o.id
                        """).with("user", UUID.fromString(user)).list(row -> row.text("content")));
        return String.join(",", questions);
    }

    @Test
    void aMessageWhoseAnswerWaitsIsWithdrawn() {
        String chat = newChat();
        Answer first = send(chat, "First");
        Answer second = send(chat, "Second");
        assertThat(withdraw(first).problem()).isEqualTo("409 message-followed");
        server.events.clear();
        assertThat(withdraw(second).status()).isEqualTo(204);
        assertThat(server.events).containsExactly("message.deleted", "chat.updated");
        assertThat(server.revoked).containsEntry(second.id("/answer/id"), 2);
        assertThat(get(chat + "/messages").json().get("items")).hasSize(2);
        assertThat(get("/api/messages/" + second.text("/answer/id")).status()).isEqualTo(404);
        assertThat(withdraw(second).problem()).isEqualTo("404 not-found");
        assertThat(edit(second, "x").problem()).isEqualTo("404 not-found");

        assertThat(withdraw(first).status()).isEqualTo(204);
        assertThat(get(chat + "/messages").json().get("items")).isEmpty();
        assertThat(get(chat).text("/title")).isEmpty();
        assertThat(outbox()).isEmpty();
        Answer anew = send(chat, "Anew");
        assertThat(anew.json().at("/message").has("parentId")).isFalse();
        assertThat(get(chat).text("/title")).isEqualTo("Anew");
    }

    @Test
    void whatHasBegunOrEndedOrIsBuiltUponIsNeitherChangedNorWithdrawn() {
        String chat = newChat();
        Answer begun = send(chat, "Begun");
        server.running.put(begun.id("/answer/id"), "So f");
        assertThat(edit(begun, "x").problem()).isEqualTo("409 answer-begun");
        assertThat(withdraw(begun).problem()).isEqualTo("409 answer-begun");
        server.running.clear();
        fail(begun);
        assertThat(edit(begun, "x").problem()).isEqualTo("409 answer-ended");
        assertThat(withdraw(begun).problem()).isEqualTo("409 answer-ended");

        // Answered while this one had failed; then it is tried again.
        Answer later = send(chat, "Later");
        complete(later, "done");
        post("/api/messages/" + begun.text("/answer/id") + "/retry", "");
        assertThat(edit(begun, "x").problem()).isEqualTo("409 message-followed");
        assertThat(withdraw(begun).problem()).isEqualTo("409 message-followed");
        assertThat(edit(later, "x").problem()).isEqualTo("409 answer-ended");
        assertThat(get("/api/messages/" + begun.text("/message/id")).text("/content"))
                .isEqualTo("Begun");

        String answer = "/api/messages/" + begun.text("/answer/id");
        assertThat(api.send("PATCH", answer, "{\"content\":\"x\"}", ApiServer.USER, user)
                        .problem())
                .isEqualTo("409 not-a-user-message");
        assertThat(api.delete(answer, ApiServer.USER, user).problem()).isEqualTo("409 not-a-user-message");
        String other = server.newUser().toString();
        String message = "/api/messages/" + begun.text("/message/id");
        assertThat(api.send("PATCH", message, "{\"content\":\"x\"}", ApiServer.USER, other)
                        .problem())
                .isEqualTo("404 not-found");
        assertThat(api.delete(message, ApiServer.USER, other).problem()).isEqualTo("404 not-found");
        assertThat(edit(begun, " ").problem()).isEqualTo("400 invalid-request content");
        assertThat(edit(begun, "x".repeat(2_001)).problem()).isEqualTo("400 invalid-request content");
        assertThat(api.send("PATCH", message, "{}", ApiServer.USER, user).problem())
                .isEqualTo("400 invalid-request content");
    }

    @Test
    void aTemplateIsKeptAndFilledAtSend() {
        String body = """
                {"name":"Greet","text":"Hi {{who}}, {{mood}}! {{who}}","variables":
                 [{"name":"who","label":"Who?"},{"name":"mood","default":"{{who}} $1"}]}""";
        Answer made = post("/api/prompts", body);
        assertThat(made.status()).as(made.text()).isEqualTo(201);
        String path = made.header("Location").orElseThrow();
        assertThat(get(path).json()).isEqualTo(made.json());
        assertThat(get("/api/prompts").json().at("/items/0")).isEqualTo(made.json());

        String chat = newChat();
        String id = made.text("/id");
        Answer sent = post(
                chat + "/messages",
                "{\"promptId\":\"%s\",\"variables\":{\"who\":\"you\"}}".formatted(id),
                "Idempotency-Key",
                "k");
        assertThat(sent.text("/message/content")).isEqualTo("Hi you, {{who}} $1! you");
        assertThat(post(chat + "/messages", "{\"promptId\":\"%s\"}".formatted(id))
                        .problem())
                .isEqualTo("400 invalid-request variables.who");
        assertThat(post(
                                chat + "/messages",
                                "{\"promptId\":\"%s\",\"variables\":{\"who\":\"a\",\"x\":\"b\"}}".formatted(id))
                        .problem())
                .isEqualTo("400 invalid-request variables.x");

        Answer replaced = api.send("PUT", path, "{\"name\":\"Plain\",\"text\":\"Hi\"}", ApiServer.USER, user);
        assertThat(replaced.status()).isEqualTo(200);
        assertThat(replaced.json().get("variables")).isEmpty();
        assertThat(replaced.text("/createdAt")).isEqualTo(made.text("/createdAt"));
        assertThat(api.delete(path, ApiServer.USER, user).status()).isEqualTo(204);
        assertThat(get(path).status()).isEqualTo(404);
        assertThat(api.delete(path, ApiServer.USER, user).status()).isEqualTo(404);
        Answer repeated = post(
                chat + "/messages",
                "{\"variables\":{\"who\":\"you\"},\"promptId\":\"%s\"}".formatted(id),
                "Idempotency-Key",
                "k");
        assertThat(repeated.text()).as("a repeat needs no template").isEqualTo(sent.text());
    }

    @Test
    void templatesPageByName() {
        for (String name : List.of("b", "a", "c")) {
            post("/api/prompts", "{\"name\":\"%s\",\"text\":\"t\"}".formatted(name));
        }
        Answer first = get("/api/prompts?limit=2");
        assertThat(first.text("/items/0/name") + first.text("/items/1/name")).isEqualTo("ab");
        Answer second = get("/api/prompts?limit=2&cursor=" + first.text("/next"));
        assertThat(second.text("/items/0/name")).isEqualTo("c");
        assertThat(second.json().has("next")).isFalse();
    }

    @Test
    void aTemplateWhoseTextAndVariablesDisagreeIsRefusedByField() {
        record Case(String body, String field) {}
        for (Case wrong : List.of(
                new Case("{\"text\":\"t\"}", "name"),
                new Case("{\"name\":\"n\"}", "text"),
                new Case("{\"name\":\" \",\"text\":\"t\"}", "name"),
                new Case("{\"name\":\"n\",\"text\":\"{{a}}\"}", "text"),
                new Case("{\"name\":\"n\",\"text\":\"t\",\"variables\":[{\"name\":\"a\"}]}", "variables[0].name"),
                new Case(
                        "{\"name\":\"n\",\"text\":\"{{a}}\",\"variables\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
                        "variables[1].name"),
                new Case("{\"name\":\"n\",\"text\":\"t\",\"variables\":[{\"name\":\"1\"}]}", "variables[0].name"),
                new Case("{\"name\":\"n\",\"text\":\"t\",\"variables\":[{}]}", "variables[0].name"),
                new Case("{\"name\":\"n\",\"text\":\"t\",\"variables\":[{\"nmae\":\"a\"}]}", "variables[0].nmae"),
                new Case("{\"name\":\"n\",\"text\":\"t\",\"variables\":[{\"name\":7}]}", "variables[0].name"),
                new Case("{\"name\":\"n\",\"text\":\"t\",\"variables\":{}}", "variables"))) {
            assertThat(post("/api/prompts", wrong.body()).problem())
                    .as(wrong.body())
                    .isEqualTo("400 invalid-request " + wrong.field());
        }
    }

    @Test
    void whatIsWrongWithABodyIsNamed() {
        String messages = newChat() + "/messages";
        record Case(String body, String field) {}
        for (Case wrong : List.of(
                new Case("", "body"),
                new Case("{", "body"),
                new Case("{} {}", "body"),
                new Case("[]", "body"),
                new Case("\"text\"", "body"),
                new Case("nul", "body"),
                new Case("{}", "content"),
                new Case("{\"content\":\"a\",\"promptId\":\"00000000-0000-7000-8000-000000000001\"}", "content"),
                new Case("{\"content\":\"\"}", "content"),
                new Case("{\"content\":7}", "content"),
                new Case("{\"content\":true}", "content"),
                new Case("{\"content\":null}", "content"),
                new Case("{\"content\":[\"a\"]}", "content"),
                new Case("{\"content\":{\"a\":1}}", "content"),
                new Case("{\"content\":\"a\",\"content\":\"b\"}", "content"),
                new Case("{\"content\":\"a\\u0000b\"}", "content"),
                new Case("{\"content\":\"a\\uD800b\"}", "content"),
                new Case("{\"content\":\"" + "x".repeat(2001) + "\"}", "content"),
                new Case("{\"content\":\"a\",\"colour\":\"b\"}", "colour"),
                new Case("{\"content\":\"a\",\"model\":\"model-c\"}", "model"),
                new Case("{\"content\":\"a\",\"variables\":{}}", "variables"),
                new Case("{\"promptId\":\"1\"}", "promptId"),
                new Case("{\"promptId\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}", "promptId"),
                new Case("{\"promptId\":\"00000000-0000-7000-8000-000000000001\"}", "promptId"),
                new Case("{\"promptId\":\"1\",\"variables\":{\"a\":1}}", "promptId"),
                new Case("{\"variables\":{\"a\":1}}", "variables.a"),
                new Case("{\"variables\":{\"a\":\"\\u0000\"}}", "variables.a"))) {
            assertThat(post(messages, wrong.body()).problem())
                    .as(wrong.body())
                    .isEqualTo("400 invalid-request " + wrong.field());
        }
        assertThat(get(messages).json().get("items")).isEmpty();
    }

    @Test
    void brokenTextEncodingIsRefused() {
        byte[] latin = "{\"title\":\"caf\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1);
        assertThat(api.call("POST", "/api/chats", BodyPublishers.ofByteArray(latin), "Content-Type", "application/json")
                        .problem())
                .isEqualTo("400 invalid-request body");
    }

    @Test
    void whatIsWrongWithAPathOrQueryIsNamed() {
        assertThat(get("/api/chats/1").problem()).isEqualTo("400 invalid-request chatId");
        assertThat(get("/api/messages/x").problem()).isEqualTo("400 invalid-request messageId");
        assertThat(get("/api/prompts/1-1-1-1-1").problem()).isEqualTo("400 invalid-request promptId");
        for (String limit : List.of("0", "201", "-1", "x", "", "99999999999")) {
            assertThat(get("/api/chats?limit=" + limit).problem()).isEqualTo("400 invalid-request limit");
        }
        for (String cursor : List.of("x", "!!", "WyJhIl0", "WyJhIiwiYiJd", "W251bGwsbnVsbF0", "")) {
            assertThat(get("/api/chats?cursor=" + cursor).problem()).isEqualTo("400 invalid-request cursor");
        }
        assertThat(get(newChat() + "/messages?cursor=WyJhIl0").problem()).isEqualTo("400 invalid-request cursor");
    }

    @Test
    void anotherMediaTypeAndTooMuchAreRefused() {
        assertThat(api.call("POST", "/api/chats", BodyPublishers.ofString("{}"), "Content-Type", "text/plain")
                        .problem())
                .isEqualTo("415 unsupported-media-type");
        assertThat(api.call("POST", "/api/chats", BodyPublishers.ofString("{}")).problem())
                .isEqualTo("415 unsupported-media-type");
        assertThat(api.post("/api/chats", "{\"title\":\"" + "x".repeat(900_000) + "\"}")
                        .problem())
                .isEqualTo("400 invalid-request title");
    }

    @Test
    void anUnknownPathIs404AndAnotherMethod405() {
        assertThat(get("/api/nothing").problem()).isEqualTo("404 not-found");
        assertThat(get("/api").problem()).isEqualTo("404 not-found");
        Answer wrong = api.send("PUT", "/api/chats", "{}");
        assertThat(wrong.problem()).isEqualTo("405 method-not-allowed");
        assertThat(wrong.header("Allow")).contains("GET, POST");
        assertThat(api.delete("/api/models").header("Allow")).contains("GET");
        assertThat(api.send("PUT", "/api/messages/x/cancel", "").header("Allow"))
                .contains("POST");
    }

    @Test
    void anotherUsersThingsAreNotThere() {
        String chat = newChat();
        Answer sent = send(chat, "Hello");
        Answer prompt = post("/api/prompts", "{\"name\":\"n\",\"text\":\"t\"}");
        String messagePath = "/api/messages/" + sent.text("/message/id");
        String answerPath = "/api/messages/" + sent.text("/answer/id");
        String promptPath = "/api/prompts/" + prompt.text("/id");
        server.revoked.clear();
        server.events.clear();

        String owner = user;
        user = server.newUser().toString();
        String mine = newChat();
        assertThat(get("/api/chats").json().get("items")).hasSize(1);
        assertThat(get("/api/prompts").json().get("items")).isEmpty();
        for (Answer refused : List.of(
                get(chat),
                api.send("PATCH", chat, "{\"title\":\"x\"}", ApiServer.USER, user),
                api.delete(chat, ApiServer.USER, user),
                get(chat + "/messages"),
                post(chat + "/messages", "{\"content\":\"x\"}"),
                get(chat + "/settings"),
                get(chat + "/export"),
                put(chat + "/settings", "{}"),
                get(messagePath),
                get(answerPath),
                post(answerPath + "/cancel", ""),
                post(answerPath + "/retry", ""),
                post(answerPath + "/regenerate", "{}"),
                post(answerPath + "/show", ""),
                api.delete(messagePath, ApiServer.USER, user),
                api.delete(messagePath + "?following=true", ApiServer.USER, user),
                get(promptPath),
                api.send("PUT", promptPath, "{\"name\":\"x\",\"text\":\"x\"}", ApiServer.USER, user),
                api.delete(promptPath, ApiServer.USER, user))) {
            assertThat(refused.problem()).isEqualTo("404 not-found");
        }
        assertThat(post(mine + "/messages", "{\"promptId\":\"%s\"}".formatted(prompt.text("/id")))
                        .problem())
                .isEqualTo("400 invalid-request promptId");
        assertThat(server.revoked).isEmpty();
        assertThat(server.events).isEmpty();
        user = owner;
        assertThat(get(answerPath).text("/status")).isEqualTo("queued");
        assertThat(get(promptPath).json()).isEqualTo(prompt.json());
    }

    @Test
    void aRequestIdIsKeptWhenItIsSane() {
        assertThat(api.get("/api/models", "X-Request-Id", "abc-123").header("X-Request-Id"))
                .contains("abc-123");
        Answer other = api.get("/api/models", "X-Request-Id", "a b{}");
        assertThat(other.header("X-Request-Id").orElseThrow()).matches("[0-9a-f-]{36}");
        Answer problem = api.get("/api/nothing", "X-Request-Id", "abc-123");
        assertThat(problem.text("/instance")).isEqualTo("abc-123");
        assertThat(problem.header("X-Request-Id")).contains("abc-123");
        String chat = newChat();
        Answer sent = post(chat + "/messages", "{\"content\":\"x\"}", "X-Request-Id", "abc-124");
        Optional<String> stored = server.database.run(db -> Sql.of(db, "SELECT request_id FROM messages WHERE id = :id")
                .with("id", sent.id("/answer/id"))
                .one(row -> row.text("request_id")));
        assertThat(stored).contains("abc-124");
    }

    @Test
    void aDefectShowsNothingOfTheInside() {
        Answer defect = api.get("/defect");
        assertThat(defect.status()).isEqualTo(500);
        assertThat(defect.text()).doesNotContain("secret").contains("internal-error");
    }

    @Test
    void foreignOriginsAreLetInByListOnly() {
        Answer allowed = api.get("/api/nothing", "Origin", "https://chat.example.org");
        assertThat(allowed.header("Access-Control-Allow-Origin")).contains("https://chat.example.org");
        Answer refused = api.get("/api/models", "Origin", "https://evil.example.org");
        assertThat(refused.header("Access-Control-Allow-Origin")).isEmpty();
        Answer preflight = api.call(
                "OPTIONS",
                "/api/chats",
                BodyPublishers.noBody(),
                "Origin",
                "https://chat.example.org",
                "Access-Control-Request-Method",
                "POST");
        assertThat(preflight.status()).isEqualTo(204);
        assertThat(preflight.header("Access-Control-Allow-Methods").orElseThrow())
                .contains("PATCH");
    }

    @Test
    void modelsAndTheContractAreServed() {
        Answer models = api.get("/api/models");
        assertThat(models.text("/items/0/id")).isEqualTo("model-a");
        assertThat(models.json().at("/items/0/default").asBoolean()).isTrue();
        assertThat(models.json().at("/items/1/default").asBoolean()).isFalse();
        assertThat(models.json().get("fake").asBoolean()).isFalse();
        assertThat(api.get("/api/openapi.yaml").text()).startsWith("openapi: 3.1.0");
    }

    @Test
    void requestsAreMeasuredByRouteAndNotByPath() {
        get(newChat());
        get("/api/nothing");
        List<String> routes = server.registry.meters().stream()
                .filter(meter -> meter.id().name().equals("parley_http_requests"))
                .map(meter -> meter.id().tagsMap().get("route") + " "
                        + meter.id().tagsMap().get("status"))
                .toList();
        assertThat(routes)
                .contains("/api/chats/{chatId} 2xx", "none 4xx")
                .noneMatch(route -> route.contains("nothing"));
    }

    @Test
    void thePageIsServedWithItsHeadersAndItsRoutes() {
        Answer index = api.get("/", "Accept", "text/html");
        assertThat(index.status()).isEqualTo(200);
        assertThat(index.text()).contains("Parley");
        assertThat(index.header("Cache-Control")).contains("no-cache");
        assertThat(index.header("Content-Security-Policy").orElseThrow()).contains("frame-ancestors 'none'");
        Answer route = api.get("/chats/some-id", "Accept", "text/html,*/*");
        assertThat(route.text()).isEqualTo(index.text());
        assertThat(route.header("Cache-Control")).contains("no-cache");
        assertThat(api.get("/chats/some-id", "Accept", "application/json").status())
                .isEqualTo(404);
        Answer asset = api.get("/assets/app-1.js");
        assertThat(asset.header("Cache-Control").orElseThrow()).contains("immutable");
        String tag = asset.header("ETag").orElseThrow();
        Answer unchanged = api.get("/assets/app-1.js", "If-None-Match", tag);
        assertThat(unchanged.status()).isEqualTo(304);
        Answer missing = api.get("/assets/app-2.js", "Accept", "text/html");
        assertThat(missing.status()).isEqualTo(404);
        assertThat(missing.header("Cache-Control").orElse("")).doesNotContain("immutable");
        assertThat(api.get("/../../etc/passwd").status()).isIn(400, 404);
    }
}
