package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Nothing typed and nothing shown is lost: reloads, lost networks, lost responses, and several tabs. */
@ExtendWith(OnStage.class)
class NothingLostIT {
    /** The texts of a chat's questions, as the API has them. */
    private static List<String> questions(Stage stage, String chat) throws Exception {
        List<String> all = new ArrayList<>();
        for (JsonNode message :
                stage.client().get("/api/chats/" + chat + "/messages").get("items")) {
            if (message.get("role").asText().equals("user")) {
                all.add(message.get("content").asText());
            }
        }
        return all;
    }

    /** Letters and digits of a text, by which Markdown and its rendering can be compared. */
    private static String letters(String text) {
        return text.replaceAll("[^\\p{L}\\p{N}]", "");
    }

    @Test
    void aReloadInTheMiddleOfAnAnswerLosesNothing(Stage stage, Tab tab) throws Exception {
        tab.send("[[fake gate=reload at=12 size=1500]] Tell me about outboxes");
        Locator running = tab.answer("generating");
        expect(running.getByTestId("answer-text")).not().isEmpty();
        // The model has stopped in mid-answer: what is shown now is all there is.
        tab.awaitHeld("reload");
        String id = running.getAttribute("data-id");
        String before = running.getByTestId("answer-text").innerText();
        tab.page().reload();
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        tab.page().waitForCondition(() -> tab.answer("generating")
                .getByTestId("answer-text")
                .innerText()
                .startsWith(before));
        stage.gemini().release("reload");
        expect(tab.answer("completed")).isVisible();
        assertThat(tab.answer("completed").getAttribute("data-id")).isEqualTo(id);
        // Code and formulas are set differently, so the prose up to there is compared.
        String shown =
                letters(tab.answer("completed").getByTestId("answer-text").innerText());
        String truth =
                letters(stage.client().get("/api/messages/" + id).get("content").asText());
        assertThat(shown).isNotEmpty();
        assertThat(truth).startsWith(shown.substring(0, Math.min(200, shown.length())));
        tab.page().reload();
        expect(tab.answer("completed")).isVisible();
        assertThat(letters(tab.answer("completed").getByTestId("answer-text").innerText()))
                .isEqualTo(shown);
    }

    @Test
    void draftsSurviveAReloadEachInItsOwnChat(Stage stage, Tab tab) {
        String chat = stage.chat("With a draft", "Hello", "Hello.");
        tab.composer().fill("half a thought");
        tab.awaitKept("half a thought");
        tab.go("/chats/" + chat);
        expect(tab.composer()).hasValue("");
        tab.composer().fill("another half");
        tab.awaitKept("another half");
        tab.page().reload();
        expect(tab.composer()).hasValue("another half");
        tab.go("/");
        expect(tab.composer()).hasValue("half a thought");
    }

    @Test
    void aMessageBeingEditedSurvivesAReload(Stage stage, Tab tab) {
        tab.go("/chats/" + stage.chat("Editing", "As it was", "Answered."));
        tab.find("edit-version").click();
        tab.find("edit-field").fill("As it shall be");
        tab.awaitKept("As it shall be");
        tab.page().reload();
        expect(tab.find("edit-field")).hasValue("As it shall be");
    }

    @Test
    void whatIsSentOfflineGoesOutOnceAndInOrder(Stage stage, Tab tab) throws Exception {
        tab.send("[[fake short]] While online");
        expect(tab.answer("completed")).isVisible();
        String chat = tab.chatId();
        tab.offline(true);
        tab.send("[[fake short]] First offline");
        tab.send("[[fake short]] Second offline");
        expect(tab.question("First offline").getByTestId("status-line")).containsText("Kept here.");
        expect(tab.question("Second offline").getByTestId("status-line")).containsText("Waits for the message above");
        tab.offline(false);
        expect(tab.answers("completed")).hasCount(3);
        expect(tab.question("offline").getByTestId("status-line")).hasCount(0);
        assertThat(questions(stage, chat))
                .containsExactly(
                        "[[fake short]] While online", "[[fake short]] First offline", "[[fake short]] Second offline");
    }

    @Test
    void aNewChatBegunOfflineIsMadeOnce(Stage stage, Tab tab) throws Exception {
        expect(tab.find("fake")).isVisible();
        // What a chat needs is on its way; offline it could not be fetched any more.
        tab.await("performance.getEntriesByType('resource').some(({ name }) => name.includes('MessageList'))");
        tab.offline(true);
        tab.send("[[fake short]] Begun on a train");
        expect(tab.question("Begun on a train").getByTestId("status-line")).containsText("Kept here.");
        tab.offline(false);
        expect(tab.answer("completed")).isVisible();
        assertThat(questions(stage, tab.chatId())).containsExactly("[[fake short]] Begun on a train");
        expect(tab.listed("Begun on a train")).hasCount(1);
    }

    @Test
    void aSendWhoseResponseIsLostCountsOnce(Stage stage, Tab tab) throws Exception {
        AtomicInteger sends = new AtomicInteger();
        tab.page().route("**/api/chats/*/messages", route -> {
            if (route.request().method().equals("POST") && sends.getAndIncrement() == 0) {
                route.fetch();
                route.abort();
            } else {
                route.resume();
            }
        });
        tab.send("[[fake short]] Only once");
        expect(tab.answer("completed")).isVisible();
        tab.page().waitForCondition(() -> sends.get() >= 2);
        expect(tab.question("Only once").getByTestId("status-line")).hasCount(0);
        tab.page().reload();
        expect(tab.answers("completed")).hasCount(1);
        assertThat(questions(stage, tab.chatId())).containsExactly("[[fake short]] Only once");
    }

