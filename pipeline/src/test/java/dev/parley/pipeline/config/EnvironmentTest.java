package dev.parley.pipeline.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnvironmentTest {
    private enum Mode {
        NONE,
        OIDC
    }

    @Test
    void whatIsNotSetHasItsDefault() {
        Environment environment = new Environment(Map.of("PATH", "/bin", "LOG_LEVEL", " "));
        assertThat(environment.integer(Variable.SERVER_PORT, 8000, 0, 65_535)).isEqualTo(8000);
        assertThat(environment.text(Variable.LOG_LEVEL)).isEmpty();
        assertThat(environment.choice(Variable.AUTH_MODE, Mode.NONE)).isEqualTo(Mode.NONE);
        assertThat(environment.list(Variable.CORS_ORIGINS)).isEmpty();
        environment.verify();
    }

    @Test
    void everyMistakeIsToldInOneStartWithoutItsSecrets() {
        Environment environment = new Environment(Map.of(
                "SERVER_PORT", "eighty",
                "AUTH_MODE", "magic",
                "QUEUE_RETRY_DELAYS", "60,30",
                "REDIS_URL", "http://:hunter2@cache",
                "KEYS_MAX_PER_MINTUE", "10"));
        environment.integer(Variable.SERVER_PORT, 8000, 0, 65_535);
        environment.choice(Variable.AUTH_MODE, Mode.NONE);
        environment.delays(Variable.QUEUE_RETRY_DELAYS, List.of());
        environment.requiredUrl(Variable.REDIS_URL, "redis", "rediss");
        environment.requiredUrl(Variable.DATABASE_URL, "postgresql");
        assertThatThrownBy(environment::verify)
                .isInstanceOf(InvalidConfiguration.class)
                .satisfies(e -> assertThat(e.getMessage().lines())
                        .hasSize(6)
                        .anyMatch(line -> line.startsWith("KEYS_MAX_PER_MINTUE is no variable"))
                        .anyMatch(line -> line.startsWith("SERVER_PORT must be a whole number from 0 to 65535"))
                        .anyMatch(line -> line.startsWith("AUTH_MODE must be one of none, oidc"))
                        .anyMatch(line -> line.startsWith("QUEUE_RETRY_DELAYS must be whole seconds in growing order"))
                        .anyMatch(line -> line.startsWith("REDIS_URL must be a URL"))
                        .anyMatch(line -> line.startsWith("DATABASE_URL is not set"))
                        .noneMatch(line -> line.contains("hunter2")));
    }

    @Test
    void aValueCanComeFromAFile(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("keys"), "k1,k2\n");
        Environment environment = new Environment(Map.of("GEMINI_API_KEYS_FILE", file.toString()));
        assertThat(environment.list(Variable.GEMINI_API_KEYS)).containsExactly("k1", "k2");
        environment.verify();
    }

    @Test
    void aFileThatCannotBeReadAndAValueSetTwiceAreMistakes(@TempDir Path folder) {
        Environment environment = new Environment(Map.of(
                "REDIS_URL_FILE", folder.resolve("missing").toString(), "LOG_LEVEL", "info", "LOG_LEVEL_FILE", "/x"));
        assertThatThrownBy(environment::verify)
                .hasMessageContaining("REDIS_URL_FILE names")
                .hasMessageContaining("LOG_LEVEL is set together with LOG_LEVEL_FILE");
    }

    @Test
    void whatKubernetesInjectsIsNoTypingError() {
        new Environment(Map.of("GEMINI_WORKER_SERVICE_HOST", "10.0.0.1", "WORKER_PORT_80_TCP", "tcp://…")).verify();
    }

    @Test
    void delaysAreSeconds() {
        Environment environment = new Environment(Map.of("QUEUE_RETRY_DELAYS", "1, 60"));
        assertThat(environment.delays(Variable.QUEUE_RETRY_DELAYS, List.of()))
                .containsExactly(Duration.ofSeconds(1), Duration.ofMinutes(1));
    }
}
