package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Talking: what an answer looks like, and what can be done with it. */
@ExtendWith(OnStage.class)
class ConversationIT {
    private static final String CODE = "def mean(values):\n    return sum(values) / len(values)\n";

    @Test
    void anAnswerIsShownWhileItIsWritten(Stage stage, Tab tab) {
        tab.send("[[fake gate=stream at=3 size=1500]] Tell me about outboxes");
        Locator text = tab.answer("generating").getByTestId("answer-text");
        expect(text).not().isEmpty();
        tab.awaitHeld("stream");
        String half = text.innerText();
        expect(tab.answer("generating").getByTestId("status-line")).containsText("Writing");
        stage.gemini().release("stream");
        expect(tab.answer("completed")).isVisible();
        assertThat(tab.answer("completed").innerText().length()).isGreaterThan(half.length());
        expect(tab.find("title")).containsText("Tell me about outboxes");
        expect(tab.page().locator("nav [aria-current=page]")).containsText("Tell me about outboxes");
    }

    @Test
    void codeIsColouredAndCopied(Stage stage, Tab tab) {
        tab.go("/chats/" + stage.chat("Code", "Show code", "Here:\n\n```python\n" + CODE + "```\n"));
        expect(tab.page().locator(".code-block .hljs-keyword").first()).hasText("def");
        expect(tab.page().locator(".code-bar")).containsText("python");
        tab.button("Copy code").click();
        expect(tab.page().locator(".code-bar")).containsText("Copied");
        assertThat(tab.clipboard().strip()).isEqualTo(CODE.strip());
    }

    @Test
    void tablesAndFormulasAreSet(Stage stage, Tab tab) {
        tab.go("/chats/"
                + stage.chat(
                        "Set",
                        "Show a table and a formula",
                        "| a | b |\n|---|--:|\n| one | 2 |\n\nInline \\(x^2\\) and\n\n$$\n\\frac{1}{2}\n$$\n"));
        expect(tab.page().locator("td")).hasText(new String[] {"one", "2"});
        expect(tab.page().locator(".katex")).hasCount(2);
        expect(tab.page().locator(".katex .mfrac")).isVisible();
        assertThat(tab.page().locator("main").innerText()).doesNotContain("\\frac");
    }

    @Test
    void diagramsAreDrawnAndOnlyThenLoaded(Stage stage, Tab tab) {
        List<String> asked = new ArrayList<>();
        tab.page().onRequest(request -> asked.add(request.url()));
        tab.go("/chats/" + stage.chat("Plain", "No diagram", "None, only `code` and $x$."));
        expect(tab.answer("completed")).isVisible();
        assertThat(asked).noneMatch(url -> url.contains("mermaid") || url.contains("diagram-"));
        tab.go("/chats/" + stage.chat("Drawn", "A diagram", "```mermaid\ngraph LR\n  A --> B\n```\n"));
        Locator image = tab.find("diagram").locator("img");
        expect(image).isVisible();
        assertThat(((Number) image.evaluate("image => image.naturalWidth")).intValue())
                .isPositive();
        assertThat(asked).anyMatch(url -> url.contains("mermaid") || url.contains("diagram"));
        tab.page()
                .getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Source"))
                .click();
        expect(tab.find("diagram")).containsText("A --> B");
    }

    @Test
    void linksOpenSafelyAndImagesOnlyOnRequest(Stage stage, Tab tab) {
        List<String> asked = new ArrayList<>();
        tab.page().onRequest(request -> asked.add(request.url()));
        tab.go("/chats/"
                + stage.chat(
                        "Links",
                        "Links please",
                        "[here](https://example.org/page) [bad](javascript:alert(1)) [worse](data:text/html,x)"
                                + " ![a cat](https://example.org/cat.png)"));
        Locator link = tab.answer("completed").getByRole(AriaRole.LINK, new Locator.GetByRoleOptions().setName("here"));
        expect(link).hasAttribute("target", "_blank");
        expect(link).hasAttribute("rel", "noopener noreferrer nofollow");
        assertThat(tab.page()
                        .locator("main a[href^=javascript], main a[href^=data]")
                        .count())
                .isZero();
        expect(tab.answer("completed")).containsText("bad");
        expect(tab.button("Show the image “a cat”")).isVisible();
        assertThat(asked).noneMatch(url -> url.contains("example.org"));
    }

    @Test
    void aRunningAnswerIsStoppedAndTriedAgain(Stage stage, Tab tab) {
        tab.send("[[fake gate=stop at=12 size=1500 times=1]] Stop me");
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        tab.awaitHeld("stop");
        tab.answer("generating").getByTestId("cancel").click();
        expect(tab.answer("cancelled").getByTestId("status-line")).containsText("the text so far is kept");
        expect(tab.answer("cancelled").getByTestId("answer-text")).not().isEmpty();
        stage.gemini().release("stop");
        tab.page().reload();
        tab.answer("cancelled").getByTestId("retry").click();
        expect(tab.answer("completed")).isVisible();
        expect(tab.answers("completed")).hasCount(1);
    }

    @Test
    void theComposersButtonStopsWhatRuns(Stage stage, Tab tab) {
        tab.send("[[fake gate=composer-stop at=12 size=1500]] Stop me from below");
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        tab.find("stop").click();
        expect(tab.answer("cancelled")).isVisible();
        expect(tab.find("send")).isDisabled();
        stage.gemini().release("composer-stop");
    }

