package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.microsoft.playwright.APIResponse;
import com.microsoft.playwright.Locator;
import dev.parley.pipeline.message.Json;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What users, models and files write is never run, wherever it is shown. A dialog, a thrown error or a breach of the policy
 * fails every test by itself, see {@link Visit}: what is asked for here must not even be tried.
 */
@ExtendWith(OnStage.class)
class HostileIT {
    private static final String ATTACK =
            "<img src=x onerror=\"window.broken=1\"><script>window.broken=1</script><svg onload=\"window.broken=1\"></svg>"
                    + "<iframe srcdoc=\"<script>parent.broken=1</script>\"></iframe> [x](javascript:window.broken=1)"
                    + " <a href=\"javascript:window.broken=1\">y</a> ![z](javascript:window.broken=1)"
                    + " \\(\\href{javascript:window.broken=1}{m}\\) {{constructor.constructor('window.broken=1')()}} wombat";
    private static final String DIAGRAM =
            "```mermaid\ngraph LR\n  A[\"<img src=x onerror=window.broken=1>\"] --> B\n  click A \"javascript:window.broken=1\"\n```\n";

    private static void assertUnharmed(Tab tab) {
        assertThat(tab.page().evaluate("window.broken === undefined")).isEqualTo(true);
        assertThat(tab.page()
                        .locator("script:not([src]), iframe, [onerror], [onload], [href^='javascript:' i], [src='x']")
                        .count())
                .isZero();
    }

    @Test
    void thePageHasAStrictPolicy(Tab tab) {
        APIResponse response = tab.page().request().get("/");
        assertThat(response.headers().get("content-security-policy"))
                .contains("default-src 'none'", "script-src 'self';")
                .doesNotContain("'unsafe-eval'")
                .doesNotContainPattern("script-src[^;]*unsafe-inline");
    }

    @Test
    void inMessagesAnswersAndTitles(Stage stage, Tab tab) {
        String chat = stage.chat(ATTACK.substring(0, 150), ATTACK, ATTACK + "\n\n" + DIAGRAM);
        tab.go("/chats/" + chat);
        expect(tab.find("title")).containsText("<img src=x");
        expect(tab.question("<script>")).isVisible();
        expect(tab.find("diagram").locator("img, pre").first()).isVisible();
        expect(tab.page().locator(".katex, .math-error").first()).isVisible();
        assertUnharmed(tab);
        tab.page().keyboard().press("Control+k");
        tab.find("palette-field").fill("wombat");
        expect(tab.find("palette-entry").locator("mark").first()).isVisible();
        assertUnharmed(tab);
        tab.page().keyboard().press("Escape");
        tab.chooseFromMenu("Print");
        expect(tab.find("print")).isEnabled();
        assertUnharmed(tab);
    }

    @Test
    void whileAnAnswerIsWritten(Stage stage, Tab tab) {
        // The fake quotes what it was asked.
        tab.send("[[fake chunks=60]] " + ATTACK);
        expect(tab.answer("completed")).isVisible();
        assertUnharmed(tab);
    }

    @Test
    void inTemplates(Stage stage, Tab tab) throws Exception {
        stage.client()
                .post(
                        "/api/prompts",
                        Map.of(
                                "name", "Hostile " + ATTACK.substring(0, 100),
                                "text", ATTACK.replace("{{", "{ {") + " {{part}}",
                                "variables", List.of(Map.of("name", "part", "label", "<img src=x onerror=alert(1)>"))));
        tab.go("/");
        tab.composer().fill("/hostile");
        expect(tab.find("slash-menu")).containsText("<img src=x");
        assertUnharmed(tab);
        tab.page().keyboard().press("Enter");
        tab.find("variable-part").fill("<script>window.broken=1</script>");
        assertUnharmed(tab);
        tab.find("insert-prompt").click();
        expect(tab.composer()).hasValue(java.util.regex.Pattern.compile("<script>window\\.broken=1</script>$"));
        assertUnharmed(tab);
    }

    @Test
    void inImportedFiles(Stage stage, Tab tab) throws JsonProcessingException {
        String file = Json.mapper()
                .writeValueAsString(List.of(Map.of(
                        "title",
                        "Imported <b onmouseover=alert(1)>bold</b>",
                        "current_node",
                        "b",
                        "mapping",
                        Map.of(
                                "a",
                                node("user", ATTACK, null, "b"),
                                "b",
                                node("assistant", ATTACK + "\n\n" + DIAGRAM, "a")))));
        tab.find("settings").click();
        tab.give("import", "conversations.json", file);
        expect(tab.dialog("Settings")).containsText("1 of 1 imported");
        tab.page().keyboard().press("Escape");
        Locator listed = tab.listed("Imported <b onmouseover").first();
        listed.getByRole(com.microsoft.playwright.options.AriaRole.LINK).click();
        expect(tab.question("<script>")).isVisible();
        expect(tab.find("diagram").locator("img, pre").first()).isVisible();
        assertUnharmed(tab);
    }

    /** One message as ChatGPT writes it. */
    private static Map<String, Object> node(String role, String text, String parent, String... children) {
        Map<String, Object> node = new java.util.HashMap<>(Map.of(
                "children",
                List.of(children),
                "message",
                Map.of("author", Map.of("role", role), "content", Map.of("parts", List.of(text)))));
        if (parent != null) {
            node.put("parent", parent);
        }
        return node;
    }

    @Test
    void whatIsNoFileOfChatsIsRefusedInWords(Tab tab) {
        tab.find("settings").click();
        for (String file : List.of("<script>alert(1)</script>", "{\"__proto__\": {\"broken\": 1}}", "[]", "null")) {
            tab.give("import", "chats.json", file);
            expect(tab.dialog("Settings").getByRole(com.microsoft.playwright.options.AriaRole.ALERT))
                    .containsText("none of Parley, ChatGPT or Open WebUI");
        }
        assertThat(tab.page().evaluate("({}).broken === undefined")).isEqualTo(true);
    }
}
