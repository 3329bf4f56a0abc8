package dev.parley.local.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.dev.gemini.FakeGemini;
import dev.parley.local.client.ParleyClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * An enforcing fake Gemini in a JVM of its own, as the provider's clock does not stand still while a worker is busy: in the
 * worker's JVM it would note a call when a thread is free for it, not when the call arrived.
 */
final class FakeProcess implements AutoCloseable {
    private static final String GREETING = "Fake Gemini at ";
    /** Calls before the first that counts: what is not yet compiled notes a rush of calls late. */
    private static final int WARM_UP = 1_500;

    private static final String WARM_UP_KEY = "warm-up";
    private static final Duration END = Duration.ofSeconds(10);

    private final Process process;
    private final URI uri;
    private final ParleyClient admin;

    private FakeProcess(Process process, URI uri) {
        this.process = process;
        this.uri = uri;
        this.admin = new ParleyClient(uri);
    }

    /** @param keys API key to project */
    static FakeProcess start(Map<String, String> keys, int limit, Duration window)
            throws IOException, InterruptedException {
        String projects = keys.entrySet().stream()
                .map(each -> each.getValue() + "=" + each.getKey())
                .collect(Collectors.joining(","));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        FakeGemini.class.getName(),
                        "--port=0",
                        "--keys=" + projects + "," + WARM_UP_KEY + "=" + WARM_UP_KEY,
                        "--quota=%d/%ds".formatted(limit, window.toSeconds()))
                .redirectErrorStream(true)
                .start();
        // It must not outlive a bench that was told to stop.
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(process::destroyForcibly));
        try {
            FakeProcess fake = new FakeProcess(process, greeted(process));
            fake.warmUp();
            return fake;
        } catch (IOException | RuntimeException e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private static URI greeted(Process process) throws IOException {
        BufferedReader output = process.inputReader();
        String line;
        while ((line = output.readLine()) != null) {
            if (line.startsWith(GREETING)) {
                return URI.create(line.substring(GREETING.length()).strip());
            }
        }
        throw new IOException("the fake Gemini did not start");
    }

    private void warmUp() throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(END)
                .build()) {
            HttpRequest call = HttpRequest.newBuilder(
                            uri.resolve("/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"))
                    .timeout(END)
                    .header("x-goog-api-key", WARM_UP_KEY)
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(
                            "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"bench\"}]}]}"))
                    .build();
            for (int i = 0; i < WARM_UP; i++) {
                http.send(call, HttpResponse.BodyHandlers.discarding());
            }
        }
        admin.post("/admin/reset", Map.of());
    }

    URI uri() {
        return uri;
    }

    /** @param calls all that came */
    record Use(String project, int calls, int rejected, int worst) {}

    List<Use> use() throws IOException, InterruptedException {
        return admin.get("/admin/report")
                .get("projects")
                .valueStream()
                .map(FakeProcess::use)
                .toList();
    }

    private static Use use(JsonNode node) {
        return new Use(
                node.get("project").asText(),
                node.get("calls").asInt(),
                node.get("rejected").asInt(),
                node.get("worst").asInt());
    }

    @Override
    public void close() {
        process.destroy();
        process.onExit()
                .orTimeout(END.toSeconds(), TimeUnit.SECONDS)
                .exceptionally(e -> process.destroyForcibly())
                .join();
    }
}
