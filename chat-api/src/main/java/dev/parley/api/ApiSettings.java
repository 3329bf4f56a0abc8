package dev.parley.api;

import dev.parley.api.user.AuthMode;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.config.Environment;
import dev.parley.pipeline.config.Variable;
import dev.parley.pipeline.runtime.Logs;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * All settings of the API, read and checked at the start. The defaults are those of the README's table.
 *
 * @param retryDelays of the ladder, one wait queue each
 * @param maxRetries steps of the ladder that are used, at most as many as there are delays
 * @param models that a message may name, the default first
 * @param maxMessageCharacters UTF-16 code units, as JavaScript counts
 * @param corsOrigins that may call from a browser; empty means same origin only
 * @param shutdownGrace for requests and streams under way
 * @param uiFolder the built page, where this process serves it
 * @param fakeModel whether the built-in fake Gemini answers, for the page to say so
 */
public record ApiSettings(
        URI databaseUrl,
        int databasePoolSize,
        URI redisUrl,
        URI rabbitmqUrl,
        String requestQueue,
        String responseQueue,
        List<Duration> retryDelays,
        int maxRetries,
        List<String> models,
        int maxMessageCharacters,
        String host,
        int port,
        String observeHost,
        int observePort,
        List<String> corsOrigins,
        AuthMode authMode,
        Duration shutdownGrace,
        Optional<Path> uiFolder,
        boolean fakeModel,
        Logs.Level logLevel,
        Logs.Format logFormat) {
    private static final String MODEL = "gemini-3.8-flash";

    /** How often an answer is tried in one round. */
    public int maxAttempts() {
        return maxRetries + 1;
    }

    /** @throws dev.parley.pipeline.config.InvalidConfiguration with one line for each mistake */
    public static ApiSettings from(Environment environment) {
        Topology topology = Topology.from(environment);
        List<String> models = environment.list(Variable.GEMINI_MODEL_TEXT);
        ApiSettings settings = new ApiSettings(
                database(environment),
                environment.integer(Variable.DATABASE_POOL_SIZE, 10, 1, 200),
                environment.requiredUrl(Variable.REDIS_URL, "redis", "rediss"),
                environment.requiredUrl(Variable.RABBITMQ_URL, "amqp", "amqps"),
                topology.requests(),
                topology.responses(),
                topology.retryDelays(),
                topology.maxRetries(environment),
                models.isEmpty() ? List.of(MODEL) : models,
                environment.integer(Variable.MESSAGE_MAX_CHARACTERS, 100_000, 1, 500_000),
                environment.text(Variable.SERVER_HOST, "0.0.0.0"),
                environment.integer(Variable.SERVER_PORT, 8000, 0, 65_535),
                environment.text(Variable.OBSERVE_HOST, "0.0.0.0"),
                environment.integer(Variable.OBSERVE_PORT, 9100, 0, 65_535),
                origins(environment),
                environment.choice(Variable.AUTH_MODE, AuthMode.NONE),
                environment.seconds(Variable.SHUTDOWN_GRACE_SECONDS, Duration.ofSeconds(25), 0, 600),
                folder(environment),
                environment
                        .parse(
                                Variable.GEMINI_FAKE,
                                text -> switch (text) {
                                    case "true" -> true;
                                    case "false" -> false;
                                    default -> throw new IllegalArgumentException();
                                },
                                "must be true or false")
                        .orElse(false),
                environment.choice(Variable.LOG_LEVEL, Logs.Level.INFO),
                environment.choice(Variable.LOG_FORMAT, Logs.Format.JSON));
        environment.verify();
        return settings;
    }

    /** The same settings for a process in which the fake Gemini answers. */
    public ApiSettings withFakeModel() {
        return new ApiSettings(
                databaseUrl,
                databasePoolSize,
                redisUrl,
                rabbitmqUrl,
                requestQueue,
                responseQueue,
                retryDelays,
                maxRetries,
                models,
                maxMessageCharacters,
                host,
                port,
                observeHost,
                observePort,
                corsOrigins,
                authMode,
                shutdownGrace,
                uiFolder,
                true,
                logLevel,
                logFormat);
    }

    private static URI database(Environment environment) {
        URI url = environment.requiredUrl(Variable.DATABASE_URL, "postgresql", "postgres");
        boolean given = environment.text(Variable.DATABASE_URL).isPresent();
        if (given && (url.getRawPath() == null || url.getRawPath().length() < 2)) {
            environment.problem(
                    Variable.DATABASE_URL, "must name a database, as in postgresql://user:password@host/name");
        }
        return url;
    }

    private static List<String> origins(Environment environment) {
        List<String> origins = environment.list(Variable.CORS_ORIGINS);
        for (String origin : origins) {
            if (!origin.equals("*") && !origin.matches("https?://[^/\\s]+")) {
                environment.problem(
                        Variable.CORS_ORIGINS,
                        "must be origins such as https://chat.example.org, separated by commas, or *");
            }
        }
        return origins;
    }

    private static Optional<Path> folder(Environment environment) {
        return environment.parse(
                Variable.UI_FOLDER,
                text -> {
                    try {
                        Path folder = Path.of(text).toAbsolutePath().normalize();
                        if (!Files.isRegularFile(folder.resolve("index.html"))) {
                            throw new IllegalArgumentException();
                        }
                        return folder;
                    } catch (InvalidPathException e) {
                        throw new IllegalArgumentException(e);
                    }
                },
                "must be a folder that holds the built page (index.html)");
    }
}
