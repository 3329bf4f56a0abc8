package dev.parley.local.process;

import dev.parley.dev.net.FreePorts;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A service in a JVM of its own, started as an operator starts it, so that it can be killed; for system tests and chaos.
 * The services' jars are those of the project in the folder that the property {@code parley.root} names, or in this one.
 * Thread-safe.
 */
public final class ServiceProcess implements AutoCloseable {
    private static final Path ROOT =
            Path.of(System.getProperty("parley.root", "")).toAbsolutePath().normalize();
    private static final Duration START = Duration.ofSeconds(90);
    private static final HttpClient HTTP =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    private final String name;
    private final Process process;
    private final Path log;
    private final int port;
    private final int observePort;

    private ServiceProcess(String name, Process process, Path log, int port, int observePort) {
        this.name = name;
        this.process = process;
        this.log = log;
        this.port = port;
        this.observePort = observePort;
    }

    /**
     * Starts {@code chat-api} or {@code gemini-worker} and waits until it says that it has started.
     *
     * @param variables all of its environment beside PATH and ports of its own
     * @param logs folder for a file with what it writes
     * @throws IllegalStateException with its log, when it does not start
     */
    public static ServiceProcess start(String name, Map<String, String> variables, Path logs) throws IOException {
        ServiceProcess service = launch(name, variables, logs);
        try {
            service.awaitProbe("started");
            return service;
        } catch (RuntimeException e) {
            service.close();
            throw new IllegalStateException(name + " did not start:\n" + service.log(), e);
        }
    }

    /** Starts it without waiting. */
    public static ServiceProcess launch(String name, Map<String, String> variables, Path logs) throws IOException {
        int port = FreePorts.next();
        int observePort = FreePorts.next();
        Path log = Files.createTempFile(logs, name, ".log");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@" + ROOT.resolve(name).resolve("jvm.options"),
                        "-jar",
                        ROOT.resolve(name)
                                .resolve("target")
                                .resolve(name + ".jar")
                                .toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        Map<String, String> environment = new HashMap<>(Map.of(
                "PATH", System.getenv("PATH"),
                "SERVER_HOST", "127.0.0.1",
                "SERVER_PORT", Integer.toString(port),
                "OBSERVE_HOST", "127.0.0.1",
                "OBSERVE_PORT", Integer.toString(observePort)));
        environment.putAll(variables);
        builder.environment().clear();
        builder.environment().putAll(environment);
        return new ServiceProcess(name, builder.start(), log, port, observePort);
    }

    public URI uri() {
        return URI.create("http://127.0.0.1:" + port);
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    public String metrics() {
        return observe("/metrics");
    }

    /** What the readiness probe says. */
    public String ready() {
        return observe("/health/ready");
    }

    /** All that it has written so far. */
    public String log() throws IOException {
        return Files.readString(log);
    }

    /** Waits until a probe is up. @throws IllegalStateException when the process has ended, or that took too long */
    public void awaitProbe(String probe) {
        long deadline = System.nanoTime() + START.toNanos();
        while (!isUp(probe)) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                throw new IllegalStateException(
                        name + (process.isAlive() ? " is not " + probe + " after " + START : " has ended"));
            }
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while " + name + " starts", e);
            }
        }
    }

    /** Whether a probe is up now; also false when nobody answers. */
    public boolean isUp(String probe) {
        try {
            return observe("/health/" + probe).contains("up");
        } catch (IllegalStateException e) {
            // It does not listen yet.
            return false;
        }
    }

    private String observe(String path) {
        try {
            return HTTP.send(
                            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + observePort + path))
                                    .timeout(Duration.ofSeconds(10))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** SIGKILL; returns when it is gone. */
    public void kill() {
        process.destroyForcibly().onExit().join();
    }

    /** SIGTERM, without waiting for what comes of it. */
    public void signalTerminate() {
        process.destroy();
    }

    /** SIGTERM; returns the exit code when it has ended by itself. */
    public int terminate(Duration atMost) throws InterruptedException {
        signalTerminate();
        return awaitExit(atMost);
    }

    /** @throws IllegalStateException when it goes on for longer */
    public int awaitExit(Duration atMost) throws InterruptedException {
        if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException(name + " did not end within " + atMost);
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        kill();
    }
}
