package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeysWatchTest {
    private static final Duration OFTEN = Duration.ofMillis(20);
    private final List<List<QuotaGroup>> used = new CopyOnWriteArrayList<>();
    private final Heard heard = new Heard();
    private final Logger logger = Logger.getLogger(KeysWatch.class.getName());

    @TempDir
    private Path folder;

    private static final class Heard extends Handler {
        final List<String> lines = new CopyOnWriteArrayList<>();

        @Override
        public void publish(LogRecord entry) {
            lines.add(new SimpleFormatter().formatMessage(entry));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }

    @BeforeEach
    void listen() {
        logger.addHandler(heard);
    }

    @AfterEach
    void stopListening() {
        logger.removeHandler(heard);
    }

    private static String group(String... keys) {
        return "groups: [{name: a, keys: [" + String.join(", ", keys) + "]}]";
    }

    private KeysWatch watch(Path file) throws InvalidKeys {
        return KeysWatch.start(file, KeysFile.read(file), used::add, Clock.systemUTC(), OFTEN);
    }

    private static List<String> keys(List<QuotaGroup> groups) {
        List<String> secrets = new ArrayList<>();
        groups.forEach(group -> group.keys().forEach(key -> secrets.add(key.secret())));
        return secrets;
    }

    @Test
    void aSecretThatKubernetesSwapsByItsLinkIsReadAgain() throws Exception {
        // As the kubelet lays a secret out: file → ..data/file, ..data → a folder with a time in its name.
        Files.createDirectory(folder.resolve("..one"));
        Files.createDirectory(folder.resolve("..two"));
        Files.writeString(folder.resolve("..one/keys.yaml"), group("AIza1"));
        Files.writeString(folder.resolve("..two/keys.yaml"), group("AIza1", "AIza2"));
        Files.setLastModifiedTime(
                folder.resolve("..two/keys.yaml"), Files.getLastModifiedTime(folder.resolve("..one/keys.yaml")));
        Files.createSymbolicLink(folder.resolve("..data"), Path.of("..one"));
        Path file = Files.createSymbolicLink(folder.resolve("keys.yaml"), Path.of("..data/keys.yaml"));
        try (KeysWatch watch = watch(file)) {
            turn("..two");
            await().until(() -> used.size() == 1);
            assertThat(keys(used.getFirst())).containsExactly("AIza1", "AIza2");
            turn("..one");
            await().until(() -> used.size() == 2);
            assertThat(keys(used.getLast())).containsExactly("AIza1");
            await().until(() -> watch.reloads() == 2);
        }
    }

    private void turn(String to) throws IOException {
        Path fresh = Files.createSymbolicLink(folder.resolve("..fresh"), Path.of(to));
        Files.move(
                fresh, folder.resolve("..data"), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Test
    void aBadFileIsRefusedWholeAndToldOnce() throws Exception {
        Path file = Files.writeString(folder.resolve("keys.yaml"), group("AIza1"));
        try (KeysWatch watch = watch(file)) {
            Files.writeString(file, group("AIza2", "AIza2"));
            await().until(() -> watch.status().problems().size() == 1);
            assertThat(watch.status().problems()).containsExactly("group 1, key 2: is the same as group 1, key 1");
            Files.delete(file);
            await().until(() -> watch.refusals() == 2);
            assertThat(watch.status().problems()).containsExactly("the file cannot be read");
            assertThat(used).isEmpty();

            Files.writeString(file, group("AIza3"));
            await().until(() -> watch.status().problems().isEmpty());
            assertThat(used).hasSize(1);
            assertThat(keys(used.getFirst())).containsExactly("AIza3");
        }
        assertThat(heard.lines).filteredOn(line -> line.contains("refused")).hasSize(2);
        assertThat(heard.lines).noneMatch(line -> line.contains("AIza"));
    }

    @Test
    void anotherTextOfTheSameKeysChangesNothing() throws Exception {
        Path file = Files.writeString(folder.resolve("keys.yaml"), group("AIza1"));
        try (KeysWatch watch = watch(file)) {
            Files.writeString(file, group("x y"));
            await().until(() -> watch.refusals() == 1);
            Files.writeString(file, "# the same\n" + group("AIza1"));
            await().until(() -> watch.status().problems().isEmpty());
            assertThat(used).isEmpty();
        }
    }
}
