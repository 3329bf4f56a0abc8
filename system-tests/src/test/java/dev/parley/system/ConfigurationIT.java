package dev.parley.system;

import static dev.parley.system.Installation.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;

import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import dev.parley.local.process.ServiceProcess;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A service that is set up wrongly does not start, and says why in words for an operator. */
class ConfigurationIT {
    /** sysexits.h */
    private static final int EX_CONFIG = 78;

    @TempDir
    private Path logs;

    @Test
    void everyMistakeIsNamedAtOnceWithoutItsValue() throws Exception {
        try (ServiceProcess api = ServiceProcess.launch(
                        "chat-api",
                        Map.of(
                                "DATABASE_URL", "mysql://user:hush-1@127.0.0.1/parley",
                                "DATABASE_POOL_SIZE", "hush-2",
                                "RABBITMQ_URL", "amqp://user:hush-3@127.0.0.1 :5672",
                                "REDIS_URL_FILE", logs.resolve("absent").toString(),
                                "QUEUE_RETRY_DELAYS", "60,5",
                                "QUEUE_MAX_RETRYS", "2",
                                "CORS_ORIGINS", "https://user:hush-4@chat.example.org/path",
                                "LOG_LEVEL", "loud"),
                        logs);
                ServiceProcess worker = ServiceProcess.launch(
                        "gemini-worker",
                        Map.of(
                                "REDIS_URL", "redis://:hush-5@127.0.0.1:6379/0",
                                "GEMINI_API_KEYS", "team=hush-6,team=",
                                "HTTP_PROXY", "socks5://user:hush-7@127.0.0.1:1080",
                                "KEYS_MAX_PER_MINUTE", "0",
                                "WORKER_PREFETCH_COUNT", "many"),
                        logs)) {
            assertThat(api.awaitExit(PATIENCE)).isEqualTo(EX_CONFIG);
            assertThat(mistakes(api, "chat-api"))
                    .containsExactlyInAnyOrder(
                            "DATABASE_URL",
                            "DATABASE_POOL_SIZE",
                            "RABBITMQ_URL",
                            "REDIS_URL_FILE",
                            "QUEUE_RETRY_DELAYS",
                            "QUEUE_MAX_RETRYS",
                            "CORS_ORIGINS",
                            "LOG_LEVEL");
            assertThat(api.log()).doesNotContain("hush").contains("must be one of error, warn, info, debug, trace");

            assertThat(worker.awaitExit(PATIENCE)).isEqualTo(EX_CONFIG);
            assertThat(mistakes(worker, "gemini-worker"))
                    .containsExactlyInAnyOrder(
                            "RABBITMQ_URL",
                            "GEMINI_API_KEYS",
                            "HTTP_PROXY",
                            "KEYS_MAX_PER_MINUTE",
                            "WORKER_PREFETCH_COUNT");
            assertThat(worker.log()).doesNotContain("hush");
        }
    }

    /** The variables of the lines, of which there is nothing else: one line for each mistake. */
    private static List<String> mistakes(ServiceProcess service, String name) throws Exception {
        List<String> lines = service.log().lines().toList();
        assertThat(lines).allMatch(line -> line.startsWith(name + ": "));
        return lines.stream()
                .map(line -> line.substring(name.length() + 2).split(" ", 2)[0])
                .toList();
    }

    @Test
    void aQueueWithOtherSettingsIsNamedAndLeftAlone() throws Exception {
        try (Installation parley = Installation.fresh()) {
            ConnectionFactory factory = new ConnectionFactory();
            factory.setUri(parley.rabbitUrl());
            try (Connection connection = factory.newConnection()) {
                connection.createChannel().queueDeclare("gemini.requests", true, false, false, Map.of());
                connection.createChannel().basicPublish("", "gemini.requests", null, new byte[] {1});
            }
            try (ServiceProcess api = ServiceProcess.launch("chat-api", parley.variables(Map.of()), logs);
                    ServiceProcess worker = ServiceProcess.launch("gemini-worker", parley.variables(Map.of()), logs)) {
                for (ServiceProcess service : List.of(api, worker)) {
                    assertThat(service.awaitExit(PATIENCE)).isEqualTo(EX_CONFIG);
                    assertThat(service.log())
                            .contains("queue gemini.requests with other settings", "REQUEST_QUEUE")
                            .doesNotContain(Haystack.password(parley.rabbitUrl()))
                            .doesNotContain("at dev.parley");
                }
            }
            try (Connection connection = factory.newConnection()) {
                assertThat(connection.createChannel().messageCount("gemini.requests"))
                        .isEqualTo(1);
            }
        }
    }
}