    @Test
    void anAnswerIsAskedForAgainAsAnotherVersion(Tab tab) {
        tab.send("Once more, please");
        expect(tab.answer("completed")).isVisible();
        String first = tab.answer("completed").getAttribute("data-id");
        tab.find("regenerate").click();
        expect(tab.answer("completed").getByTestId("versions")).containsText("2/2");
        String second = tab.answer("completed").getAttribute("data-id");
        assertThat(second).isNotEqualTo(first);
        tab.find("version-earlier").click();
        expect(tab.find("versions")).containsText("1/2");
        expect(tab.answer("completed")).hasAttribute("data-id", first);
        expect(tab.find("version-earlier")).isDisabled();
        tab.page().reload();
        expect(tab.find("versions")).containsText("1/2");
    }

    @Test
    void anEditedMessageIsABranchAndOneMovesBetweenThem(Tab tab) {
        tab.send("The first wording");
        expect(tab.answers("completed")).hasCount(1);
        edit(tab, "The first wording", "The second wording");
        expect(tab.question("The second wording").getByTestId("versions")).containsText("2/2");
        expect(tab.answer("completed")).containsText("The second wording");
        edit(tab, "The second wording", "The third wording");
        expect(tab.question("The third wording").getByTestId("versions")).containsText("3/3");
        expect(tab.answer("completed")).containsText("The third wording");

        tab.find("version-earlier").click();
        expect(tab.question("The second wording").getByTestId("versions")).containsText("2/3");
        expect(tab.answer("completed")).containsText("The second wording");
        tab.find("version-earlier").click();
        expect(tab.question("The first wording").getByTestId("versions")).containsText("1/3");
        tab.find("version-later").click();
        expect(tab.question("The second wording")).isVisible();
        // What follows hangs on the branch that is shown.
        tab.send("And further");
        expect(tab.answers("completed")).hasCount(2);
        tab.question("The second wording").getByTestId("version-later").click();
        expect(tab.question("The third wording")).isVisible();
        expect(tab.question("And further")).hasCount(0);
    }

    private static void edit(Tab tab, String before, String after) {
        tab.question(before).getByTestId("edit-version").click();
        tab.find("edit-field").fill(after);
        tab.find("save-edit").click();
    }

    @Test
    void aMessageIsDeletedWithWhatFollows(Tab tab) {
        tab.send("Stays");
        expect(tab.answers("completed")).hasCount(1);
        tab.send("Goes");
        expect(tab.answers("completed")).hasCount(2);
        tab.question("Goes").getByTestId("delete-message").click();
        tab.button("Keep it").click();
        expect(tab.question("Goes")).isVisible();
        tab.question("Goes").getByTestId("delete-message").click();
        tab.find("confirm").click();
        expect(tab.question("Goes")).hasCount(0);
        expect(tab.answers("completed")).hasCount(1);
        tab.page().reload();
        expect(tab.question("Stays")).isVisible();
        expect(tab.question("Goes")).hasCount(0);
    }

    @Test
    void messagesAreCopiedAsTheyWereWritten(Stage stage, Tab tab) {
        tab.go("/chats/" + stage.chat("Copied", "What I *asked*", "An **answer** with `code`"));
        tab.button("Copy this message").click();
        tab.page().waitForCondition(() -> tab.clipboard().equals("What I *asked*"));
        tab.button("Copy this answer").click();
        tab.page().waitForCondition(() -> tab.clipboard().equals("An **answer** with `code`"));
        tab.page().evaluate("navigator.clipboard.writeText('')");
        tab.page().keyboard().press("Control+Shift+;");
        tab.page().waitForCondition(() -> tab.clipboard().equals("An **answer** with `code`"));
    }

    @Test
    void theDetailsOfAnAnswerTellModelTimesTokensAndAttempts(Tab tab) {
        tab.send("[[fake short]] Details, please");
        expect(tab.answer("completed")).isVisible();
        expect(tab.find("details")).hasCount(0);
        tab.find("details-button").click();
        Locator details = tab.find("details");
        expect(details).containsText("gemini-3.8-flash");
        for (String fact : List.of("Asked", "Answered", "Took", "Attempts", "Tokens")) {
            expect(details.locator("dt", new Locator.LocatorOptions().setHasText(fact))
                            .first())
                    .isVisible();
        }
        expect(details).containsText("written");
        tab.find("details-button").click();
        expect(tab.find("details")).hasCount(0);
    }

    @Test
    void aConversationFitsAPhone(Stage stage, @Device(phone = true) Tab tab) {
        tab.send("Tell me on a phone, with a table and code");
        expect(tab.answer("completed")).isVisible();
        expect(tab.page().locator("table")).isVisible();
        assertThat((Boolean) tab.page().evaluate("document.documentElement.scrollWidth <= innerWidth"))
                .as("nothing makes the page wider than the phone")
                .isTrue();
        tab.find("drawer").click();
        tab.find("new-chat").click();
        tab.page().waitForURL(url -> url.endsWith("/"));
        expect(tab.find("new-chat")).not().isVisible();
        expect(tab.composer()).isInViewport();
    }
}
