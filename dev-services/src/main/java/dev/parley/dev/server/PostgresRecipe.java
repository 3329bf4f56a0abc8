package dev.parley.dev.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** PostgreSQL from the built-in programs. fsync stays on: what it promises is what Parley promises. */
final class PostgresRecipe implements Recipe {
    static final String USER = "parley";
    static final String DATABASE = "parley";

    /** initdb takes 1 s; the bound is for a machine that is doing much else. */
    private static final Duration INIT_BOUND = Duration.ofMinutes(3);

    private final Unprivileged unprivileged;

    PostgresRecipe(Unprivileged unprivileged) {
        this.unprivileged = unprivileged;
    }

    @Override
    public String title() {
        return Kind.POSTGRES.title;
    }

    @Override
    public String name() {
        return Kind.POSTGRES.folder();
    }

    @Override
    public void prepare(Path folder, int port, String password, Path log) throws IOException {
        Path data = folder.resolve("data");
        if (Files.isDirectory(data)) {
            forgetTheDead(data.resolve("postmaster.pid"));
            return;
        }
        // A folder that got its name by a rename is whole, whenever an earlier run was killed.
        Path fresh = folder.resolve("data.new");
        PostgresBinaries.deleteAll(fresh);
        Files.createDirectory(fresh);
        unprivileged.own(fresh);
        Path secret = folder.resolve("initdb.password");
        Files.deleteIfExists(secret);
        Files.copy(folder.resolve("password"), secret, StandardCopyOption.COPY_ATTRIBUTES);
        unprivileged.own(secret);
        List<String> line = new ArrayList<>(unprivileged.prefix());
        line.addAll(List.of(
                PostgresBinaries.unpacked(unprivileged.isOther())
                        .resolve("bin/initdb")
                        .toString(),
                "--pgdata=" + fresh,
                "--username=" + USER,
                "--pwfile=" + secret,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8"));
        try {
            int code = Child.run(new Child.Command(line, Map.of()), folder, log, INIT_BOUND);
            if (code != 0) {
                throw new IOException("initdb ended with " + code);
            }
        } finally {
            Files.deleteIfExists(secret);
        }
        Files.move(fresh, data, StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Removes the lock of a server that was killed with its parent and that nobody has reaped: PostgreSQL takes such a process for a
     * living one. None of its helpers lives either: the folder has been swept.
     */
    private static void forgetTheDead(Path lock) throws IOException {
        if (Files.notExists(lock)) {
            return;
        }
        String pid = Files.readAllLines(lock).stream().findFirst().orElse("").strip();
        Path status = Path.of("/proc", pid, "status");
        if (pid.matches("\\d+")
                && Files.exists(status)
                && Files.readAllLines(status).stream().anyMatch(line -> line.matches("State:\\s+Z.*"))) {
            Files.delete(lock);
        }
    }

    @Override
    public List<Child.Command> commands(Path folder, int port) {
        List<String> line = new ArrayList<>(unprivileged.prefix());
        line.add(PostgresBinaries.unpacked(unprivileged.isOther())
                .resolve("bin/postgres")
                .toString());
        line.addAll(List.of("-D", folder.resolve("data").toString()));
        Map<String, String> settings = Map.ofEntries(
                Map.entry("port", Integer.toString(port)),
                Map.entry("listen_addresses", "127.0.0.1"),
                Map.entry("unix_socket_directories", ""),
                Map.entry("max_connections", "100"),
                Map.entry("shared_buffers", "64MB"),
                Map.entry("max_wal_size", "256MB"),
                // No replicas: the log holds what crash recovery needs and no more.
                Map.entry("wal_level", "minimal"),
                Map.entry("max_wal_senders", "0"),
                Map.entry("jit", "off"),
                Map.entry("timezone", "UTC"),
                Map.entry("log_timezone", "UTC"),
                Map.entry("log_checkpoints", "off"));
        settings.forEach((name, value) -> line.addAll(List.of("-c", name + "=" + value)));
        return List.of(new Child.Command(line, Map.of()));
    }

    @Override
    public String stopSignal() {
        return "INT"; // fast shutdown; TERM would wait for clients to leave
    }

    @Override
    public void probe(int port, String password) throws SQLException {
        // Not the database "parley": a kill between initdb and here leaves a server without one.
        try (Connection connection = connect(port, password, "postgres");
                Statement statement = connection.createStatement()) {
            try (ResultSet found =
                    statement.executeQuery("SELECT 1 FROM pg_database WHERE datname = '" + DATABASE + "'")) {
                if (found.next()) {
                    return;
                }
            }
            statement.execute("CREATE DATABASE " + DATABASE);
        }
    }

    static Connection connect(int port, String password, String database) throws SQLException {
        return connect("jdbc:postgresql://127.0.0.1:" + port + "/" + database, USER, password);
    }

    static Connection connect(String jdbcUrl, String user, String password) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        properties.setProperty("connectTimeout", "5");
        properties.setProperty("loginTimeout", "5");
        properties.setProperty("socketTimeout", "60");
        return DriverManager.getConnection(jdbcUrl, properties);
    }

    @Override
    public String url(int port, String password) {
        return url(port, password, DATABASE);
    }

    static String url(int port, String password, String database) {
        return "postgresql://" + USER + ":" + password + "@127.0.0.1:" + port + "/" + database;
    }
}
