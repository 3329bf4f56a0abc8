package dev.parley.system;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page in Chromium on the whole of Parley: what a user sees, and what a reload must not take away. */
class BrowserIT {
    private static final Path ROOT =
            Path.of(System.getProperty("parley.root", "..")).toAbsolutePath().normalize();
    /** Slow, shared cores. */
    private static final double PATIENCE_MILLIS = 60_000;

    @TempDir
    static Path data;

    private static LocalParley parley;
    private static Playwright playwright;
    private static Browser browser;

    private BrowserContext context;
    private Page page;
    private final List<String> complaints = new ArrayList<>();

    @BeforeAll
    static void start() {
        Path built = ROOT.resolve("ui").resolve("dist");
        assertThat(built.resolve("index.html"))
                .as("the built page; ./parley test builds it, or npm run build in ui/")
                .exists();
        parley = LocalParley.open(Map.of(
                "PARLEY_DATA", data.toString(),
                "PARLEY_FAKE", "chunk=5ms",
                "UI_FOLDER", built.toString(),
                "SERVER_PORT", "0",
                "OBSERVE_PORT", "0",
                "QUEUE_RETRY_DELAYS", "3600",
                "QUEUE_MAX_RETRIES", "1"));
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
        context = browser.newContext(new Browser.NewContextOptions().setViewportSize(1280, 800));
        context.setDefaultTimeout(PATIENCE_MILLIS);
        page = context.newPage();
        page.onPageError(complaints::add);
        page.onConsoleMessage(message -> {
            if (message.text().contains("Content Security Policy")) {
                complaints.add(message.text());
            }
        });
        page.navigate("http://127.0.0.1:" + parley.port() + "/");
    }

    @AfterEach
    void close() {
        context.close();
        assertThat(complaints).isEmpty();
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

    private String stored(String id) throws Exception {
        JsonNode message = new ParleyClient(URI.create("http://127.0.0.1:" + parley.port())).get("/api/messages/" + id);
        return message.get("content").asText();
    }

    /** Letters and digits of a text, by which Markdown and its rendering can be compared. */
    private static String letters(String text) {
        return text.replaceAll("[^\\p{L}\\p{N}]", "");
    }

    @Test
    void aMessageIsAnsweredLiveAndAReloadInTheMiddleLosesNothing() throws Exception {
        String gate = "reload";
        send("[[fake gate=%s at=12 size=1500]] Tell me about outboxes".formatted(gate));
        Locator running = answer("generating");
        expect(running.getByTestId("answer-text")).not().isEmpty();
        // The model has stopped in mid-answer: what is shown now is all there is.
        page.waitForCondition(() -> parley.fake().orElseThrow().held(gate) > 0);
        String id = running.getAttribute("data-id");
        String before = running.getByTestId("answer-text").innerText();
        page.reload();
        expect(answer("generating").getByTestId("answer-text")).not().isEmpty();
        page.waitForCondition(() ->
                answer("generating").getByTestId("answer-text").innerText().startsWith(before));
        parley.fake().orElseThrow().release(gate);
        expect(answer("completed")).isVisible();
        assertThat(answer("completed").getAttribute("data-id")).isEqualTo(id);
        // The marker is echoed by the fake; code and formulas are set differently, so the prose up to there is
        // compared.
        String shown = letters(answer("completed").getByTestId("answer-text").innerText());
        String truth = letters(stored(id));
        assertThat(shown).isNotEmpty();
        assertThat(truth).startsWith(shown.substring(0, Math.min(200, shown.length())));
        page.reload();
        expect(answer("completed")).isVisible();
        assertThat(letters(answer("completed").getByTestId("answer-text").innerText()))
                .isEqualTo(shown);
    }

    @Test
    void aFollowUpWaitsForTheAnswerBeforeIt() {
        send("[[fake gate=first at=1]] The first");
        expect(answer("generating")).isVisible();
        send("The second");
        expect(answer("queued").getByTestId("status-line")).isVisible();
        page.waitForCondition(() -> parley.fake().orElseThrow().held("first") > 0);
        parley.fake().orElseThrow().release("first");
        expect(page.locator("[data-testid=message][data-role=assistant][data-status=completed]"))
                .hasCount(2);
    }

    @Test
    void aRetryingAnswerShowsWhyAndCanBeTriedNowOrCancelled() {
        send("[[fake status=503 times=3]] Please");
        Locator retrying = answer("retrying");
        expect(retrying.getByTestId("status-line")).containsText("2");
        retrying.getByTestId("retry").click();
        expect(answer("completed")).isVisible();

        send("[[fake status=503]] Again");
        expect(answer("retrying")).isVisible();
        answer("retrying").getByTestId("cancel").click();
        expect(answer("cancelled")).isVisible();
        page.reload();
        expect(answer("cancelled")).isVisible();
    }

    @Test
    void anAnswerThatFailsSaysWhyInPlainWords() {
        send("[[fake status=400]] Refused");
        Locator failed = answer("failed");
        expect(failed).isVisible();
        expect(failed.getByTestId("retry")).isVisible();
    }

    @Test
    void whatTheModelOrTheUserWritesIsNeverExecuted() {
        send(
                "<img src=x onerror=\"window.broken=1\"> <script>window.broken=1</script> [x](javascript:window.broken=1)");
        expect(answer("completed")).isVisible();
        assertThat(page.evaluate("window.broken === undefined")).isEqualTo(true);
        assertThat(page.locator("main script, main img").count()).isZero();
    }

    @Test
    void aDraftSurvivesAReload() {
        page.getByTestId("composer").fill("half a thought");
        page.waitForCondition(() ->
                (Boolean) page.evaluate("Object.values(localStorage).some(value => value.includes('half a thought'))"));
        page.reload();
        expect(page.getByTestId("composer")).hasValue("half a thought");
    }

    @Test
    void secondTabsStayInStep() {
        send("Hello from the first tab");
        expect(answer("completed")).isVisible();
        Page second = context.newPage();
        second.navigate(page.url());
        expect(second.locator("[data-testid=message][data-status=completed][data-role=assistant]"))
                .hasCount(1);
        send("And once more");
        expect(second.locator("[data-testid=message][data-status=completed][data-role=assistant]"))
                .hasCount(2);
    }
}
