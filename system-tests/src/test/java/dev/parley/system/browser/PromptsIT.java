package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.options.AriaRole;
import dev.parley.pipeline.message.Json;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Prompt templates: made, found, filled in, sent, and carried elsewhere. */
@ExtendWith(OnStage.class)
class PromptsIT {
    private static Locator template(Tab tab, String name) {
        return tab.find("prompt-item").filter(new Locator.FilterOptions().setHasText(name));
    }

    private static void save(Stage stage, String name, String text, Object... variables) throws Exception {
        stage.client().post("/api/prompts", Map.of("name", name, "text", text, "variables", List.of(variables)));
    }

    @Test
    void aTemplateIsMadeWithVariablesOfAllTypesAndFilledIn(Tab tab) {
        tab.find("prompts").click();
        tab.find("new-prompt").click();
        tab.find("prompt-name").fill("Invitation");
        tab.find("prompt-text").fill("Invite {{guest}} on {{day}}, table {{table}}, {{tone}}: {{body}}");
        expect(tab.find("variable")).hasCount(5);
        tab.find("type-day").selectOption("date");
        tab.find("type-table").selectOption("number");
        tab.find("type-body").selectOption("long");
        tab.find("type-tone").selectOption("choice");
        tab.find("choices-tone").fill("warm\ndry");
        tab.find("choices-tone").blur();
        // A draft of the editor survives, as everything that is typed does.
        tab.awaitKept("Invite {{guest}}");
        tab.find("save-prompt").click();
        template(tab, "Invitation").getByRole(AriaRole.BUTTON).first().click();
        expect(tab.find("insert-prompt")).isDisabled();
        expect(tab.find("variable-day")).hasAttribute("type", "date");
        expect(tab.find("variable-table")).hasAttribute("type", "number");
        tab.find("variable-guest").fill("Ada");
        tab.find("variable-day").fill("2030-01-02");
        tab.find("variable-table").fill("7");
        tab.find("variable-tone").selectOption("dry");
        tab.find("variable-body").fill("line one\nline two");
        tab.find("insert-prompt").click();
        expect(tab.composer()).hasValue("Invite Ada on 2030-01-02, table 7, dry: line one\nline two");
    }

    @Test
    void aSlashInTheComposerOffersTemplatesAndTheirForm(Stage stage, Tab tab) throws Exception {
        save(stage, "Sextant plain", "A text without parts");
        save(stage, "Sextant with a part", "Explain {{what}}", Map.of("name", "what", "label", "The thing"));
        tab.composer().fill("Keep this\n/sextant");
        expect(tab.find("slash-menu").getByRole(AriaRole.OPTION)).hasCount(2);
        tab.composer().press("Escape");
        expect(tab.find("slash-menu")).hasCount(0);
        tab.composer().fill("Keep this\n/sextan");
        Locator plain = tab.find("slash-menu")
                .getByRole(AriaRole.OPTION)
                .filter(new Locator.FilterOptions().setHasText("without parts"));
        plain.click();
        expect(tab.composer()).hasValue("Keep this\n\nA text without parts");

        tab.composer().fill("/part");
        expect(tab.find("slash-menu")).containsText("Sextant with a part");
        tab.composer().press("Enter");
        tab.page().getByLabel("The thing").fill("sextants");
        tab.find("send-prompt").click();
        expect(tab.question("Explain sextants")).isVisible();
        expect(tab.answer("completed")).containsText("Explain sextants");
    }

    @Test
    void aTemplateIsMadeOfAMessageFoundEditedAndDeleted(Stage stage, Tab tab) {
        tab.go("/chats/" + stage.chat("With something to keep", "Summarise the barometer log", "Done."));
        tab.find("to-template").click();
        expect(tab.find("prompt-text")).hasValue("Summarise the barometer log");
        tab.find("prompt-name").fill("Barometer");
        tab.find("save-prompt").click();
        tab.find("prompt-search").fill("barometer log");
        expect(tab.find("prompt-item")).hasCount(1);
        tab.button("Edit “Barometer”").click();
        tab.find("prompt-text").fill("Summarise the {{which}} log");
        tab.find("save-prompt").click();
        tab.button("Edit “Barometer”").click();
        expect(tab.find("variable")).hasCount(1);
        tab.button("All templates").click();
        tab.button("Delete “Barometer”").click();
        tab.find("confirm").click();
        expect(template(tab, "Barometer")).hasCount(0);
    }

    @Test
    void templatesAreExportedAndTakenInAgain(Stage stage, Tab tab) throws Exception {
        save(
                stage,
                "Carried",
                "Carry {{load}}",
                Map.of("name", "load", "type", "choice", "choices", List.of("one", "two")));
        tab.find("prompts").click();
        expect(template(tab, "Carried")).isVisible();
        Download download =
                tab.page().waitForDownload(() -> tab.find("export-prompts").click());
        assertThat(download.suggestedFilename()).endsWith(".json");
        JsonNode file = Json.mapper().readTree(Files.readString(download.path()));
        assertThat(file.get("prompts"))
                .anySatisfy(prompt ->
                        assertThat(prompt.at("/variables/0/choices/1").asText()).isEqualTo("two"));
        tab.give("prompt-file", "prompts.json", file.toString());
        expect(tab.find("prompts-said")).containsText("0 templates taken in");
        tab.give("prompt-file", "prompts.json", file.toString().replace("Carried", "Carried over"));
        expect(template(tab, "Carried over")).isVisible();
        tab.give("prompt-file", "prompts.json", "{}");
        expect(tab.find("prompts-said")).containsText("not a file of Parley templates");
    }
}
