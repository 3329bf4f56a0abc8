package dev.parley.system.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.assertions.LocatorAssertions;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import dev.parley.local.LocalParley;
import dev.parley.local.client.ParleyClient;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stands between browser and Parley: proxies that hold back event streams or refuse sockets, and the page's own policy. */
class LinesIT {
    private static final Path ROOT =
            Path.of(System.getProperty("parley.root", "..")).toAbsolutePath().normalize();
    /** Slow, shared cores. */
    private static final double PATIENCE_MILLIS = 60_000;

    private static final String EVENTS = "**/api/events?*";
    private static final String SOCKET = "**/api/ws";

    @TempDir
    static Path data;

    private static LocalParley parley;
    private static Playwright playwright;
    private static Browser browser;

    private BrowserContext context;
    private Page page;
    private final List<String> complaints = new ArrayList<>();
    private final AtomicInteger sockets = new AtomicInteger();

    @BeforeAll
    static void start() {
        parley = LocalParley.open(Map.of(
                "PARLEY_DATA", data.toString(),
                "PARLEY_FAKE", "chunk=5ms",
                "UI_FOLDER", ROOT.resolve("ui").resolve("dist").toString(),
                "SERVER_PORT", "0",
                "OBSERVE_PORT", "0"));
        playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        browser = playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(chromium())
                        .setArgs(List.of(
                                "--headless",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-quic",
                                "--no-first-run",
                                "--disable-background-networking",
                                "--disable-component-update",
                                "--disable-sync")));
        PlaywrightAssertions.setDefaultAssertionTimeout(PATIENCE_MILLIS);
    }

    private static Path chromium() {
        return Stream.of(System.getenv("PATH").split(":"))
                .flatMap(folder -> Stream.of("chromium", "chromium-browser", "google-chrome")
                        .map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no Chromium on the PATH: apt-get install chromium"));
    }

    @AfterAll
    static void stop() {
        if (browser != null) {
            browser.close();
            playwright.close();
        }
        if (parley != null) {
            parley.close();
        }
    }

    @BeforeEach
    void open() {
        context = browser.newContext();
        context.setDefaultTimeout(PATIENCE_MILLIS);
        page = context.newPage();
        page.onPageError(complaints::add);
        page.onConsoleMessage(message -> {
            if (message.text().contains("Content Security Policy")) {
                complaints.add(message.text());
            }
        });
        page.onWebSocket(socket -> sockets.incrementAndGet());
    }

    @AfterEach
    void close() {
        context.close();
        assertThat(complaints).isEmpty();
    }

    private String address() {
        return "http://127.0.0.1:" + parley.port();
    }

    private void send(String text) {
        page.getByTestId("composer").fill(text);
        page.getByTestId("send").click();
    }

    private Locator answer(String status) {
        return page.locator("[data-testid=message][data-role=assistant][data-status=" + status + "]")
                .last();
    }

    private static LocatorAssertions expect(Locator locator) {
        return assertThat(locator);
    }

    @Test
    void whereAProxyHoldsEventStreamsBackTheTextFlowsOverASocket() {
        // Taken, and never answered.
        page.route(EVENTS, route -> {});
        page.navigate(address());
        send("[[fake gate=socket at=12 size=1500]] Tell me about proxies");
        // The model has stopped in mid-answer: what is shown came live.
        page.waitForCondition(() -> parley.fake().orElseThrow().held("socket") > 0);
        expect(answer("generating").getByTestId("answer-text")).not().isEmpty();
        assertThat(sockets).hasValue(1);
        parley.fake().orElseThrow().release("socket");
        expect(answer("completed")).isVisible();
        // The next chat takes the way that works, at once.
        page.getByTestId("new-chat").click();
        send("[[fake short]] And the next");
        expect(answer("completed")).isVisible();
        assertThat(sockets).hasValue(2);
    }

    @Test
    void whereSocketsAreRefusedTooTheAnswerIsAskedFor() {
        page.route(EVENTS, route -> route.abort());
        page.routeWebSocket(SOCKET, socket -> socket.close());
        page.navigate(address());
        send("[[fake short]] Is anybody there?");
        expect(answer("completed")).isVisible();
        expect(answer("completed").getByTestId("answer-text")).not().isEmpty();
    }

    @Test
    void formulasAndDiagramsAreDrawnUnderThePolicyOfThePage() throws Exception {
        String question = "0190b6a0-0000-7000-8000-000000000001";
        String text = """
                The area is $$\\int_0^1 x^2\\,dx = \\tfrac13$$ and so on.

                ```mermaid
                flowchart LR
                  browser --> api --> worker
                ```
                """;
        String chat = new ParleyClient(URI.create(address()))
                .post(
                        "/api/chats/import",
                        Map.of(
                                "format",
                                "parley-chat",
                                "version",
                                1,
                                "messages",
                                List.of(
                                        Map.of("id", question, "role", "user", "content", "Draw it"),
                                        Map.of(
                                                "id",
                                                "0190b6a0-0000-7000-8000-000000000002",
                                                "parentId",
                                                question,
                                                "role",
                                                "assistant",
                                                "status",
                                                "completed",
                                                "content",
                                                text))))
                .get("id")
                .asText();
        page.navigate(address() + "/chats/" + chat);
        expect(page.locator("[data-testid=answer-text] .katex-html").first()).isVisible();
        Locator diagram = page.getByTestId("diagram").locator("img");
        expect(diagram).isVisible();
        assertThat((Integer) diagram.evaluate("image => image.naturalWidth")).isPositive();
    }
}
