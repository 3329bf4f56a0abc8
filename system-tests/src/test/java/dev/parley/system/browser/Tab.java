package dev.parley.system.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import com.deque.html.axecore.playwright.AxeBuilder;
import com.deque.html.axecore.results.Rule;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.LocatorAssertions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.FilePayload;
import com.microsoft.playwright.options.ReducedMotion;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A tab with the page, in the words of somebody who uses it. */
final class Tab {
    private static final String ANSWERS = "[data-testid=message][data-role=assistant]";

    /** Enough to go through a page with some messages. */
    private static final int MOST_STEPS = 80;

    private final Stage stage;
    private final Visit visit;
    private final Page page;

    Tab(Stage stage, Visit visit, Page page) {
        this.stage = stage;
        this.visit = visit;
        this.page = page;
    }

    Page page() {
        return page;
    }

    BrowserContext context() {
        return visit.context();
    }

    /** Another tab of this browser, at the same place. */
    Tab another() {
        return visit.tab(path());
    }

    /** The same place at another device of this user. */
    Tab elsewhere() {
        return visit.elsewhere(path());
    }

    String path() {
        return java.net.URI.create(page.url()).getPath();
    }

    /** The id of the open chat, once it has been made. */
    String chatId() {
        page.waitForURL(url -> url.matches(".*/chats/[0-9a-f-]{36}.*"));
        return path().split("/")[2];
    }

    Tab go(String path) {
        page.navigate(path);
        // The page's script is loaded by then, but waits for the texts of its language: only now it hears keys.
        page.locator("#app > *").first().waitFor();
        return this;
    }

    void send(String text) {
        composer().fill(text);
        page.getByTestId("send").click();
    }

    Locator composer() {
        return page.getByTestId("composer");
    }

    Locator find(String testId) {
        return page.getByTestId(testId);
    }

    Locator button(String name) {
        return page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name));
    }

    Locator menuEntry(String name) {
        return page.getByRole(AriaRole.MENUITEM, new Page.GetByRoleOptions().setName(name));
    }

    Locator dialog(String name) {
        return page.getByRole(AriaRole.DIALOG, new Page.GetByRoleOptions().setName(name));
    }

    /** The last answer with this status. */
    Locator answer(String status) {
        return answers(status).last();
    }

    Locator answers(String status) {
        return page.locator(ANSWERS + "[data-status=" + status + "]");
    }

    Locator question(String text) {
        return page.locator("[data-testid=message][data-role=user]")
                .filter(new Locator.FilterOptions().setHasText(text));
    }

    /** An entry of the list at the side. */
    Locator listed(String title) {
        return page.getByTestId("chat-item").filter(new Locator.FilterOptions().setHasText(title));
    }

    /** Opens the menu of the open chat and chooses from it. */
    void chooseFromMenu(String entry) {
        page.getByTestId("chat-menu").getByRole(AriaRole.BUTTON).click();
        menuEntry(entry).click();
    }

    void offline(boolean offline) {
        visit.context().setOffline(offline);
    }

    /** The text on the clipboard. */
    String clipboard() {
        return (String) page.evaluate("navigator.clipboard.readText()");
    }

    void give(String testId, String name, String json) {
        page.getByTestId(testId)
                .setInputFiles(new FilePayload(name, "application/json", json.getBytes(StandardCharsets.UTF_8)));
    }

    static LocatorAssertions expect(Locator locator) {
        return assertThat(locator);
    }

    /** Waits until as many calls of the model are held at the gate. */
    void awaitHeld(String gate) {
        page.waitForCondition(() -> stage.gemini().held(gate) > 0);
    }

    /** Waits for an expression to be true; not waitForFunction, whose eval the page's policy rightly forbids. */
    void await(String expression) {
        page.waitForCondition(() -> (Boolean) page.evaluate(expression));
    }

    /** Waits until this browser keeps the text, whatever becomes of the tab. */
    void awaitKept(String text) {
        page.waitForCondition(() -> (Boolean)
                page.evaluate("text => Object.values(localStorage).some(value => value.includes(text))", text));
    }

    /** Moves the focus with the Tab key alone. */
    void tabTo(Locator goal) {
        for (int step = 0; step < MOST_STEPS; step++) {
            if ((Boolean) goal.evaluate("element => element === document.activeElement")) {
                return;
            }
            page.keyboard().press("Shift+Tab");
        }
        throw new AssertionError("the Tab key does not lead to " + goal);
    }

    /** What axe finds on the view, in light and in dark: a line for each finding, with the nodes. */
    List<String> findings(String view) {
        List<String> findings = new ArrayList<>();
        for (ColorScheme scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
            page.emulateMedia(
                    new Page.EmulateMediaOptions().setColorScheme(scheme).setReducedMotion(ReducedMotion.REDUCE));
            // Colours on their way from one theme to the other are not what is read.
            await("document.getAnimations().every(({ playState }) => playState === 'finished')");
            for (Rule rule : new AxeBuilder(page).setLegacyMode(true).analyze().getViolations()) {
                findings.add("%s, %s: %s (%s): %s"
                        .formatted(
                                view,
                                scheme,
                                rule.getId(),
                                rule.getHelp(),
                                rule.getNodes().stream()
                                        .map(node -> node.getHtml() + " " + node.getFailureSummary())
                                        .toList()));
            }
        }
        return findings;
    }
}
