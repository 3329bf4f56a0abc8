import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Comparator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A user with a browser: {@code java k8s/Page.java URL SCREENSHOT} opens the page in Chromium, asks, waits for the shown answer, reloads and
 * finds it again. Prints one line; ends with 1 and the reason when something is missing. Speaks Chromium's DevTools protocol.
 */
final class Page implements WebSocket.Listener {
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final String ANSWER =
            "document.querySelector('[data-testid=message][data-role=assistant][data-status=completed]')";

    private final ConcurrentHashMap<Integer, CompletableFuture<String>> replies = new ConcurrentHashMap<>();
    private final StringBuilder text = new StringBuilder();
    private WebSocket socket;
    private int last;

    public static void main(String[] arguments) throws Exception {
        Path profile = Files.createTempDirectory("page");
        Process chromium = new ProcessBuilder(
                        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,800",
                        "--remote-debugging-port=0", "--user-data-dir=" + profile, "about:blank")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        int code = 0;
        try {
            System.out.println(new Page().visit(debuggerPort(chromium), arguments[0], Path.of(arguments[1])));
        } catch (IllegalStateException | TimeoutException e) {
            System.out.println("the page: " + e);
            code = 1;
        } finally {
            chromium.destroy();
            if (!chromium.waitFor(10, TimeUnit.SECONDS)) {
                chromium.destroyForcibly();
            }
            try (Stream<Path> files = Files.walk(profile)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            } catch (IOException e) {
                // a profile that is still written to is left to the system
            }
        }
        System.exit(code);
    }

    private static int debuggerPort(Process chromium) throws IOException {
        BufferedReader errors = chromium.errorReader();
        Pattern listening = Pattern.compile("DevTools listening on ws://127.0.0.1:(\\d+)/");
        for (String line = errors.readLine(); line != null; line = errors.readLine()) {
            Matcher found = listening.matcher(line);
            if (found.find()) {
                // What it says from now on is nobody's, but must be taken.
                Thread.ofVirtual().start(() -> errors.lines().forEach(_ -> {}));
                return Integer.parseInt(found.group(1));
            }
        }
        throw new IllegalStateException("Chromium ended");
    }

    private String visit(int port, String url, Path screenshot) throws Exception {
        try (HttpClient http = HttpClient.newHttpClient()) {
            String target = http.send(
                            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json/new?about:blank"))
                                    .timeout(PATIENCE)
                                    .method("PUT", HttpRequest.BodyPublishers.noBody())
                                    .build(),
                            BodyHandlers.ofString())
                    .body();
            Matcher address = Pattern.compile("\"webSocketDebuggerUrl\": *\"([^\"]+)\"").matcher(target);
            if (!address.find()) {
                throw new IllegalStateException(target);
            }
            socket = http.newWebSocketBuilder().buildAsync(URI.create(address.group(1)), this).get(10, TimeUnit.SECONDS);
            call("Page.enable", "{}");
            call("Page.navigate", "{\"url\":\"" + url + "\"}");
            await("document.querySelector('[data-testid=composer]') !== null", "the composer");
            long begun = System.nanoTime();
            evaluate("(() => { const c = document.querySelector('[data-testid=composer]');"
                    + " const f = c.matches('textarea') ? c : c.querySelector('textarea');"
                    + " Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(f, 'Hello from a cluster');"
                    + " f.dispatchEvent(new Event('input', { bubbles: true })); return true; })()");
            await("document.querySelector('[data-testid=send]') && !document.querySelector('[data-testid=send]').disabled", "the button");
            evaluate("document.querySelector('[data-testid=send]').click()");
            await(ANSWER + " !== null && " + ANSWER + ".textContent.length > 100", "a shown answer");
            long millis = Duration.ofNanos(System.nanoTime() - begun).toMillis();
            String shown = evaluate("String(" + ANSWER + ".textContent.length)");
            Matcher image = Pattern.compile("\"data\":\"([^\"]+)\"").matcher(call("Page.captureScreenshot", "{\"format\":\"png\"}"));
            if (image.find()) {
                Files.write(screenshot, Base64.getDecoder().decode(image.group(1)));
            }
            call("Page.reload", "{}");
            await("document.readyState === 'complete' && " + ANSWER + " !== null && " + ANSWER + ".textContent.length > 100",
                    "the answer after a reload");
            socket.sendClose(WebSocket.NORMAL_CLOSURE, "").get(5, TimeUnit.SECONDS);
            Matcher length = Pattern.compile("\"value\":\"(\\d+)\"").matcher(shown);
            return "asked and answered in " + millis + " ms, and still there after a reload"
                    + (length.find() ? " (" + length.group(1) + " characters)" : "");
        }
    }

    private void await(String condition, String what) throws Exception {
        long latest = System.nanoTime() + PATIENCE.toNanos();
        while (!evaluate("(" + condition + ") ? 'yes-it-is' : 'no'").contains("yes-it-is")) {
            if (System.nanoTime() > latest) {
                throw new IllegalStateException("no " + what + " within " + PATIENCE.toSeconds() + " s; it shows: "
                        + evaluate("document.body ? document.body.innerText.slice(0, 300) : ''"));
            }
            Thread.sleep(200);
        }
    }

    private String evaluate(String expression) throws Exception {
        return call("Runtime.evaluate", "{\"returnByValue\":true,\"expression\":\"" + expression.replace("\\", "\\\\").replace("\"", "\\\"") + "\"}");
    }

    private String call(String method, String parameters) throws Exception {
        int id = ++last;
        CompletableFuture<String> reply = new CompletableFuture<>();
        replies.put(id, reply);
        socket.sendText("{\"id\":" + id + ",\"method\":\"" + method + "\",\"params\":" + parameters + "}", true).get(10, TimeUnit.SECONDS);
        return reply.get(30, TimeUnit.SECONDS);
    }

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean end) {
        text.append(data);
        if (end) {
            String message = text.toString();
            text.setLength(0);
            Matcher id = Pattern.compile("^\\{\"id\":(\\d+),").matcher(message);
            if (id.find()) {
                CompletableFuture<String> reply = replies.remove(Integer.parseInt(id.group(1)));
                if (reply != null) {
                    reply.complete(message);
                }
            }
        }
        from.request(1);
        return null;
    }
}
