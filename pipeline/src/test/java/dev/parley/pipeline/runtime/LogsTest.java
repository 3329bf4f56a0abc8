package dev.parley.pipeline.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.message.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.logging.LogManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LogsTest {
    private static final System.Logger LOG = System.getLogger("dev.parley.pipeline.runtime.LogsTest");

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private PrintStream console;

    @BeforeEach
    void catchTheConsole() {
        console = System.out;
        System.setOut(new PrintStream(written, true, StandardCharsets.UTF_8));
    }

    @AfterEach
    void giveTheConsoleBack() throws IOException {
        System.setOut(console);
        LogManager.getLogManager().readConfiguration();
    }

    private List<String> lines() {
        return written.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> !line.isBlank())
                .toList();
    }

    private JsonNode only() throws IOException {
        assertThat(lines()).hasSize(1);
        return Json.mapper().readTree(lines().getFirst());
    }

    @Test
    void aLineIsOneJsonObjectWithTheIdsOfWhatItIsAbout() throws IOException {
        Logs.configure(Logs.Level.INFO, Logs.Format.JSON);
        Logs.with(
                Map.of("request", "r-1", "chat", "c-1", "answer", "a-1", "attempt", "2"),
                () -> LOG.log(System.Logger.Level.INFO, "it \"happened\"\nagain, {0}", "twice"));
        JsonNode line = only();
        assertThat(line.get("message").asText()).isEqualTo("it \"happened\"\nagain, twice");
        assertThat(line.get("level").asText()).isEqualTo("INFO");
        assertThat(line.get("request").asText()).isEqualTo("r-1");
        assertThat(line.get("chat").asText()).isEqualTo("c-1");
        assertThat(line.get("answer").asText()).isEqualTo("a-1");
        assertThat(line.get("attempt").asText()).isEqualTo("2");
    }

    @Test
    void anExceptionStaysWithinItsLine() throws IOException {
        Logs.configure(Logs.Level.INFO, Logs.Format.JSON);
        LOG.log(System.Logger.Level.ERROR, "broken", new IllegalStateException("why \"so\""));
        JsonNode line = only();
        assertThat(line.get("message").asText()).isEqualTo("broken");
        assertThat(line.get("exception").asText()).contains("why \"so\"").contains("LogsTest");
    }

    @Test
    void theIdsAreTakenOffAlsoAfterAFailure() throws IOException {
        Logs.configure(Logs.Level.INFO, Logs.Format.JSON);
        assertThatThrownBy(() -> Logs.with(Map.of("answer", "a-1"), () -> {
                    throw new IllegalStateException("x");
                }))
                .isInstanceOf(IllegalStateException.class);
        LOG.log(System.Logger.Level.INFO, "another");
        assertThat(lines().getFirst()).doesNotContain("a-1");
    }

    @Test
    void aLevelHidesWhatIsBelowItAndOtherPeoplesInformation() throws IOException {
        Logs.configure(Logs.Level.WARN, Logs.Format.JSON);
        LOG.log(System.Logger.Level.INFO, "hidden");
        System.getLogger("org.other").log(System.Logger.Level.INFO, "hidden too");
        LOG.log(System.Logger.Level.WARNING, "shown");
        assertThat(only().get("message").asText()).isEqualTo("shown");
    }

    @Test
    void peopleGetPlainLines() {
        Logs.configure(Logs.Level.INFO, Logs.Format.TEXT);
        LOG.log(System.Logger.Level.INFO, "hello");
        assertThat(lines()).hasSize(1);
        assertThat(lines().getFirst()).contains("INFO").endsWith("hello");
    }
}
