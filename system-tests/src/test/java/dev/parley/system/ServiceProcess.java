package dev.parley.system;

import java.io.IOException;
import java.net.ServerSocket;
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
import org.awaitility.Awaitility;

/** A service in a JVM of its own, started as an operator starts it, so that it can be killed. */
final class ServiceProcess implements AutoCloseable {
    private static final Path ROOT =
            Path.of(System.getProperty("parley.root", "..")).toAbsolutePath().normalize();
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

    /** Starts {@code chat-api} or {@code gemini-worker} and waits until it says that it has started. */
    static ServiceProcess start(String name, Map<String, String> variables, Path logs) throws IOException {
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
    static ServiceProcess launch(String name, Map<String, String> variables, Path logs) throws IOException {
        int port = freePort();
        int observePort = freePort();
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

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    URI uri() {
        return URI.create("http://127.0.0.1:" + port);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    long pid() {
        return process.pid();
    }

    String metrics() {
        return observe("/metrics");
    }

    /** What the readiness probe says. */
    String ready() {
        return observe("/health/ready");
    }

    String log() throws IOException {
        return Files.readString(log);
    }

    void awaitProbe(String probe) {
        Awaitility.await(name + " is " + probe)
                .atMost(START)
                .pollInterval(Duration.ofMillis(50))
                .ignoreExceptionsMatching(e -> process.isAlive())
                .until(() -> observe("/health/" + probe).contains("up"));
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
    void kill() {
        process.destroyForcibly().onExit().join();
    }

    /** SIGTERM, without waiting for what comes of it. */
    void signalTerminate() {
        process.destroy();
    }

    /** SIGTERM; returns the exit code when it has ended by itself. */
    int terminate(Duration atMost) throws InterruptedException {
        signalTerminate();
        return awaitExit(atMost);
    }

    int awaitExit(Duration atMost) throws InterruptedException {
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
