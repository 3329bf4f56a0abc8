package dev.parley.dev.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A Redis that appends to its file every second and evicts nothing. */
public final class RedisServer extends Server {
    private final AtomicInteger next = new AtomicInteger();

    private RedisServer(DevServer server) {
        super(server);
    }

    /**
     * Starts Redis with its data in {@code folder}, or takes the one that REDIS_URL names.
     *
     * @param folder this server's own folder; its log goes to {@code ../logs}
     * @param port on the loopback interface; 0 for any free one
     * @throws ServerException when none can be had or it does not start
     */
    public static RedisServer start(Path folder, int port) {
        return start(folder, port, Machine.here());
    }

    static RedisServer start(Path folder, int port, Machine machine) {
        return new RedisServer(Opened.open(
                Kind.REDIS,
                folder,
                port,
                machine,
                program -> LocalServer.start(new RedisRecipe(program.orElseThrow()), "PATH", folder, port)));
    }

    /**
     * Empties a logical database and hands it out. There are 255, from 1 on, and then the first comes again. Channels (publish and
     * subscribe) are common to all of them, which is Redis's way.
     *
     * @return its address
     */
    public String freshDatabase() {
        int database = 1 + next.getAndIncrement() % (RedisRecipe.DATABASES - 1);
        Login login = login();
        ask(login, database, "FLUSHDB");
        return RedisRecipe.url(login.port(), login.password(), database);
    }

    /** Empties all logical databases, as an operator's mistake or a failover to an empty replica would. */
    public void flush() {
        ask(login(), 0, "FLUSHALL");
    }

    private static void ask(Login login, int database, String command) {
        try {
            RedisDoor.ask(login.port(), login.password(), database, command);
        } catch (IOException e) {
            throw new ServerException("Redis did not carry out " + command + ": " + e.getMessage(), e);
        }
    }
}
