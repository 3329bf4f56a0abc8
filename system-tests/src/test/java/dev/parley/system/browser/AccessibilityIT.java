package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.ReducedMotion;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Everyone can use the page: axe finds nothing on any view, in light and in dark, and the keyboard is enough. */
@ExtendWith(OnStage.class)
class AccessibilityIT {
    private static final String RICH = """
            ## A heading

            Some *prose* with a [link](https://example.org/) and `code`.

            | Step | Cost |
            |---|---:|
            | Accept | 3 ms |

            ```python
            def mean(values: list[float]) -> float:
                \"""The mean.\"""
                return sum(values) / len(values)  # a comment
            ```

            $$
            L = \\lambda W
            $$

            ![a picture](https://example.org/picture.png)

            ```mermaid
            graph LR
                Browser --> API
            ```
            """;

    @Test
    void axeWouldSayWhatIsWrong(Tab tab) {
        tab.page().evaluate("document.querySelector('main').append(document.createElement('button'))");
        assertThat(tab.findings("a button without a name"))
                .hasSize(2)
                .allMatch(finding -> finding.contains("button-name"));
    }

    @Test
    void nothingIsFoundOnAnEmptyPageAndItsDialogs(Tab tab) {
        List<String> found = new ArrayList<>();
        expect(tab.find("fake")).isVisible();
        found.addAll(tab.findings("a new chat"));
        tab.find("settings").click();
        expect(tab.dialog("Settings")).isVisible();
        found.addAll(tab.findings("settings"));
        tab.page().keyboard().press("Escape");
        tab.page().keyboard().press("Control+/");
        expect(tab.find("shortcuts")).isVisible();
        found.addAll(tab.findings("shortcuts"));
        tab.page().keyboard().press("Escape");
        tab.go("/chats/00000000-0000-7000-8000-000000000000");
        expect(tab.find("title")).hasText("This chat does not exist");
        found.addAll(tab.findings("a chat that is gone"));
        assertThat(found).isEmpty();
    }

    @Test
    void nothingIsFoundOnAConversation(Stage stage, Tab tab) throws Exception {
        List<String> found = new ArrayList<>();
        String chat = stage.chat("All that an answer can hold", "Show me everything", RICH);
        tab.go("/chats/" + chat);
        expect(tab.find("diagram").locator("img")).isVisible();
        expect(tab.page().locator(".katex").first()).isVisible();
        expect(tab.page().locator("[class^=hljs-]").first()).isVisible();
        tab.find("details-button").click();
        expect(tab.find("details")).isVisible();
        found.addAll(tab.findings("a conversation"));

        tab.find("edit-version").click();
        expect(tab.find("edit-field")).isFocused();
        found.addAll(tab.findings("editing a message"));
        tab.page().keyboard().press("Escape");

        tab.chooseFromMenu("Chat settings");
        expect(tab.find("instruction")).isVisible();
        found.addAll(tab.findings("chat settings"));
        tab.page().keyboard().press("Escape");
        tab.chooseFromMenu("Move to a folder");
        expect(tab.find("folder")).isVisible();
        found.addAll(tab.findings("moving to a folder"));
        tab.page().keyboard().press("Escape");
        tab.chooseFromMenu("Delete");
        expect(tab.find("confirm")).isVisible();
        found.addAll(tab.findings("a question before deleting"));
        tab.page().keyboard().press("Escape");
        tab.find("chat-menu")
                .getByRole(com.microsoft.playwright.options.AriaRole.BUTTON)
                .click();
        expect(tab.menuEntry("Print")).isVisible();
        found.addAll(tab.findings("the chat's menu"));
        tab.menuEntry("Print").click();
        expect(tab.find("print")).isEnabled();
        expect(tab.find("diagram").locator("img")).isVisible();
        found.addAll(tab.findings("the printable page"));
        assertThat(found).isEmpty();
    }

    @Test
    void nothingIsFoundWhileAnAnswerIsWrittenWaitsOrFails(Stage stage, Tab tab) {
        List<String> found = new ArrayList<>();
        tab.send("[[fake gate=axe at=12 size=1500]] Streaming under axe");
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        tab.awaitHeld("axe");
        tab.send("And a follow-up");
        expect(tab.answer("queued").getByTestId("status-line")).isVisible();
        found.addAll(tab.findings("an answer being written, with a follow-up"));
        stage.gemini().release("axe");
        expect(tab.answers("completed")).hasCount(2);

        tab.send("[[fake status=400]] Failing under axe");
        expect(tab.answer("failed")).isVisible();
        found.addAll(tab.findings("a failed answer"));
        tab.go("/");
        tab.send("[[fake status=503]] Retrying under axe");
        expect(tab.answer("retrying")).isVisible();
        found.addAll(tab.findings("a retrying answer"));
        tab.answer("retrying").getByTestId("cancel").click();
        expect(tab.answer("cancelled")).isVisible();
        tab.offline(true);
        expect(tab.find("health")).containsText("offline");
        tab.send("Unsent under axe");
        expect(tab.question("Unsent under axe").getByTestId("retry")).isVisible();
        found.addAll(tab.findings("offline, with a message that waits to be sent"));
        assertThat(found).isEmpty();
    }

