package dev.parley.dev.server;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.UUID;

/** A PostgreSQL with a database {@code parley}. Its user may create databases. */
public final class PostgresServer extends Server {
    private PostgresServer(DevServer server) {
        super(server);
    }

    /**
     * Starts PostgreSQL with its data in {@code folder}, or takes the one that DATABASE_URL names.
     *
     * @param folder this server's own folder; its log goes to {@code ../logs}
     * @param port on the loopback interface; 0 for any free one
     * @throws ServerException when none can be had or it does not start
     */
    public static PostgresServer start(Path folder, int port) {
        return start(folder, port, Machine.here());
    }

    static PostgresServer start(Path folder, int port, Machine machine) {
        return new PostgresServer(Opened.open(
                Kind.POSTGRES,
                folder,
                port,
                machine,
                program -> LocalServer.start(new PostgresRecipe(Unprivileged.here()), "embedded", folder, port)));
    }

    /**
     * Creates an empty database.
     *
     * @return its address
     */
    public String freshDatabase() {
        String name = "parley_" + UUID.randomUUID().toString().replace("-", "");
        Login login = login();
        try (Connection connection = PostgresRecipe.connect(login.port(), login.password(), "postgres");
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE DATABASE " + name);
        } catch (SQLException e) {
            throw new ServerException("A fresh database could not be created: " + e.getMessage(), e);
        }
        return PostgresRecipe.url(login.port(), login.password(), name);
    }
}
