package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Finding things again: search, order in the list, the palette and the keys. */
@ExtendWith(OnStage.class)
class FindingIT {
    private static Locator heading(Tab tab, String name) {
        return tab.page()
                .getByRole(AriaRole.NAVIGATION)
                .getByRole(
                        AriaRole.HEADING,
                        new Locator.GetByRoleOptions().setName(name).setExact(true));
    }

    @Test
    void wordsAreFoundInAllMessagesAndLeadToThePlace(Stage stage, Tab tab) {
        String[] messages = new String[120];
        for (int i = 0; i < messages.length; i++) {
            messages[i] = "Message " + i + " of a long talk.\n\nIt has a second paragraph too.";
        }
        messages[1] = "Here the quokka is mentioned, far above the end.";
        String chat = stage.chat("About marsupials", messages);
        tab.find("search").click();
        tab.find("palette-field").fill("quokkas");
        Locator hit = tab.find("palette-entry").filter(new Locator.FilterOptions().setHasText("About marsupials"));
        expect(hit.locator("mark")).hasText("quokka");
        hit.click();
        tab.page().waitForURL(url -> url.contains(chat) && url.contains("message="));
        expect(tab.answers("completed").filter(new Locator.FilterOptions().setHasText("quokka")))
                .isInViewport();
        assertThat(tab.page().locator("[data-testid=message]").count())
                .as("only what is near is in the document")
                .isLessThan(60);
    }

    @Test
    void chatsArePinnedRenamedAndArchived(Stage stage, Tab tab) {
        String chat = stage.chat("Before the rename", "Hello", "Hello.");
        tab.go("/chats/" + chat);
        expect(tab.listed("Before the rename")).isVisible();
        tab.listed("Before the rename").hover();
        tab.button("Rename “Before the rename”").click();
        Locator field =
                tab.page().getByRole(AriaRole.TEXTBOX, new Page.GetByRoleOptions().setName("Title of the chat"));
        field.fill("After the rename");
        field.press("Enter");
        expect(tab.listed("After the rename")).isVisible();
        expect(tab.find("title")).hasText("After the rename");

        tab.chooseFromMenu("Pin");
        expect(tab.find("pinned")).containsText("After the rename");
        tab.page().reload();
        expect(tab.find("pinned")).containsText("After the rename");
        tab.chooseFromMenu("Unpin");
        expect(tab.find("pinned").filter(new Locator.FilterOptions().setHasText("After the rename")))
                .hasCount(0);
        expect(tab.listed("After the rename")).isVisible();

        tab.chooseFromMenu("Archive");
        expect(tab.listed("After the rename")).hasCount(0);
        tab.find("chats-view").selectOption("archived");
        expect(tab.listed("After the rename")).isVisible();
        tab.chooseFromMenu("Bring back from the archive");
        expect(tab.listed("After the rename")).hasCount(0);
        tab.find("chats-view").selectOption("all");
        expect(tab.listed("After the rename")).isVisible();
    }

    @Test
    void chatsAreDeletedAfterAQuestion(Stage stage, Tab tab) {
        String chat = stage.chat("To be deleted", "Hello", "Hello.");
        tab.go("/chats/" + chat);
        tab.chooseFromMenu("Delete");
        tab.button("Keep it").click();
        expect(tab.listed("To be deleted")).isVisible();
        tab.chooseFromMenu("Delete");
        tab.find("confirm").click();
        expect(tab.listed("To be deleted")).hasCount(0);
        tab.go("/chats/" + chat);
        expect(tab.find("title")).hasText("This chat does not exist");
    }

    @Test
    void chatsAreKeptInFolders(Stage stage, Tab tab) {
        String chat = stage.chat("For the folder", "Hello", "Hello.");
        tab.go("/chats/" + chat);
        tab.chooseFromMenu("Move to a folder");
        tab.find("folder").fill("Garden");
        tab.find("folder").press("Enter");
        Locator view = tab.find("chats-view");
        expect(view.locator("option", new Locator.LocatorOptions().setHasText("Garden")))
                .hasText("Garden (1)");
        view.selectOption("folder:Garden");
        expect(tab.find("chat-item")).hasCount(1);
        expect(tab.listed("For the folder")).isVisible();
        tab.chooseFromMenu("Move to a folder");
        tab.button("Out of the folder").click();
        expect(tab.listed("For the folder")).hasCount(0);
    }

    @Test
    void chatsAreGroupedByTheDayTheyWereWrittenIn(Stage stage, Tab tab) {
        stage.chat("Of some day", "Hello", "Hello.");
        tab.page().reload();
        expect(heading(tab, "Today")).isVisible();
        for (Map.Entry<Integer, String> later :
                Map.of(1, "Yesterday", 4, "Last 7 days", 20, "Last 30 days").entrySet()) {
            tab.page().clock().setFixedTime(Date.from(Instant.now().plus(Duration.ofDays(later.getKey()))));
            tab.page().reload();
            expect(heading(tab, later.getValue())).isVisible();
            expect(heading(tab, "Today")).hasCount(0);
        }
    }

    @Test
    void theListGoesOnAsOneScrolls(Stage stage, Tab tab) throws Exception {
        String oldest = stage.chat("The oldest of many", "Hello", "Hello.");
        for (int i = 0; i < 60; i++) {
            stage.client().post("/api/chats", Map.of("title", "One of many, " + i));
        }
        tab.page().reload();
        expect(tab.listed("One of many, 59")).isVisible();
        Locator last = tab.page().locator("[data-testid=chat-item][data-id='" + oldest + "']");
        assertThat(last.count()).as("not on the first page").isZero();
        tab.find("chat-item").last().scrollIntoViewIfNeeded();
        tab.page().waitForCondition(() -> {
            tab.find("chat-item").last().scrollIntoViewIfNeeded();
            return last.count() == 1;
        });
    }

    @Test
    void thePaletteRunsCommands(Tab tab) {
        tab.page().keyboard().press("Control+k");
        tab.find("palette-field").fill("dark");
        expect(tab.find("palette-entry").first()).containsText("Dark theme");
        tab.page().keyboard().press("Enter");
        expect(tab.page().locator("html")).hasAttribute("data-theme", "dark");
        expect(tab.find("palette")).hasCount(0);
        tab.page().keyboard().press("Control+k");
        tab.find("palette-field").fill("operations");
        tab.page().keyboard().press("Enter");
        tab.page().waitForURL(url -> url.endsWith("/admin"));
        expect(tab.find("workers")).isVisible();
    }

    @Test
    void theSheetOfShortcutsTellsTheTruth(Tab tab) {
        tab.page().keyboard().press("Control+/");
        expect(tab.find("shortcuts")).containsText("New chat");
        expect(tab.find("shortcuts").locator("dt")).hasCount(8);
        tab.page().keyboard().press("Escape");
        expect(tab.find("shortcuts")).hasCount(0);
        tab.page().keyboard().press("Control+,");
        expect(tab.dialog("Settings")).isVisible();
        tab.page().keyboard().press("Escape");
        tab.composer().blur();
        tab.page().keyboard().press("/");
        expect(tab.composer()).isFocused();
        expect(tab.composer()).hasValue("");
    }
}