    @Test
    void nothingIsFoundInSearchTemplatesArchiveAndOperations(Stage stage, Tab tab) throws Exception {
        List<String> found = new ArrayList<>();
        String chat = stage.chat("Archived under axe", "A zebrafinch among the words", "It sings.");
        tab.page()
                .request()
                .patch(
                        "/api/chats/" + chat,
                        com.microsoft.playwright.options.RequestOptions.create().setData(Map.of("archived", true)));
        stage.client()
                .post(
                        "/api/prompts",
                        Map.of(
                                "name",
                                "Axe letter",
                                "text",
                                "Dear {{name}}, {{tone}} {{day}} {{count}} {{body}}",
                                "variables",
                                List.of(
                                        Map.of("name", "name"),
                                        Map.of("name", "tone", "type", "choice", "choices", List.of("warm", "dry")),
                                        Map.of("name", "day", "type", "date"),
                                        Map.of("name", "count", "type", "number"),
                                        Map.of("name", "body", "type", "long"))));
        tab.go("/");
        tab.page().keyboard().press("Control+k");
        tab.find("palette-field").fill("zebrafinch");
        expect(tab.find("palette-entry").locator("mark")).isVisible();
        found.addAll(tab.findings("the palette with what was found"));
        tab.find("palette-field").fill("nothingwillmatchthis");
        expect(tab.find("palette-said")).containsText("Nothing");
        found.addAll(tab.findings("the palette with nothing found"));
        tab.page().keyboard().press("Escape");

        tab.composer().fill("/axe");
        expect(tab.find("slash-menu")).isVisible();
        found.addAll(tab.findings("templates in the composer"));
        tab.composer().fill("");
        tab.find("prompts").click();
        Locator template = tab.find("prompt-item").filter(new Locator.FilterOptions().setHasText("Axe letter"));
        expect(template).isVisible();
        found.addAll(tab.findings("the templates"));
        template.getByRole(com.microsoft.playwright.options.AriaRole.BUTTON)
                .first()
                .click();
        expect(tab.find("variable-body")).isVisible();
        found.addAll(tab.findings("filling in a template"));
        tab.button("All templates").click();
        tab.button("Edit “Axe letter”").click();
        expect(tab.find("choices-tone")).isVisible();
        found.addAll(tab.findings("editing a template"));
        tab.page().keyboard().press("Escape");

        tab.find("chats-view").selectOption("archived");
        expect(tab.listed("Archived under axe")).isVisible();
        found.addAll(tab.findings("the archive"));
        tab.go("/admin");
        expect(tab.find("key-group").first()).isVisible();
        found.addAll(tab.findings("operations"));
        assertThat(found).isEmpty();
    }

    @Test
    void nothingIsFoundOnAPhone(Stage stage, @Device(phone = true) Tab tab) {
        List<String> found = new ArrayList<>();
        expect(tab.composer()).isVisible();
        found.addAll(tab.findings("a new chat on a phone"));
        tab.go("/chats/" + stage.chat("On a phone", "Show me everything", RICH));
        expect(tab.find("diagram").locator("img")).isVisible();
        found.addAll(tab.findings("a conversation on a phone"));
        tab.find("drawer").click();
        expect(tab.find("new-chat")).isVisible();
        found.addAll(tab.findings("the list on a phone"));
        tab.find("settings").click();
        expect(tab.dialog("Settings")).isVisible();
        found.addAll(tab.findings("settings on a phone"));
        tab.go("/admin");
        expect(tab.find("key-group").first()).isVisible();
        found.addAll(tab.findings("operations on a phone"));
        assertThat(found).isEmpty();
    }

