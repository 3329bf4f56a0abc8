package dev.parley.dev.server;

import static dev.parley.dev.server.ServersIT.ask;
import static dev.parley.dev.server.ServersIT.publish;
import static dev.parley.dev.server.ServersIT.sql;
import static dev.parley.dev.server.ServersIT.take;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What needs a program beside this one: the death of the parent, two runs on one folder, another user. */
class ServersOfAnotherProgramIT {
    private static final String CLASS_PATH =
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

    @TempDir
    Path temporary;

    private Path folder;
    private final List<Process> parents = new ArrayList<>();

    @BeforeEach
    void openTheWay() throws IOException {
        Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwx--x--x"));
        folder = Files.createDirectory(temporary.resolve("data")).toRealPath();
    }

    @AfterEach
    void endTheParents() throws InterruptedException {
        for (Process parent : parents) {
            parent.destroyForcibly().waitFor();
        }
        await().atMost(Duration.ofSeconds(30)).until(() -> Child.in(folder).isEmpty());
    }

    @Test
    void serversDieWithTheProgramThatStartedThemAndItsNextRunFindsTheData() throws Exception {
        Running parent = parent(List.of(), CLASS_PATH);
        sql(parent.postgres, "CREATE TABLE t AS SELECT 7 AS n");
        publish(parent.rabbit, "still here");
        // The broker's directory of queues: what it does not name after a kill is out of reach.
        Path directory = folder.resolve("rabbitmq/data/parley@localhost/quorum/parley@localhost/names.dets");
        await().atMost(Duration.ofSeconds(30))
                .until(() -> new String(Files.readAllBytes(directory), StandardCharsets.ISO_8859_1).contains("%2F_q"));
        assertThat(ask(parent.redis, "CONFIG SET appendfsync always")).isEqualTo("+OK");
        assertThat(ask(parent.redis, "SET k v")).isEqualTo("+OK");
        assertThat(Child.in(folder)).hasSizeGreaterThanOrEqualTo(4);

        parent.process.destroyForcibly().waitFor();

        await().atMost(Duration.ofSeconds(60)).until(() -> Child.in(folder).isEmpty());
        Running next = parent(List.of(), CLASS_PATH);
        assertThat(sql(next.postgres, "SELECT n FROM t")).isEqualTo("7");
        assertThat(ask(next.redis, "EXISTS k")).isEqualTo(":1");
        // A quorum queue of a killed broker first has to find its leader again, and refuses to be read until then.
        await().atMost(Duration.ofSeconds(60)).ignoreExceptions().untilAsserted(() -> assertThat(take(next.rabbit))
                .isEqualTo("still here"));

        assertThatThrownBy(() -> RedisServer.start(folder.resolve("redis"), 0, Machine.withoutVariables()))
                .isInstanceOf(ServerException.class)
                .hasMessageContaining("in use by another run (process " + next.process.pid() + ")")
                .hasMessageContaining("PARLEY_DATA");

        next.process.getOutputStream().close();
        assertThat(next.process.waitFor(90, TimeUnit.SECONDS)).isTrue();
        assertThat(next.process.exitValue()).isZero();
        assertThat(Child.in(folder)).isEmpty();
    }

