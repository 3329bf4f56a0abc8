package dev.parley.system.browser;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import dev.parley.dev.gemini.FakeGemini;
import dev.parley.local.LocalParley;
import dev.parley.local.client.ParleyClient;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The browser and the running Parley that all tests of the page share: starting them costs more than most of these tests.
 * Opened by the first that asks, closed at the end of the run. For one thread, as Playwright is.
 */
public final class Stage implements AutoCloseable {
    private static final Path ROOT =
            Path.of(System.getProperty("parley.root", "..")).toAbsolutePath().normalize();
    /** Slow, shared cores; reached only by a test that fails. */
    static final double PATIENCE_MILLIS = 60_000;
    /** No other test asks this one, so that its rest under a 429 is nobody else's. */
    static final String OTHER_MODEL = "gemini-3.8-pro";

    private static final List<String> SWITCHES = List.of(
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync");

    private final Playwright playwright;
    private final Browser browser;
    private LocalParley parley;

    Stage() {
        assertThat(builtPage().resolve("index.html"))
                .as("the built page; ./parley test builds it, or npm run build in ui/")
                .exists();
        playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        browser = playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(chromium())
                        .setArgs(SWITCHES));
        PlaywrightAssertions.setDefaultAssertionTimeout(PATIENCE_MILLIS);
    }

    /** The page as it is built. */
    static Path builtPage() {
        return ROOT.resolve("ui").resolve("dist");
    }

    private static Path chromium() {
        return Stream.of(System.getenv("PATH").split(":"))
                .flatMap(folder -> Stream.of("chromium", "chromium-browser", "google-chrome")
                        .map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no Chromium on the PATH: apt-get install chromium"));
    }

    Browser browser() {
        return browser;
    }

    private LocalParley parley() {
        if (parley == null) {
            parley = LocalParley.open(Map.of(
                    "PARLEY_DATA", temporary().toString(),
                    "PARLEY_FAKE", "chunk=5ms",
                    "UI_FOLDER", builtPage().toString(),
                    "GEMINI_MODEL_TEXT", "gemini-3.8-flash," + OTHER_MODEL,
                    "SERVER_PORT", "0",
                    "OBSERVE_PORT", "0",
                    "QUEUE_RETRY_DELAYS", "3600",
                    "QUEUE_MAX_RETRIES", "1"));
        }
        return parley;
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory(Files.createDirectories(Path.of("target")), "page-");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    URI uri() {
        return URI.create("http://127.0.0.1:" + parley().port());
    }

    FakeGemini gemini() {
        return parley().fake().orElseThrow();
    }

    ParleyClient client() {
        return new ParleyClient(uri());
    }

    /** A chat with these messages, a question and its answer in turn, without asking a model. Returns its id. */
    String chat(String title, String... messages) {
        List<Map<String, Object>> all = new java.util.ArrayList<>();
        String parent = null;
        for (int i = 0; i < messages.length; i++) {
            String id = UUID.randomUUID().toString();
            Map<String, Object> message = new java.util.HashMap<>(
                    Map.of("id", id, "role", i % 2 == 0 ? "user" : "assistant", "content", messages[i]));
            if (parent != null) {
                message.put("parentId", parent);
            }
            if (i % 2 == 1) {
                message.put("status", "completed");
            }
            all.add(message);
            parent = id;
        }
        try {
            return client().post(
                            "/api/chats/import",
                            Map.of("format", "parley-chat", "version", 1, "title", title, "messages", all))
                    .get("id")
                    .asText();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        browser.close();
        playwright.close();
        if (parley != null) {
            parley.close();
        }
    }
}
