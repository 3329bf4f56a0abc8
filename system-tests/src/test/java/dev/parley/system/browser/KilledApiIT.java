package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.Locator;
import dev.parley.dev.net.FreePorts;
import dev.parley.local.client.ParleyClient;
import dev.parley.local.process.ServiceProcess;
import dev.parley.system.Installation;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The page while services die under it, in processes of their own. */
@ExtendWith(OnStage.class)
class KilledApiIT {
    @Test
    void withoutWorkersAMessageWaitsAndWithAKilledApiNothingIsLost(Stage stage) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + FreePorts.next());
        try (Installation parley = Installation.fresh()
                        .with("SERVER_PORT", Integer.toString(uri.getPort()))
                        .with("UI_FOLDER", Stage.builtPage().toString());
                Visit visit = new Visit(stage, uri, false, false)) {
            ServiceProcess api = parley.startApi();
            Tab tab = visit.tab();
            // Degraded: nobody is there to answer, which is said, and the message is taken all the same.
            expect(tab.find("health")).containsText("Nobody is answering right now.");
            tab.send("[[fake gate=killed at=12 size=1500]] Whatever dies");
            expect(tab.answer("queued").getByTestId("status-line")).containsText("as soon as a worker is back");
            parley.startWorker();
            expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
            tab.page().waitForCondition(() -> parley.gemini().held("killed") > 0);
            Locator answer = tab.page()
                    .locator("[data-testid=message][data-role=assistant]")
                    .first();
            String shown = answer.getByTestId("answer-text").innerText();

            api.kill();
            expect(tab.find("health")).containsText("Parley cannot be reached.");
            expect(answer.getByTestId("status-line")).containsText("The answer is being written all the same");
            // What was shown stays (the last words may have come after that), and what is written now is kept.
            assertThat(answer.getByTestId("answer-text").innerText()).startsWith(shown);
            tab.send("[[fake short]] Sent to nobody");
            Locator unsent = tab.question("Sent to nobody");
            expect(unsent.getByTestId("status-line")).isVisible();
            tab.composer().fill("and a draft");

            parley.startApi();
            // The message goes out by itself; the answer goes on where it was.
            expect(tab.answer("queued")).isVisible();
            expect(tab.find("health")).isEmpty();
            assertThat(answer.getByTestId("answer-text").innerText()).startsWith(shown);
            parley.gemini().release("killed");
            expect(tab.answers("completed")).hasCount(2);
            expect(tab.composer()).hasValue("and a draft");
            List<String> questions = new ArrayList<>();
            for (JsonNode message : new ParleyClient(uri)
                    .get("/api/chats/" + tab.chatId() + "/messages")
                    .get("items")) {
                if (message.get("role").asText().equals("user")) {
                    questions.add(message.get("content").asText());
                }
            }
            assertThat(questions)
                    .containsExactly(
                            "[[fake gate=killed at=12 size=1500]] Whatever dies", "[[fake short]] Sent to nobody");
            assertThat(visit.complaints()).isEmpty();
        }
    }
}