    @Test
    void aServerLeftOverInTheFolderIsEndedAndReplaced() throws Exception {
        Path data = folder.resolve("redis");
        RedisServer.start(data, 0, Machine.withoutVariables()).close();
        // As an earlier run would leave it where no death signal is to be had.
        Process left = new ProcessBuilder(
                        "redis-server", data.resolve("redis.conf").toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        parents.add(left);
        await().atMost(Duration.ofSeconds(30))
                .until(() -> Child.in(data).stream().anyMatch(handle -> handle.pid() == left.pid()));

        try (RedisServer redis = RedisServer.start(data, 0, Machine.withoutVariables())) {
            assertThat(left.isAlive()).isFalse();
            assertThat(ask(redis.url(), "PING")).isEqualTo("+PONG");
        }
    }

    @Test
    void somethingElseThatWorksInTheFolderIsLeftAlone() throws Exception {
        Path data = folder.resolve("redis");
        RedisServer.start(data, 0, Machine.withoutVariables()).close();
        Process visitor =
                new ProcessBuilder("sleep", "600").directory(data.toFile()).start();
        parents.add(visitor);
        RedisServer.start(data, 0, Machine.withoutVariables()).close();
        assertThat(visitor.isAlive()).isTrue();
    }

    @Test
    void postgresRunsAsNobodyWhereRootHasNoNamespaces() {
        assumeTrue(User.isRoot(), "only root has to run PostgreSQL as somebody else");
        PostgresRecipe recipe = new PostgresRecipe(Unprivileged.asNobody());
        Path data = folder.resolve("postgres");
        LocalServer server = LocalServer.start(recipe, "embedded", data, 0);
        try (server) {
            assertThat(sql(server.url(), "SELECT 1")).isEqualTo("1");
            // A backend whose session has just closed ends between being listed and being asked, and then has no user.
            assertThat(Child.in(data).stream()
                            .flatMap(handle -> handle.info().user().stream())
                            .distinct())
                    .containsExactly("nobody");
            server.kill();
            server.start();
            assertThat(sql(server.url(), "SELECT 1")).isEqualTo("1");
        }
    }

    @Test
    void theThreeRunForAUserWhoIsNotRoot() throws Exception {
        assumeTrue(User.isRoot(), "another user's tests all run without root anyway");
        Files.setAttribute(folder, "unix:uid", 65534);
        Files.setAttribute(folder, "unix:gid", 65534);
        Running parent = parent(
                List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"), readableByAll(CLASS_PATH));
        assertThat(sql(parent.postgres, "SELECT 1")).isEqualTo("1");
        assertThat(ask(parent.redis, "PING")).isEqualTo("+PONG");
        publish(parent.rabbit, "hello");
        assertThat(take(parent.rabbit)).isEqualTo("hello");

        parent.process.destroyForcibly().waitFor();
        await().atMost(Duration.ofSeconds(60)).until(() -> Child.in(folder).isEmpty());
    }

    private record Running(Process process, String postgres, String redis, String rabbit) {}

    private Running parent(List<String> prefix, String classPath) throws IOException {
        List<String> line = new ArrayList<>(prefix);
        line.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:+UseSerialGC",
                "-Djava.io.tmpdir=" + folder,
                "-cp",
                classPath,
                Parent.class.getName(),
                folder.toString()));
        Process process = new ProcessBuilder(line)
                .directory(temporary.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        parents.add(process);
        // Not closed: the parent would get a broken pipe.
        BufferedReader words = process.inputReader();
        return new Running(process, said(words), said(words), said(words));
    }

    private static String said(BufferedReader words) throws IOException {
        String line = words.readLine();
        assertThat(line).as("what the parent says").isNotNull();
        return line;
    }

    /** A copy of the class path outside the builder's home, which other users cannot enter. */
    private String readableByAll(String classPath) throws IOException {
        Path copies = Files.createDirectory(temporary.resolve("classes"));
        List<String> copied = new ArrayList<>();
        for (String entry : classPath.split(File.pathSeparator)) {
            Path from = Path.of(entry);
            if (!Files.exists(from)) {
                continue;
            }
            Path to = copies.resolve(copied.size() + "-" + from.getFileName());
            try (var all = Files.walk(from)) {
                for (Path path : all.toList()) {
                    Path copy = to.resolve(from.relativize(path).toString());
                    Files.copy(path, from.equals(path) ? to : copy, StandardCopyOption.REPLACE_EXISTING);
                }
            }
            copied.add(to.toString());
        }
        return String.join(File.pathSeparator, copied);
    }
}
