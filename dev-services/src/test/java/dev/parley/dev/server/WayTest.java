package dev.parley.dev.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WayTest {

    private record Described(
            Map<String, String> variables, List<String> programs, boolean embedded, boolean docker, boolean root)
            implements Machine {
        @Override
        public Optional<String> variable(String name) {
            return Optional.ofNullable(variables.get(name));
        }

        @Override
        public Optional<Path> find(String program) {
            return Optional.of(program).filter(programs::contains).map(name -> Path.of("/usr/bin", name));
        }

        @Override
        public boolean hasEmbeddedPostgres() {
            return embedded;
        }

        @Override
        public boolean hasDocker() {
            return docker;
        }

        @Override
        public boolean canInstall() {
            return root;
        }
    }

    private static final Machine EMPTY = new Described(Map.of(), List.of(), false, false, false);

    private static final Machine EVERYTHING =
            new Described(Map.of(), List.of("redis-server", "rabbitmq-server"), true, true, true);

    @Test
    void aVariableComesBeforeAllElse() {
        Machine machine = new Described(
                Map.of("REDIS_URL", "redis://elsewhere:6379/0"), List.of("redis-server"), true, true, true);
        assertThat(Way.to(Kind.REDIS, machine)).containsExactly(new Way.Environment("redis://elsewhere:6379/0"));
    }

    @Test
    void postgresIsBuiltInAndThenSoughtInDocker() {
        assertThat(Way.to(Kind.POSTGRES, EVERYTHING))
                .containsExactly(new Way.Embedded(), new Way.Docker("postgres:17"));
    }

    @Test
    void theOthersAreSoughtOnThePathThenInDockerThenInstalled() {
        assertThat(Way.to(Kind.REDIS, EVERYTHING))
                .containsExactly(
                        new Way.Installed(Path.of("/usr/bin/redis-server")),
                        new Way.Docker("redis:7"),
                        new Way.Apt("redis-server"));
        assertThat(Way.to(Kind.RABBITMQ, EVERYTHING))
                .containsExactly(
                        new Way.Installed(Path.of("/usr/bin/rabbitmq-server")),
                        new Way.Docker("rabbitmq:4.0"),
                        new Way.Apt("rabbitmq-server"));
    }

    @Test
    void anEmptyMachineHasNoWayAndIsToldAllOfThem() {
        for (Kind kind : Kind.values()) {
            assertThat(Way.to(kind, EMPTY)).isEmpty();
        }
        assertThat(Way.none(Kind.RABBITMQ, List.of("Docker could not run rabbitmq:4.0: no network")))
                .contains("RABBITMQ_URL", "apt-get install rabbitmq-server", "PATH", "Docker")
                .endsWith("Tried: Docker could not run rabbitmq:4.0: no network.");
        assertThat(Way.none(Kind.POSTGRES, List.of()))
                .contains("DATABASE_URL", "postgres:17", "glibc")
                .doesNotContain("Tried");
    }

    @Test
    void anEmptyMachineGetsTheSentenceAsAnError(@TempDir Path folder) {
        assertThatThrownBy(() -> RedisServer.start(folder.resolve("redis"), 0, EMPTY))
                .isInstanceOf(ServerException.class)
                .hasMessage(Way.none(Kind.REDIS, List.of()));
    }
}
