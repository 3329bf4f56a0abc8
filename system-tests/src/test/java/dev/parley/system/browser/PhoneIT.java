package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.options.AriaRole;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What one does with the page, on a phone: by touch, without a pointer that hovers, and with the list in a drawer. */
@ExtendWith(OnStage.class)
class PhoneIT {
    private static void assertFits(Tab tab) {
        assertThat((Boolean) tab.page().evaluate("document.documentElement.scrollWidth <= innerWidth"))
                .as("nothing makes the page wider than the phone")
                .isTrue();
    }

    @Test
    void anAnswerIsFollowedOverAReloadStoppedAndTriedAgain(Stage stage, @Device(phone = true) Tab tab) {
        tab.send("[[fake gate=phone at=12 size=3000 times=1]] Tell me on the way");
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        tab.awaitHeld("phone");
        tab.page().reload();
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        assertFits(tab);
        tab.find("stop").tap();
        expect(tab.answer("cancelled").getByTestId("status-line")).containsText("the text so far is kept");
        stage.gemini().release("phone");
        tab.answer("cancelled").getByTestId("retry").tap();
        expect(tab.answer("completed")).isVisible();
        assertFits(tab);
    }

    @Test
    void aMessageIsEditedAsABranchAndAnAnswerAskedForAgain(@Device(phone = true) Tab tab) {
        tab.send("The first wording");
        expect(tab.answer("completed")).isVisible();
        tab.question("The first wording").getByTestId("edit-version").tap();
        tab.find("edit-field").fill("The second wording");
        assertFits(tab);
        tab.find("save-edit").tap();
        expect(tab.question("The second wording").getByTestId("versions")).containsText("2/2");
        expect(tab.answer("completed")).containsText("The second wording");
        tab.find("version-earlier").tap();
        expect(tab.question("The first wording")).isVisible();
        tab.find("regenerate").tap();
        expect(tab.answer("completed").getByTestId("versions")).containsText("2/2");
        tab.find("details-button").tap();
        expect(tab.find("details")).isVisible();
        assertFits(tab);
    }

    @Test
    void whatOneWaitsForSaysWhyAndCountsDown(@Device(phone = true) Tab tab) {
        tab.send("[[fake status=503]] Busy");
        Locator line = tab.answer("retrying").getByTestId("status-line");
        expect(line).containsText("Attempt 2 of 2");
        expect(line.getByTestId("wait")).isVisible();
        String seen = line.locator("p").first().innerText();
        expect(line.locator("p").first()).not().hasText(seen);
        assertFits(tab);
        line.getByTestId("cancel").tap();
        expect(tab.answer("cancelled")).isVisible();
    }

    @Test
    void anAnswerWithoutQuotaCountsDownAndComesByItself(@Device(phone = true) Tab tab) {
        tab.find("model").selectOption(Stage.OTHER_MODEL);
        // Both keys of the fake are told to wait.
        tab.send("[[fake status=429 quota=minute retry=8s times=2]] Please, on the way");
        Locator line = tab.answer("queued").getByTestId("status-line");
        expect(line).containsText("Waits for its turn under the quota");
        expect(line.getByTestId("wait")).isVisible();
        assertFits(tab);
        expect(tab.answer("completed")).isVisible();
    }

    @Test
    void offlineWhatIsSentIsKeptAndGoesOutOnce(@Device(phone = true) Tab tab) {
        tab.send("Before the tunnel");
        expect(tab.answer("completed")).isVisible();
        tab.offline(true);
        tab.send("In the tunnel");
        expect(tab.question("In the tunnel").getByTestId("status-line")).containsText("Kept here.");
        assertFits(tab);
        tab.offline(false);
        expect(tab.answers("completed")).hasCount(2);
        expect(tab.question("In the tunnel")).hasCount(1);
    }

    @Test
    void chatsAreFoundRenamedAndPinnedInTheDrawer(Stage stage, @Device(phone = true) Tab tab) {
        String chat = stage.chat("Of the axolotl", "Who smiles?", "The axolotl does.");
        tab.find("drawer").tap();
        tab.find("search").tap();
        tab.find("palette-field").fill("axolotl");
        tab.find("palette-entry")
                .filter(new Locator.FilterOptions().setHasText("Of the axolotl"))
                .first()
                .tap();
        tab.page().waitForURL(url -> url.contains(chat));
        expect(tab.answer("completed")).containsText("axolotl");
        assertFits(tab);
        tab.chooseFromMenu("Pin");
        tab.find("drawer").tap();
        expect(tab.find("pinned")).containsText("Of the axolotl");
        tab.listed("Of the axolotl").tap();
        expect(tab.find("new-chat")).not().isVisible();
    }

    @Test
    void aTemplateIsFilledIn(Stage stage, @Device(phone = true) Tab tab) throws Exception {
        stage.client()
                .post(
                        "/api/prompts",
                        Map.of(
                                "name",
                                "Pocket",
                                "text",
                                "Explain {{what}}",
                                "variables",
                                List.of(Map.of("name", "what", "label", "The pocket thing"))));
        tab.composer().fill("/pocket");
        tab.find("slash-menu").getByRole(AriaRole.OPTION).first().tap();
        tab.page().getByLabel("The pocket thing").fill("compasses");
        assertFits(tab);
        tab.find("send-prompt").tap();
        expect(tab.question("Explain compasses")).isVisible();
        expect(tab.answer("completed")).containsText("Explain compasses");
    }

    @Test
    void settingsAreReachedAndChanged(@Device(phone = true) Tab tab) {
        tab.find("drawer").tap();
        tab.find("settings").tap();
        tab.find("language").selectOption("ru");
        expect(tab.dialog("Настройки")).isVisible();
        assertFits(tab);
        tab.page().keyboard().press("Escape");
        expect(tab.dialog("Настройки")).hasCount(0);
        tab.page().reload();
        expect(tab.page().locator("html")).hasAttribute("lang", "ru");
        assertFits(tab);
    }
}
