package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What stands between browser and Parley: proxies that hold back event streams or refuse sockets, and the page's own policy. */
@ExtendWith(OnStage.class)
class LinesIT {
    private static final String EVENTS = "**/api/events?*";
    private static final String SOCKET = "**/api/ws";

    @Test
    void whereAProxyHoldsEventStreamsBackTheTextFlowsOverASocket(Stage stage, Tab tab) {
        AtomicInteger sockets = new AtomicInteger();
        tab.page().onWebSocket(socket -> sockets.incrementAndGet());
        // Taken, and never answered.
        tab.page().route(EVENTS, route -> {});
        tab.send("[[fake gate=lines at=12 size=1500]] Tell me about proxies");
        // The model has stopped in mid-answer: what is shown came live.
        tab.awaitHeld("lines");
        expect(tab.answer("generating").getByTestId("answer-text")).not().isEmpty();
        assertThat(sockets).hasValue(1);
        stage.gemini().release("lines");
        expect(tab.answer("completed")).isVisible();
        // The next chat takes the way that works, at once.
        tab.find("new-chat").click();
        tab.send("[[fake short]] And the next");
        expect(tab.answer("completed")).isVisible();
        assertThat(sockets).hasValue(2);
    }

    @Test
    void whereSocketsAreRefusedTooTheAnswerIsAskedFor(Tab tab) {
        tab.page().route(EVENTS, route -> route.abort());
        tab.page().routeWebSocket(SOCKET, socket -> socket.close());
        tab.send("[[fake short]] Is anybody there?");
        expect(tab.answer("completed")).isVisible();
        expect(tab.answer("completed").getByTestId("answer-text")).not().isEmpty();
    }

    @Test
    void formulasAndDiagramsAreDrawnUnderThePolicyOfThePage(Stage stage, Tab tab) {
        tab.go("/chats/" + stage.chat("Drawn", "Draw it", """
                The area is $$\\int_0^1 x^2\\,dx = \\tfrac13$$ and so on.

                ```mermaid
                flowchart LR
                  browser --> api --> worker
                ```
                """));
        expect(tab.page().locator("[data-testid=answer-text] .katex-html").first())
                .isVisible();
        Locator diagram = tab.find("diagram").locator("img");
        expect(diagram).isVisible();
        assertThat((Integer) diagram.evaluate("image => image.naturalWidth")).isPositive();
    }
}
