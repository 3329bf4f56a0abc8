package dev.parley.dev.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.github.dockerjava.api.exception.NotFoundException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.testcontainers.DockerClientFactory;

/** The servers as containers, where a Docker engine answers and has their images; the test pulls none. */
class ContainerServerIT {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aServerInAContainerKeepsItsDataOverAStopAKillAndAnotherContainer(Kind kind) throws Exception {
        assumeTrue(has(kind.image), "no Docker engine with " + kind.image);
        try (ContainerServer server = ContainerServer.start(kind, folder.resolve("data"), 0)) {
            assertThat(server.origin()).isEqualTo("docker");
            write(kind, server);
            int port = server.port();
            server.stop();
            server.start();
            assertThat(server.port()).isEqualTo(port);
            assertThat(finds(kind, server)).isTrue();
            server.kill();
            server.start();
            assertThat(finds(kind, server)).isTrue();
        }
        try (ContainerServer server = ContainerServer.start(kind, folder.resolve("data"), 0)) {
            assertThat(finds(kind, server)).isTrue();
        }
    }

    private static boolean has(String image) {
        DockerClientFactory docker = DockerClientFactory.instance();
        if (!docker.isDockerAvailable()) {
            return false;
        }
        try {
            docker.client().inspectImageCmd(image).exec();
            return true;
        } catch (NotFoundException e) {
            return false;
        }
    }

    private static void write(Kind kind, ContainerServer server) throws Exception {
        switch (kind) {
            case POSTGRES -> {
                try (Connection connection =
                        PostgresRecipe.connect(server.port(), server.password(), PostgresRecipe.DATABASE)) {
                    connection.createStatement().execute("CREATE TABLE kept (id int)");
                }
            }
            case REDIS -> RedisDoor.ask(server.port(), server.password(), 0, "SET kept yes");
            case RABBITMQ -> server.run("rabbitmqctl", "add_vhost", "kept");
        }
    }

    private static boolean finds(Kind kind, ContainerServer server) throws Exception {
        return switch (kind) {
            case POSTGRES -> {
                try (Connection connection =
                                PostgresRecipe.connect(server.port(), server.password(), PostgresRecipe.DATABASE);
                        ResultSet tables = connection.getMetaData().getTables(null, null, "kept", null)) {
                    yield tables.next();
                }
            }
            case REDIS ->
                RedisDoor.ask(server.port(), server.password(), 0, "EXISTS kept")
                        .equals(":1");
            case RABBITMQ -> {
                server.run("rabbitmqctl", "set_permissions", "-p", "kept", RabbitRecipe.USER, ".*", ".*", ".*");
                yield true;
            }
        };
    }
}
