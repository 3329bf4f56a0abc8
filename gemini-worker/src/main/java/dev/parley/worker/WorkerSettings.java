package dev.parley.worker;

import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.config.Environment;
import dev.parley.pipeline.config.Variable;
import dev.parley.pipeline.runtime.Logs;
import dev.parley.worker.quota.InvalidKeys;
import dev.parley.worker.quota.KeysFile;
import dev.parley.worker.quota.QuotaGroup;
import dev.parley.worker.quota.QuotaGroups;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything a worker can be told, read once from the environment.
 *
 * @param keysFile where the quota groups came from, if from a file, to be watched
 * @param maxRetries steps of the ladder that are used, at most as many as there are delays; as the API reads it
 * @param prefetch requests held at once, waiting or calling
 * @param proxy HTTP CONNECT proxy towards Gemini
 * @param shutdownGrace from SIGTERM to the moment everything is closed
 */
public record WorkerSettings(
        URI redisUrl,
        URI rabbitUrl,
        Topology topology,
        int maxRetries,
        int prefetch,
        List<QuotaGroup> quotaGroups,
        Optional<Path> keysFile,
        int keysMaxPerMinute,
        Optional<Integer> keysMaxPerDay,
        Optional<Integer> keysMaxTokensPerMinute,
        Duration keysCooldown,
        URI geminiBaseUrl,
        Optional<URI> proxy,
        String observeHost,
        int observePort,
        Duration shutdownGrace,
        Logs.Level logLevel,
        Logs.Format logFormat) {

    /** @throws dev.parley.pipeline.config.InvalidConfiguration with one line for each mistake */
    public static WorkerSettings read(Map<String, String> variables) {
        Environment environment = new Environment(variables);
        Topology topology = Topology.from(environment);
        List<QuotaGroup> groups = List.of();
        Optional<Path> keysFile = environment.file(Variable.GEMINI_API_KEYS);
        if (keysFile.isPresent()) {
            try {
                groups = KeysFile.read(keysFile.get());
            } catch (InvalidKeys e) {
                environment.problems(Variable.GEMINI_API_KEYS, e.problems());
            }
        } else if (environment.list(Variable.GEMINI_API_KEYS).isEmpty()) {
            environment.problem(Variable.GEMINI_API_KEYS, "is not set; give at least one key, as in key1,team=key2");
        } else {
            try {
                groups = QuotaGroups.parse(environment.list(Variable.GEMINI_API_KEYS));
            } catch (IllegalArgumentException e) {
                environment.problem(Variable.GEMINI_API_KEYS, e.getMessage());
            }
        }
        WorkerSettings settings = new WorkerSettings(
                environment.requiredUrl(Variable.REDIS_URL, "redis", "rediss"),
                environment.requiredUrl(Variable.RABBITMQ_URL, "amqp", "amqps"),
                topology,
                topology.maxRetries(environment),
                environment.integer(Variable.WORKER_PREFETCH_COUNT, 50, 1, 1_000),
                groups,
                keysFile,
                environment.integer(Variable.KEYS_MAX_PER_MINUTE, 10, 1, 1_000_000),
                environment.optionalInteger(Variable.KEYS_MAX_PER_DAY, 1, 100_000_000),
                environment.optionalInteger(Variable.KEYS_MAX_TOKENS_PER_MINUTE, 1, 1_000_000_000),
                environment.seconds(Variable.KEYS_COOLDOWN_SECONDS, Duration.ofSeconds(60), 1, 86_400),
                environment
                        .url(Variable.GEMINI_BASE_URL, "https", "http")
                        .orElse(URI.create("https://generativelanguage.googleapis.com")),
                environment.url(Variable.HTTP_PROXY, "http"),
                environment.text(Variable.OBSERVE_HOST, "0.0.0.0"),
                environment.integer(Variable.OBSERVE_PORT, 9101, 0, 65_535),
                environment.seconds(Variable.SHUTDOWN_GRACE_SECONDS, Duration.ofSeconds(60), 1, 3_600),
                environment.choice(Variable.LOG_LEVEL, Logs.Level.INFO),
                environment.choice(Variable.LOG_FORMAT, Logs.Format.JSON));
        environment.verify();
        return settings;
    }
}
