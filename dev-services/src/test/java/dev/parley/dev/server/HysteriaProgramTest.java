package dev.parley.dev.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HysteriaProgramTest {
    @TempDir
    private Path folder;

    private Path sources;
    private Path cache;

    @BeforeEach
    void makeSources() throws IOException {
        sources = Files.createDirectory(folder.resolve("pair"));
        cache = folder.resolve("cache");
        Files.writeString(sources.resolve("go.mod"), "module pair");
        Files.writeString(sources.resolve("main.go"), "package main");
    }

    /** A machine with these programs and nothing else. */
    private record Programs(Map<String, Path> paths) implements Machine {
        @Override
        public Optional<String> variable(String name) {
            return Optional.empty();
        }

        @Override
        public Optional<Path> find(String program) {
            return Optional.ofNullable(paths.get(program));
        }

        @Override
        public boolean hasEmbeddedPostgres() {
            return false;
        }

        @Override
        public boolean hasDocker() {
            return false;
        }

        @Override
        public boolean canInstall() {
            return false;
        }
    }

    /** A Go that notes each build and does what the script says; the program's path is its fourth argument. */
    private Map<String, Path> go(String script) throws IOException {
        Path go = folder.resolve("go");
        Files.writeString(go, "#!/bin/sh\necho built >>%s\n%s\n".formatted(folder.resolve("builds"), script));
        Files.setPosixFilePermissions(go, PosixFilePermissions.fromString("rwx------"));
        return Map.of("go", go);
    }

    private HysteriaProgram find(Map<String, Path> programs) {
        return HysteriaProgram.find(new Programs(programs), Optional.of(sources), cache);
    }

    private long builds() throws IOException {
        return Files.readAllLines(folder.resolve("builds")).size();
    }

    @Test
    void theInstalledAppComesFirst() {
        Path app = Path.of("/opt/bin/hysteria");
        assertThat(find(Map.of("hysteria", app, "go", Path.of("/nonexistent/go"))))
                .isEqualTo(new HysteriaProgram.Found(app, "PATH"));
    }

    @Test
    void thePairIsBuiltOncePerStateOfItsSources() throws IOException {
        Map<String, Path> go = go("printf '#!/bin/sh\\n' >\"$4\" && chmod 755 \"$4\"");
        HysteriaProgram first = find(go);
        assertThat(first).isInstanceOfSatisfying(HysteriaProgram.Found.class, found -> {
            assertThat(found.origin()).isEqualTo("built");
            assertThat(found.path()).isExecutable();
        });
        Files.writeString(sources.resolve("rules_test.go"), "package main");
        assertThat(find(go)).as("a test is no part of the program").isEqualTo(first);
        assertThat(builds()).isEqualTo(1);
        Files.writeString(sources.resolve("main.go"), "package main // changed");
        assertThat(find(go)).isNotEqualTo(first);
        assertThat(builds()).isEqualTo(2);
    }

    @Test
    void aBuildThatFailsIsToldWithItsLastWordsAndLeavesNoProgram() throws IOException {
        assertThat(find(go("echo 'main.go: no such thing' && exit 1")))
                .isInstanceOfSatisfying(HysteriaProgram.Missing.class, missing -> assertThat(missing.why())
                        .contains("could not be built", "main.go: no such thing"));
        assertThat(find(go("printf x >\"$4\" && chmod 755 \"$4\"")))
                .as("the next time it may work")
                .isInstanceOf(HysteriaProgram.Found.class);
    }

    @Test
    void withNeitherTheAppNorGoOneSentenceSaysWhatWouldHelp() {
        assertThat(find(Map.of()))
                .isInstanceOfSatisfying(HysteriaProgram.Missing.class, missing -> assertThat(missing.why())
                        .contains("install Hysteria2, or Go 1.25"));
    }

    @Test
    void thePairsSourcesAreFoundFromHere() {
        assertThat(HysteriaProgram.sources()).hasValueSatisfying(found -> assertThat(found.resolve("server.go"))
                .exists());
    }
}