    @Test
    void theKeyboardIsEnoughToTalkAndToMoveAbout(Stage stage, Tab tab) {
        String other = stage.chat("Another chat for the keyboard", "Hello", "Hello.");
        expect(tab.composer()).isFocused();
        tab.page().keyboard().type("[[fake gate=keys at=12 size=1500]] Typed");
        tab.page().keyboard().press("Enter");
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        tab.awaitHeld("keys");
        String chat = tab.chatId();
        // Stop is some steps with Tab away from the composer, whichever way one goes.
        tab.tabTo(tab.answer("generating").getByTestId("cancel"));
        tab.page().keyboard().press("Enter");
        expect(tab.answer("cancelled")).isVisible();
        stage.gemini().release("keys");

        tab.page().keyboard().press("Control+k");
        expect(tab.find("palette-field")).isFocused();
        tab.page().keyboard().type("Another chat for the keyboard");
        expect(tab.find("palette-entry").first()).containsText("Another chat for the keyboard");
        tab.page().keyboard().press("Enter");
        expect(tab.find("title")).hasText("Another chat for the keyboard");
        assertThat(tab.chatId()).isEqualTo(other);
        expect(tab.composer()).isFocused();
        // The chat that was written in last is above.
        tab.page().keyboard().press("Alt+ArrowUp");
        expect(tab.answer("cancelled")).isVisible();
        assertThat(tab.chatId()).isEqualTo(chat);
        tab.page().keyboard().press("Alt+ArrowDown");
        expect(tab.find("title")).hasText("Another chat for the keyboard");
        tab.page().keyboard().press("Control+Shift+O");
        tab.page().waitForURL(url -> url.endsWith("/"));
        expect(tab.composer()).isFocused();
    }

    @Test
    void theMenuAndDialogsGiveTheFocusBack(Stage stage, Tab tab) {
        tab.go("/chats/" + stage.chat("Focus comes back", "Hello", "Hello."));
        Locator menu = tab.find("chat-menu").getByRole(com.microsoft.playwright.options.AriaRole.BUTTON);
        menu.focus();
        tab.page().keyboard().press("Enter");
        expect(tab.menuEntry("Chat settings")).isFocused();
        tab.page().keyboard().press("ArrowDown");
        expect(tab.menuEntry("Pin")).isFocused();
        tab.page().keyboard().press("End");
        expect(tab.menuEntry("Delete")).isFocused();
        tab.page().keyboard().press("Escape");
        expect(menu).isFocused();
        Locator settings = tab.find("settings");
        settings.focus();
        tab.page().keyboard().press("Enter");
        expect(tab.dialog("Settings")).isVisible();
        tab.page().keyboard().press("Escape");
        expect(tab.dialog("Settings")).hasCount(0);
        expect(settings).isFocused();
    }

    @Test
    void thePhonesListTakesTheFocusAndGivesItBack(@Device(phone = true) Tab tab) {
        tab.find("drawer").click();
        expect(tab.button("Close the chat list")).isFocused();
        tab.page().keyboard().press("Escape");
        expect(tab.find("drawer")).isFocused();
        expect(tab.find("new-chat")).not().isVisible();
    }

    @Test
    void whoListensHearsOfTheAnswerTwiceAndNotOfEachWord(Stage stage, Tab tab) {
        tab.send("[[fake short]] First");
        expect(tab.answer("completed")).isVisible();
        // The region that speaks, and not the answer that grows.
        tab.page()
                .evaluate("window.spoken = []; new MutationObserver(changes => { for (const { target } of changes) {"
                        + " const region = (target.parentElement ?? target).closest?.('[aria-live], [role=status], [role=alert], [role=log]')"
                        + " ?? (target.closest?.('[aria-live], [role=status], [role=alert], [role=log]') || null);"
                        + " if (region && region.textContent.trim() !== '') window.spoken.push(region.textContent.trim()) } })"
                        + ".observe(document.body, { subtree: true, childList: true, characterData: true })");
        tab.send("[[fake gate=spoken at=20 size=3000]] Speak");
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        tab.awaitHeld("spoken");
        stage.gemini().release("spoken");
        expect(tab.answers("completed")).hasCount(2);
        tab.await("window.spoken.includes('The answer is complete.')");
        @SuppressWarnings("unchecked")
        List<String> spoken = (List<String>) tab.page().evaluate("window.spoken");
        assertThat(spoken)
                .doesNotHaveDuplicates()
                .isSubsetOf("The answer is being written.", "The answer is complete.");
    }

    @Test
    void nothingMovesForThoseWhoWantNoMotion(Tab tab) {
        tab.page().emulateMedia(new Page.EmulateMediaOptions().setReducedMotion(ReducedMotion.NO_PREFERENCE));
        String longest = "Math.max(...[...document.querySelectorAll('*')].flatMap(element => {"
                + " const style = getComputedStyle(element);"
                + " return `${style.transitionDuration},${style.animationDuration}`.split(',').map(parseFloat) }))";
        assertThat(((Number) tab.page().evaluate(longest)).doubleValue()).isGreaterThan(0.05);
        tab.page().emulateMedia(new Page.EmulateMediaOptions().setReducedMotion(ReducedMotion.REDUCE));
        assertThat(((Number) tab.page().evaluate(longest)).doubleValue()).isLessThanOrEqualTo(0.001);
    }
}
