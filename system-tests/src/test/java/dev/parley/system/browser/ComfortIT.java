package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.APIResponse;
import dev.parley.pipeline.message.Json;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The page as one likes it: looks, language, keys, and installed on a device. */
@ExtendWith(OnStage.class)
class ComfortIT {
    private static void choose(Tab tab, String group, String value) {
        // What is clicked on is its label; the field itself is only there for those who do not see.
        tab.page()
                .locator("label:has(input[name=%s][value=%s])".formatted(group, value))
                .click();
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
