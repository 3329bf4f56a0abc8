package dev.parley.local;

import dev.parley.api.ApiSettings;
import dev.parley.api.ChatApi;
import dev.parley.dev.gemini.Behaviour;
import dev.parley.dev.gemini.FakeGemini;
import dev.parley.dev.gemini.InvalidBehaviour;
import dev.parley.dev.gemini.Options;
import dev.parley.dev.server.DevServices;
import dev.parley.pipeline.config.Environment;
import dev.parley.pipeline.config.InvalidConfiguration;
import dev.parley.pipeline.runtime.Lifecycle;
import dev.parley.pipeline.runtime.Logs;
import dev.parley.worker.GeminiWorker;
import dev.parley.worker.WorkerSettings;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * The servers, the API, one worker and, without a key, the fake Gemini. The variables of both services work here too;
 * what is not set gets a value that suits one machine.
 */
public final class LocalParley implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(LocalParley.class.getName());
    /** The fake costs nothing, so its quota is only there to be seen. */
    private static final String FAKE_KEYS_PER_MINUTE = "600";

    private final Lifecycle parts = new Lifecycle();
    private final DevServices servers;
    private final ChatApi api;
    private final Optional<FakeGemini> fakeGemini;

    private LocalParley(Map<String, String> variables) {
        Map<String, String> environment = new HashMap<>(variables);
        environment.putIfAbsent("LOG_FORMAT", "text");
        Logs.configure(Logs.Level.INFO, Logs.Format.TEXT);
        boolean fake = !variables.containsKey("GEMINI_API_KEYS") && !variables.containsKey("GEMINI_API_KEYS_FILE");
        Path data = Path.of(variables.getOrDefault("PARLEY_DATA", ".parley"))
                .toAbsolutePath()
                .normalize();
        try {
            // Beside the servers' start, as it needs none of them.
            Optional<CompletableFuture<FakeGemini>> starting = fake
                    ? Optional.of(fake(variables))
                            .map(options -> CompletableFuture.supplyAsync(() -> FakeGemini.start(options)))
                    : Optional.empty();
            servers = parts.opened("servers", DevServices.start(data, DevServices.Options.forRun()));
            setUnlessGiven(environment, "DATABASE_URL", servers.postgres().url());
            setUnlessGiven(environment, "REDIS_URL", servers.redis().url());
            setUnlessGiven(environment, "RABBITMQ_URL", servers.rabbit().url());
            setUnlessGiven(environment, "SERVER_HOST", "127.0.0.1");
            setUnlessGiven(environment, "OBSERVE_HOST", "127.0.0.1");
            Path page = Path.of("ui", "dist");
            if (Files.isRegularFile(page.resolve("index.html"))) {
                setUnlessGiven(environment, "UI_FOLDER", page.toString());
            }
            fakeGemini = starting.map(CompletableFuture::join).map(gemini -> parts.opened("fake Gemini", gemini));
            fakeGemini.ifPresent(gemini -> {
                environment.put("GEMINI_BASE_URL", gemini.baseUri().toString());
                environment.put("GEMINI_API_KEYS", "fake-1,fake-2");
                setUnlessGiven(environment, "KEYS_MAX_PER_MINUTE", FAKE_KEYS_PER_MINUTE);
                // The fake is on this machine; a proxy is for reaching the real one.
                environment.remove("HTTP_PROXY");
                environment.remove("HTTP_PROXY_FILE");
            });
            ApiSettings apiSettings = ApiSettings.from(new Environment(environment));
            Logs.configure(apiSettings.logLevel(), apiSettings.logFormat());
            api = parts.opened("chat-api", ChatApi.open(fake ? apiSettings.withFakeModel() : apiSettings));
            Map<String, String> worker = new HashMap<>(environment);
            worker.put("OBSERVE_PORT", Integer.toString(nextPort(apiSettings.observePort())));
            parts.opened("gemini-worker", GeminiWorker.open(WorkerSettings.read(worker)));
            LOG.log(
                    Level.INFO,
                    "Parley answers at http://localhost:{0,number,#}{1}",
                    api.port(),
                    fake ? " with the fake Gemini, as GEMINI_API_KEYS is not set" : "");
        } catch (RuntimeException e) {
            parts.close();
            throw e;
        }
    }

    public static LocalParley open(Map<String, String> variables) {
        return new LocalParley(variables);
    }

    /** Where the page and the API are. */
    public int port() {
        return api.port();
    }

    /** The servers behind it; closed with everything else. */
    public DevServices servers() {
        return servers;
    }

    /** The fake Gemini, if it answers; closed with everything else. */
    public Optional<FakeGemini> fake() {
        return fakeGemini;
    }

    private static int nextPort(int port) {
        return port == 0 ? 0 : port + 1;
    }

    private static void setUnlessGiven(Map<String, String> environment, String name, String value) {
        if (!environment.containsKey(name + "_FILE")) {
            environment.putIfAbsent(name, value);
        }
    }

    /** Without delays of its own the fake is done before one can see it write. */
    private static Options fake(Map<String, String> variables) {
        String words = variables.getOrDefault("PARLEY_FAKE", "chunk=25ms");
        try {
            return Options.defaults().withoutHttps().withBehaviour(Behaviour.ofWords(words));
        } catch (InvalidBehaviour e) {
            throw new InvalidConfiguration(List.of("PARLEY_FAKE " + e.getMessage()));
        }
    }

    @Override
    public void close() {
        parts.close();
    }
}