    @Test
    void aRefusedMessageIsKeptAndCanBeEditedOrSentAgain(Stage stage, Tab tab) throws Exception {
        tab.page().route("**/api/chats/*/messages", route -> {
            if (route.request().method().equals("POST")) {
                route.fulfill(
                        new Route.FulfillOptions()
                                .setStatus(422)
                                .setContentType("application/problem+json")
                                .setBody(
                                        "{\"type\":\"urn:parley:problem:invalid-request\",\"title\":\"Not like this.\",\"status\":422}"));
            } else {
                route.resume();
            }
        });
        tab.send("Please take me");
        Locator refused = tab.question("Please take me");
        expect(refused.getByTestId("retry")).hasText("Send again");
        tab.page().reload();
        refused.getByTestId("edit-unsent").click();
        expect(tab.composer()).hasValue("Please take me");
        expect(refused).hasCount(0);
        tab.page().unroute("**/api/chats/*/messages");
        tab.find("send").click();
        expect(tab.answer("completed")).isVisible();
        assertThat(questions(stage, tab.chatId())).containsExactly("Please take me");
    }

    @Test
    void aWaitingFollowUpIsEditedOrWithdrawn(Stage stage, Tab tab) throws Exception {
        tab.send("[[fake gate=follow at=1]] The first");
        expect(tab.answer("generating")).isVisible();
        tab.awaitHeld("follow");
        tab.send("The seccond");
        expect(tab.answer("queued")).isVisible();
        tab.question("The seccond").getByTestId("edit-message").click();
        tab.find("edit-field").fill("The second");
        tab.find("save-edit").click();
        expect(tab.question("The second")).isVisible();
        expect(tab.find("edit-field")).hasCount(0);
        tab.send("The third");
        expect(tab.answers("queued")).hasCount(2);
        tab.question("The third").getByTestId("withdraw-message").click();
        expect(tab.question("The third")).hasCount(0);
        expect(tab.answers("queued")).hasCount(1);
        stage.gemini().release("follow");
        expect(tab.answers("completed")).hasCount(2);
        expect(tab.answer("completed")).containsText("The second");
        assertThat(questions(stage, tab.chatId())).containsExactly("[[fake gate=follow at=1]] The first", "The second");
    }

    @Test
    void tabsAndDevicesStayInStep(Stage stage, Tab tab) {
        tab.send("[[fake short]] Hello from the first tab");
        expect(tab.answer("completed")).isVisible();
        String chat = tab.chatId();
        Tab second = tab.another();
        Tab device = tab.elsewhere();
        expect(second.answers("completed")).hasCount(1);
        expect(device.answers("completed")).hasCount(1);
        tab.send("[[fake gate=steps at=6 size=900]] And once more");
        for (Tab other : List.of(second, device)) {
            expect(other.question("And once more")).hasCount(1);
            expect(other.answer("generating").getByTestId("answer-text")).not().isEmpty();
        }
        // Stopped in one, stopped in all.
        device.answer("generating").getByTestId("cancel").click();
        expect(tab.answer("cancelled")).isVisible();
        expect(second.answer("cancelled")).isVisible();
        stage.gemini().release("steps");
        second.page()
                .request()
                .patch(
                        "/api/chats/" + chat,
                        com.microsoft.playwright.options.RequestOptions.create()
                                .setData(Map.of("title", "Renamed elsewhere")));
        expect(tab.find("title")).hasText("Renamed elsewhere");
        expect(device.find("title")).hasText("Renamed elsewhere");
    }

    @Test
    void whatOneTabKeepsForLaterGoesOutOnceAlthoughTwoHaveIt(Stage stage, Tab tab) throws Exception {
        tab.send("[[fake short]] In both tabs");
        expect(tab.answer("completed")).isVisible();
        Tab second = tab.another();
        expect(second.answer("completed")).isVisible();
        tab.offline(true);
        tab.send("[[fake short]] From one of them");
        expect(second.question("From one of them")).isVisible();
        tab.offline(false);
        expect(tab.answers("completed")).hasCount(2);
        expect(second.answers("completed")).hasCount(2);
        assertThat(questions(stage, tab.chatId()))
                .containsExactly("[[fake short]] In both tabs", "[[fake short]] From one of them");
    }

    @Test
    void whereEventsAreHeldBackTheAnswerComesLiveOverASocket(Stage stage, Tab tab) {
        tab.page().route("**/api/events?*", Route::abort);
        List<String> sockets = new ArrayList<>();
        tab.page().onWebSocket(socket -> sockets.add(socket.url()));
        tab.send("[[fake gate=socket at=12 size=1500]] Over another line");
        tab.awaitHeld("socket");
        // Polling brings whole answers only, and the model is held in the middle of this one.
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        assertThat(sockets).anyMatch(url -> url.contains("/api/ws"));
        stage.gemini().release("socket");
        expect(tab.answer("completed")).isVisible();
    }

    @Test
    void whereNothingLiveComesThroughTheAnswerIsAskedFor(Tab tab) {
        tab.page().route("**/api/events?*", Route::abort);
        tab.page().routeWebSocket("**/api/ws", socket -> socket.close());
        tab.send("[[fake short]] By asking");
        expect(tab.answer("completed")).isVisible();
    }
}
