package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.APIResponse;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.ColorScheme;
import dev.parley.pipeline.message.Json;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The page as one likes it: looks, language, keys, and installed on a device. */
@ExtendWith(OnStage.class)
class ComfortIT {
    private static final String DARKNESS = "(() => { const canvas = document.createElement('canvas').getContext('2d');"
            + " canvas.fillStyle = getComputedStyle(document.body).backgroundColor; canvas.fillRect(0, 0, 1, 1);"
            + " return canvas.getImageData(0, 0, 1, 1).data[0] < 128 })()";

    private static void choose(Tab tab, String group, String value) {
        // What is clicked on is its label; the field itself is only there for those who do not see.
        tab.page()
                .locator("label:has(input[name=%s][value=%s])".formatted(group, value))
                .click();
    }

    private static double number(Tab tab, String expression) {
        return ((Number) tab.page().evaluate(expression)).doubleValue();
    }

    @Test
    void theThemeIsTheSystemsUntilAnotherIsChosenAndStays(Tab tab) {
        tab.page().emulateMedia(new Page.EmulateMediaOptions().setColorScheme(ColorScheme.LIGHT));
        tab.await("!" + DARKNESS);
        tab.page().emulateMedia(new Page.EmulateMediaOptions().setColorScheme(ColorScheme.DARK));
        tab.await(DARKNESS);
        tab.find("settings").click();
        choose(tab, "theme", "light");
        tab.await("!" + DARKNESS);
        Tab second = tab.another();
        second.page().emulateMedia(new Page.EmulateMediaOptions().setColorScheme(ColorScheme.DARK));
        second.await("!" + DARKNESS);
        choose(tab, "theme", "dark");
        second.page().emulateMedia(new Page.EmulateMediaOptions().setColorScheme(ColorScheme.LIGHT));
        second.await(DARKNESS);
        tab.page().reload();
        tab.await(DARKNESS);
    }

    @Test
    void theLanguageIsChangedAndStays(Tab tab) {
        expect(tab.find("new-chat")).hasText("New chat");
        tab.find("settings").click();
        tab.find("language").selectOption("ru");
        expect(tab.dialog("Настройки")).isVisible();
        expect(tab.find("new-chat")).hasText("Новый чат");
        expect(tab.page().locator("html")).hasAttribute("lang", "ru");
        tab.page().reload();
        expect(tab.find("new-chat")).hasText("Новый чат");
        tab.send("[[fake status=400]] По-русски");
        assertThat(tab.answer("failed").getByTestId("status-line").innerText()).containsPattern("[а-яё]{4}");
        tab.find("settings").click();
        tab.find("language").selectOption("en");
        expect(tab.find("new-chat")).hasText("New chat");
    }

    @Test
    void textSizeAndDensityAreFelt(Stage stage, Tab tab) {
        stage.chat("To be made dense", "Hello", "Hello.");
        tab.page().reload();
        expect(tab.listed("To be made dense")).isVisible();
        String row = "document.querySelector('[data-testid=chat-item] a').getBoundingClientRect().height";
        String size = "parseFloat(getComputedStyle(document.documentElement).fontSize)";
        double usualRow = number(tab, row);
        double usualSize = number(tab, size);
        tab.find("settings").click();
        choose(tab, "density", "compact");
        tab.page().waitForCondition(() -> number(tab, row) < usualRow);
        choose(tab, "textSize", "huge");
        tab.page().waitForCondition(() -> number(tab, size) > usualSize);
        tab.page().reload();
        expect(tab.listed("To be made dense")).isVisible();
        assertThat(number(tab, size)).isGreaterThan(usualSize);
    }

    @Test
    void theKeyThatSendsIsChosen(Tab tab) {
        tab.composer().fill("Two");
        tab.composer().press("Shift+Enter");
        expect(tab.composer()).hasValue("Two\n");
        tab.find("settings").click();
        choose(tab, "sendKey", "mod-enter");
        tab.page().keyboard().press("Escape");
        tab.composer().focus();
        tab.composer().press("End");
        tab.composer().pressSequentially("lines");
        tab.composer().press("Enter");
        expect(tab.composer()).hasValue("Two\nlines\n");
        tab.composer().press("Control+Enter");
        expect(tab.question("lines")).isVisible();
        expect(tab.answer("completed")).isVisible();
    }

    @Test
    void aSystemInstructionIsKeptForTheChat(Stage stage, Tab tab) throws Exception {
        tab.go("/chats/" + stage.chat("Instructed", "Hello", "Hello."));
        tab.chooseFromMenu("Chat settings");
        tab.find("instruction").fill("Answer in rhymes");
        tab.find("temperature").fill("0.4");
        tab.find("save-settings").click();
        expect(tab.find("instruction")).hasCount(0);
        JsonNode settings = stage.client().get("/api/chats/" + tab.chatId() + "/settings");
        assertThat(settings.get("systemInstruction").asText()).isEqualTo("Answer in rhymes");
        assertThat(settings.get("temperature").asDouble()).isEqualTo(0.4);
    }

    @Test
    void theShellIsInstallableAndOpensOffline(@Device(worker = true) Tab tab) throws IOException {
        String manifest = (String) tab.page().evaluate("document.querySelector('link[rel=manifest]').href");
        APIResponse response = tab.page().request().get(manifest);
        JsonNode content = Json.mapper().readTree(response.body());
        assertThat(content.get("display").asText()).isEqualTo("standalone");
        for (JsonNode icon : content.get("icons")) {
            assertThat(tab.page()
                            .request()
                            .get(icon.get("src").asText())
                            .headers()
                            .get("content-type"))
                    .startsWith("image/");
        }
        tab.page().evaluate("navigator.serviceWorker.ready.then(() => true)");
        tab.await("navigator.serviceWorker.controller !== null");
        tab.composer().fill("before the tunnel");
        tab.awaitKept("before the tunnel");
        tab.offline(true);
        tab.page().reload();
        expect(tab.composer()).hasValue("before the tunnel");
        expect(tab.find("health")).containsText("You are offline.");
        tab.find("send").click();
        expect(tab.question("before the tunnel").getByTestId("status-line")).containsText("Kept here.");
        tab.offline(false);
        expect(tab.answer("completed")).isVisible();
    }
}
