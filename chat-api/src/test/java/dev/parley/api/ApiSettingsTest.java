package dev.parley.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.api.user.AuthMode;
import dev.parley.pipeline.config.Environment;
import dev.parley.pipeline.config.InvalidConfiguration;
import dev.parley.pipeline.runtime.Logs;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApiSettingsTest {
    private static final Map<String, String> REQUIRED = Map.of(
            "DATABASE_URL", "postgresql://u:p@db/parley",
            "REDIS_URL", "redis://cache",
            "RABBITMQ_URL", "amqp://broker");

    private static ApiSettings settings(Map<String, String> more) {
        Map<String, String> all = new HashMap<>(REQUIRED);
        all.putAll(more);
        return ApiSettings.from(new Environment(all));
    }

    @Test
    void theDefaultsAreThoseOfTheTable() {
        assertThat(settings(Map.of()))
                .isEqualTo(new ApiSettings(
                        URI.create("postgresql://u:p@db/parley"),
                        10,
                        URI.create("redis://cache"),
                        URI.create("amqp://broker"),
                        "gemini.requests",
                        "gemini.responses",
                        List.of(
                                Duration.ofSeconds(60),
                                Duration.ofSeconds(600),
                                Duration.ofSeconds(3600),
                                Duration.ofSeconds(86400)),
                        4,
                        List.of("gemini-3.8-flash"),
                        100_000,
                        "0.0.0.0",
                        8000,
                        "0.0.0.0",
                        9100,
                        List.of(),
                        AuthMode.NONE,
                        Duration.ofSeconds(25),
                        Optional.empty(),
                        false,
                        Logs.Level.INFO,
                        Logs.Format.JSON));
    }

    @Test
    void everyVariableHasItsPlace(@TempDir Path ui) throws IOException {
        Files.writeString(ui.resolve("index.html"), "x");
        Map<String, String> all = new HashMap<>(Map.of(
                "DATABASE_POOL_SIZE", "3",
                "REQUEST_QUEUE", "a",
                "RESPONSE_QUEUE", "b",
                "QUEUE_RETRY_DELAYS", "1,2,3",
                "QUEUE_MAX_RETRIES", "2",
                "GEMINI_MODEL_TEXT", "m, n",
                "MESSAGE_MAX_CHARACTERS", "7",
                "SERVER_HOST", "127.0.0.1",
                "SERVER_PORT", "1"));
        all.putAll(Map.of(
                "OBSERVE_HOST", "127.0.0.2",
                "OBSERVE_PORT", "2",
                "CORS_ORIGINS", "https://a.example, http://b.example:8080",
                "AUTH_MODE", "none",
                "SHUTDOWN_GRACE_SECONDS", "5",
                "UI_FOLDER", ui.toString(),
                "LOG_LEVEL", "debug",
                "LOG_FORMAT", "text"));
        ApiSettings settings = settings(all);
        assertThat(settings)
                .isEqualTo(new ApiSettings(
                        URI.create("postgresql://u:p@db/parley"),
                        3,
                        URI.create("redis://cache"),
                        URI.create("amqp://broker"),
                        "a",
                        "b",
                        List.of(Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(3)),
                        2,
                        List.of("m", "n"),
                        7,
                        "127.0.0.1",
                        1,
                        "127.0.0.2",
                        2,
                        List.of("https://a.example", "http://b.example:8080"),
                        AuthMode.NONE,
                        Duration.ofSeconds(5),
                        Optional.of(ui.toAbsolutePath()),
                        false,
                        Logs.Level.DEBUG,
                        Logs.Format.TEXT));
        assertThat(settings.maxAttempts()).isEqualTo(3);
        assertThat(settings.withFakeModel().fakeModel()).isTrue();
        assertThat(settings(Map.of("GEMINI_FAKE", "true")).fakeModel()).isTrue();
    }

    @Test
    void fewerDelaysMeanFewerRetries() {
        assertThat(settings(Map.of("QUEUE_RETRY_DELAYS", "1,2")).maxRetries()).isEqualTo(2);
        assertThatThrownBy(() -> settings(Map.of("QUEUE_RETRY_DELAYS", "1,2", "QUEUE_MAX_RETRIES", "3")))
                .isInstanceOf(InvalidConfiguration.class)
                .hasMessageContaining("QUEUE_MAX_RETRIES");
    }

    @Test
    void everyMistakeIsNamedAtOnceAndNoValueOfASecret() {
        assertThatThrownBy(() -> ApiSettings.from(new Environment(Map.of(
                        "DATABASE_URL", "postgresql://u:hunter2@db",
                        "RABBITMQ_URL", "http://broker",
                        "CORS_ORIGINS", "chat.example.org",
                        "REQUEST_QUEUE", "same",
                        "RESPONSE_QUEUE", "same",
                        "SERVER_PORT", "eighty",
                        "UI_FOLDER", "/nowhere",
                        "AUTH_MODE", "everybody"))))
                .isInstanceOf(InvalidConfiguration.class)
                .message()
                .contains(
                        "DATABASE_URL must name a database",
                        "REDIS_URL is not set",
                        "RABBITMQ_URL must be",
                        "CORS_ORIGINS must be",
                        "RESPONSE_QUEUE must differ",
                        "SERVER_PORT must be",
                        "UI_FOLDER must be",
                        "AUTH_MODE must be one of none")
                .doesNotContain("hunter2");
    }
}
