package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.Media;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Chats leave as files and on paper, and come in from Parley, ChatGPT and Open WebUI. */
@ExtendWith(OnStage.class)
class TransferIT {
    private static String saved(Tab tab, String entry, String suffix) throws IOException {
        Download download = tab.page().waitForDownload(() -> tab.chooseFromMenu(entry));
        assertThat(download.suggestedFilename()).endsWith(suffix);
        return Files.readString(download.path());
    }

    private static void bringIn(Tab tab, String json, String title) {
        tab.find("settings").click();
        tab.give("import", "chats.json", json);
        expect(tab.dialog("Settings")).containsText("1 of 1 imported");
        tab.page().keyboard().press("Escape");
        tab.listed(title).first().getByRole(AriaRole.LINK).click();
        expect(tab.find("title")).hasText(title);
    }

    @Test
    void aChatIsSavedAsMarkdownAndAsAFileThatComesBackWithItsBranches(Stage stage, Tab tab) throws IOException {
        tab.go("/chats/" + stage.chat("Taken along", "The question", "The **answer**."));
        tab.find("regenerate").click();
        expect(tab.answer("completed").getByTestId("versions")).containsText("2/2");
        assertThat(saved(tab, "Save as Markdown", ".md")).contains("# Taken along", "The question");
        String file = saved(tab, "Save as a Parley file", ".json");
        assertThat(file).contains("parley-chat", "The **answer**.");
        bringIn(tab, file.replace("Taken along", "Brought back"), "Brought back");
        expect(tab.question("The question")).isVisible();
        expect(tab.answer("completed").getByTestId("versions")).containsText("2/2");
        tab.find("version-earlier").click();
        expect(tab.answer("completed").getByTestId("versions")).containsText("1/2");
        expect(tab.answer("completed").locator("strong")).hasText("answer");
    }

    @Test
    void aChatIsPrintedWithoutThePageAroundIt(Stage stage, Tab tab) {
        String chat = stage.chat("On paper", "The question", "The answer with `code`.");
        tab.go("/chats/" + chat);
        tab.chooseFromMenu("Print");
        expect(tab.find("print")).isEnabled();
        expect(tab.page().locator("article")).containsText("The answer with code.");
        tab.page().emulateMedia(new Page.EmulateMediaOptions().setMedia(Media.PRINT));
        expect(tab.find("print")).not().isVisible();
        expect(tab.find("new-chat")).not().isVisible();
        expect(tab.page().locator("article")).isVisible();
        assertThat(tab.page().pdf()).isNotEmpty();
        tab.page().emulateMedia(new Page.EmulateMediaOptions().setMedia(Media.SCREEN));
        tab.page()
                .getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName("Back to the chat"))
                .click();
        assertThat(tab.chatId()).isEqualTo(chat);
    }

    @Test
    void chatsOfChatGptComeInWithTheirBranches(Tab tab) {
        bringIn(tab, """
                [{"title": "From ChatGPT", "current_node": "d", "mapping": {
                  "root": {"id": "root", "message": null, "parent": null, "children": ["a"]},
                  "a": {"parent": "root", "children": ["b", "d"], "message":
                    {"author": {"role": "user"}, "create_time": 1700000000, "content": {"content_type": "text", "parts": ["Why?"]}}},
                  "b": {"parent": "a", "children": [], "message":
                    {"author": {"role": "assistant"}, "content": {"parts": ["The first reason."]}, "metadata": {"model_slug": "gpt-4"}}},
                  "d": {"parent": "a", "children": [], "message":
                    {"author": {"role": "assistant"}, "content": {"parts": ["The second reason."]}, "metadata": {"model_slug": "gpt-4"}}}
                }}]
                """, "From ChatGPT");
        expect(tab.question("Why?")).isVisible();
        Locator answer = tab.answer("completed");
        expect(answer).containsText("The second reason.");
        expect(answer).containsText("gpt-4");
        expect(answer.getByTestId("versions")).containsText("2/2");
        tab.find("version-earlier").click();
        expect(answer).containsText("The first reason.");
    }

    @Test
    void chatsOfOpenWebUiComeIn(Tab tab) {
        bringIn(tab, """
                [{"id": "x", "title": "outer", "chat": {"title": "From Open WebUI", "history": {"currentId": "b", "messages": {
                  "a": {"id": "a", "parentId": null, "childrenIds": ["b"], "role": "user", "content": "How?", "timestamp": 1700000000},
                  "b": {"id": "b", "parentId": "a", "childrenIds": [], "role": "assistant", "content": "Like *this*.", "model": "llama"}
                }}}}]
                """, "From Open WebUI");
        expect(tab.question("How?")).isVisible();
        expect(tab.answer("completed").locator("em")).hasText("this");
        // It goes on here as any other chat does.
        tab.send("[[fake short]] Go on");
        expect(tab.answers("completed")).hasCount(2);
    }
}
