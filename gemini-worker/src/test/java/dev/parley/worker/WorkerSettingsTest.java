package dev.parley.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.pipeline.config.InvalidConfiguration;
import dev.parley.pipeline.runtime.Logs;
import dev.parley.worker.quota.QuotaGroup;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WorkerSettingsTest {
    private static final Map<String, String> LEAST = Map.of(
            "REDIS_URL", "redis://localhost:6379/0",
            "RABBITMQ_URL", "amqp://user:broker-password@localhost:5672/%2F",
            "GEMINI_API_KEYS", "secret-key-1");

    private static Map<String, String> with(String name, String value) {
        Map<String, String> variables = new HashMap<>(LEAST);
        variables.put(name, value);
        return variables;
    }

    @Test
    void theDefaultsAreThoseOfTheReadme() {
        WorkerSettings settings = WorkerSettings.read(LEAST);
        assertThat(settings.topology().requests()).isEqualTo("gemini.requests");
        assertThat(settings.topology().responses()).isEqualTo("gemini.responses");
        assertThat(settings.topology().retryDelays())
                .containsExactly(
                        Duration.ofSeconds(60),
                        Duration.ofSeconds(600),
                        Duration.ofSeconds(3_600),
                        Duration.ofSeconds(86_400));
        assertThat(settings.maxRetries()).isEqualTo(4);
        assertThat(settings.prefetch()).isEqualTo(50);
        assertThat(settings.keysMaxPerMinute()).isEqualTo(10);
        assertThat(settings.keysMaxPerDay()).isEmpty();
        assertThat(settings.keysMaxTokensPerMinute()).isEmpty();
        assertThat(settings.keysCooldown()).isEqualTo(Duration.ofSeconds(60));
        assertThat(settings.geminiBaseUrl()).isEqualTo(URI.create("https://generativelanguage.googleapis.com"));
        assertThat(settings.proxy()).isEmpty();
        assertThat(settings.observePort()).isEqualTo(9101);
        assertThat(settings.shutdownGrace()).isEqualTo(Duration.ofSeconds(60));
        assertThat(settings.logLevel()).isEqualTo(Logs.Level.INFO);
        assertThat(settings.logFormat()).isEqualTo(Logs.Format.JSON);
    }

    @Test
    void everySettingIsTakenFromItsVariable() {
        Map<String, String> variables = new HashMap<>(LEAST);
        variables.putAll(Map.ofEntries(
                Map.entry("REDIS_URL", "rediss://redis:1/2"),
                Map.entry("RABBITMQ_URL", "amqps://rabbit:2"),
                Map.entry("GEMINI_API_KEYS", "team=secret-key-1, team=secret-key-2, secret-key-3"),
                Map.entry("REQUEST_QUEUE", "in"),
                Map.entry("RESPONSE_QUEUE", "out"),
                Map.entry("QUEUE_RETRY_DELAYS", "1,2,3"),
                Map.entry("QUEUE_MAX_RETRIES", "2"),
                Map.entry("WORKER_PREFETCH_COUNT", "7"),
                Map.entry("KEYS_MAX_PER_MINUTE", "5"),
                Map.entry("KEYS_MAX_PER_DAY", "100"),
                Map.entry("KEYS_MAX_TOKENS_PER_MINUTE", "250000"),
                Map.entry("KEYS_COOLDOWN_SECONDS", "9"),
                Map.entry("GEMINI_BASE_URL", "http://fake:8090"),
                Map.entry("HTTP_PROXY", "http://hysteria:8080"),
                Map.entry("OBSERVE_HOST", "127.0.0.1"),
                Map.entry("OBSERVE_PORT", "0"),
                Map.entry("SHUTDOWN_GRACE_SECONDS", "30"),
                Map.entry("LOG_LEVEL", "debug"),
                Map.entry("LOG_FORMAT", "text")));
        WorkerSettings settings = WorkerSettings.read(variables);
        assertThat(settings.redisUrl()).isEqualTo(URI.create("rediss://redis:1/2"));
        assertThat(settings.rabbitUrl()).isEqualTo(URI.create("amqps://rabbit:2"));
        assertThat(settings.quotaGroups()).hasSize(2).first().satisfies(group -> assertThat(group.keys())
                .hasSize(2));
        assertThat(settings.quotaGroups()).extracting(QuotaGroup::name).contains("team");
        assertThat(settings.topology().requests()).isEqualTo("in");
        assertThat(settings.topology().responses()).isEqualTo("out");
        assertThat(settings.topology().retryDelays())
                .containsExactly(Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(3));
        assertThat(settings.maxRetries()).isEqualTo(2);
        assertThat(settings.prefetch()).isEqualTo(7);
        assertThat(settings.keysMaxPerMinute()).isEqualTo(5);
        assertThat(settings.keysMaxPerDay()).contains(100);
        assertThat(settings.keysMaxTokensPerMinute()).contains(250_000);
        assertThat(settings.keysCooldown()).isEqualTo(Duration.ofSeconds(9));
        assertThat(settings.geminiBaseUrl()).isEqualTo(URI.create("http://fake:8090"));
        assertThat(settings.proxy()).contains(URI.create("http://hysteria:8080"));
        assertThat(settings.observeHost()).isEqualTo("127.0.0.1");
        assertThat(settings.observePort()).isZero();
        assertThat(settings.shutdownGrace()).isEqualTo(Duration.ofSeconds(30));
        assertThat(settings.logLevel()).isEqualTo(Logs.Level.DEBUG);
        assertThat(settings.logFormat()).isEqualTo(Logs.Format.TEXT);
    }

    /** The API tells users of the same number of attempts. */
    @Test
    void aShorterLadderHasFewerRetries() {
        assertThat(WorkerSettings.read(with("QUEUE_RETRY_DELAYS", "1,2")).maxRetries())
                .isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "REDIS_URL | http://localhost | scheme redis",
                "RABBITMQ_URL | nonsense | scheme amqp",
                "GEMINI_API_KEYS | , | at least one key",
                "GEMINI_API_KEYS | secret-key-1,secret-key-1 | repeats a key",
                "QUEUE_RETRY_DELAYS | 10,5 | growing",
                "QUEUE_MAX_RETRIES | 5 | from 0 to 4",
                "WORKER_PREFETCH_COUNT | 0 | from 1",
                "KEYS_MAX_PER_MINUTE | many | whole number",
                "KEYS_MAX_PER_DAY | -1 | whole number",
                "GEMINI_BASE_URL | ftp://x | scheme https",
                "HTTP_PROXY | socks://x | scheme http",
                "RESPONSE_QUEUE | gemini.requests | must differ",
                "SHUTDOWN_GRACE_SECONDS | 0 | from 1",
                "LOG_LEVEL | loud | one of",
                "GEMINI_API_KEY | x | no variable"
            })
    void aMistakeStopsTheStartAndIsNamedWithoutItsValue(String name, String value, String expected) {
        assertThatThrownBy(() -> WorkerSettings.read(with(name, value)))
                .isInstanceOf(InvalidConfiguration.class)
                .hasMessageContaining(name)
                .hasMessageContaining(expected)
                .message()
                .doesNotContain("secret")
                .doesNotContain("password");
    }

    @Test
    void theKeysComeFromAYamlFile(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(
                folder.resolve("GEMINI_API_KEYS"),
                "groups: [{name: team, keys: [secret-key-1], limits: {requestsPerMinute: 3}, weight: 2}]");
        WorkerSettings settings = WorkerSettings.read(fromFile(file));
        assertThat(settings.keysFile()).contains(file);
        assertThat(settings.quotaGroups()).singleElement().satisfies(group -> {
            assertThat(group.name()).isEqualTo("team");
            assertThat(group.limits().requestsPerMinute()).contains(3);
            assertThat(group.weight()).isEqualTo(2);
        });
    }

    @Test
    void everyMistakeOfAKeysFileStopsTheStartInALineOfItsOwn(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(
                folder.resolve("keys.yaml"),
                "groups: [{name: a, keys: [secret, secret], weight: 0}, {name: a, keys: [x]}]");
        assertThatThrownBy(() -> WorkerSettings.read(fromFile(file)))
                .isInstanceOf(InvalidConfiguration.class)
                .hasMessage("""
                        GEMINI_API_KEYS: group 1, key 2: is the same as group 1, key 1
                        GEMINI_API_KEYS: group 1, weight: must be a whole number from 1 to 100
                        GEMINI_API_KEYS: group 2: has the name of group 1""");
        assertThatThrownBy(() -> WorkerSettings.read(fromFile(folder.resolve("none"))))
                .hasMessageContaining("GEMINI_API_KEYS_FILE names")
                .hasMessageContaining("cannot be read");
    }

    private static Map<String, String> fromFile(Path file) {
        Map<String, String> variables = with("GEMINI_API_KEYS_FILE", file.toString());
        variables.remove("GEMINI_API_KEYS");
        return variables;
    }

    @Test
    void everyMistakeIsToldAtOnce() {
        assertThatThrownBy(() -> WorkerSettings.read(Map.of("WORKER_PREFETCH_COUNT", "x")))
                .message()
                .contains("REDIS_URL", "RABBITMQ_URL", "GEMINI_API_KEYS", "WORKER_PREFETCH_COUNT");
    }

    @Test
    void noKeyIsInTheTextForm() {
        assertThat(WorkerSettings.read(LEAST).toString()).doesNotContain("secret-key-1");
    }
}
