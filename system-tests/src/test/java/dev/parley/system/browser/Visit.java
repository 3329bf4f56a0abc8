package dev.parley.system.browser;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Dialog;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.PlaywrightException;
import com.microsoft.playwright.options.ServiceWorkerPolicy;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A browser with nothing kept, and what its pages did that no page may do. */
final class Visit implements AutoCloseable {
    private static final int DESK_WIDTH = 1280;
    private static final int DESK_HEIGHT = 800;
    private static final int PHONE_WIDTH = 390;
    private static final int PHONE_HEIGHT = 844;

    /** What Chromium itself writes of requests that fail, which some tests want. Errors of scripts and of the policy are left. */
    private static final List<String> NETWORK_TROUBLE =
            List.of("Failed to load resource", "WebSocket connection to", "net::ERR");

    private final Stage stage;
    private final URI parley;
    private final BrowserContext context;
    private final List<String> complaints = new ArrayList<>();
    private final List<Visit> others = new ArrayList<>();

    Visit(Stage stage, URI parley, boolean phone, boolean worker) {
        this.stage = stage;
        this.parley = parley;
        Browser.NewContextOptions options = new Browser.NewContextOptions()
                .setBaseURL(parley.toString())
                .setLocale("en-GB")
                .setAcceptDownloads(true)
                .setPermissions(List.of("clipboard-read", "clipboard-write"))
                .setServiceWorkers(worker ? ServiceWorkerPolicy.ALLOW : ServiceWorkerPolicy.BLOCK)
                .setViewportSize(phone ? PHONE_WIDTH : DESK_WIDTH, phone ? PHONE_HEIGHT : DESK_HEIGHT);
        if (phone) {
            options.setHasTouch(true).setIsMobile(true).setDeviceScaleFactor(2);
        }
        context = stage.browser().newContext(options);
        context.setDefaultTimeout(Stage.PATIENCE_MILLIS);
        context.onWebError(error -> complaints.add(error.error()));
        context.onDialog(this::complain);
        context.onConsoleMessage(message -> {
            boolean network = NETWORK_TROUBLE.stream().anyMatch(message.text()::contains);
            if (message.type().equals("error") && !network) {
                complaints.add(message.text());
            }
        });
    }

    private void complain(Dialog dialog) {
        complaints.add("a dialog: " + dialog.message());
        dialog.dismiss();
    }

    /** A tab at the beginning of a new chat. */
    Tab tab() {
        return tab("/");
    }

    Tab tab(String path) {
        Page page = context.newPage();
        Tab tab = new Tab(stage, this, page);
        tab.go(path);
        return tab;
    }

    /** The same user at another device. */
    Tab elsewhere(String path) {
        Visit other = new Visit(stage, parley, false, false);
        others.add(other);
        return other.tab(path);
    }

    /** What its pages show when a test fails, below target/failed-pages. */
    void keep(String name) {
        Path folder = Path.of("target", "failed-pages");
        for (Page page : context.pages()) {
            Path file = folder.resolve(name + "-" + context.pages().indexOf(page));
            try {
                page.screenshot(new Page.ScreenshotOptions()
                        .setPath(Path.of(file + ".png"))
                        .setTimeout(10_000));
                Files.writeString(Path.of(file + ".html"), page.content());
            } catch (PlaywrightException | IOException e) {
                System.err.println("could not keep what a failed test's page showed: " + e);
            }
        }
        others.forEach(other -> other.keep(name + "-elsewhere"));
    }

    BrowserContext context() {
        return context;
    }

    List<String> complaints() {
        return complaints;
    }

    @Override
    public void close() {
        others.forEach(other -> {
            other.close();
            complaints.addAll(other.complaints);
        });
        context.close();
    }
}
