package dev.parley.dev.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;

/**
 * Servers for the tests of one JVM: each starts when it is first asked for, has its data in a temporary folder, and is killed, with the
 * folder deleted, when the JVM ends. They are never the ones that DATABASE_URL and its like name.
 *
 * <p>Tests share them, so a test takes a database, a logical Redis database or a virtual host of its own, and one that stops a server
 * starts it again. May be called from any thread.
 */
public final class SharedServers {
    private static final Shared<PostgresServer> POSTGRES =
            new Shared<>("postgres", (folder, machine) -> PostgresServer.start(folder, 0, machine));
    private static final Shared<RedisServer> REDIS =
            new Shared<>("redis", (folder, machine) -> RedisServer.start(folder, 0, machine));
    private static final Shared<RabbitServer> RABBIT =
            new Shared<>("rabbitmq", (folder, machine) -> RabbitServer.start(folder, 0, machine));

    private SharedServers() {}

    public static PostgresServer postgres() {
        return POSTGRES.get();
    }

    public static RedisServer redis() {
        return REDIS.get();
    }

    public static RabbitServer rabbit() {
        return RABBIT.get();
    }

    /** The address of a new, empty database: {@code postgresql://user:password@127.0.0.1:port/name}. */
    public static String freshDatabase() {
        return postgres().freshDatabase();
    }

    /** The address of an empty logical database of Redis: {@code redis://:password@127.0.0.1:port/index}. */
    public static String freshRedis() {
        return redis().freshDatabase();
    }

    /** The address of a new, empty virtual host: {@code amqp://user:password@127.0.0.1:port/name}. */
    public static String freshVhost() {
        return rabbit().freshVhost();
    }

    /** One server, started once. */
    private static final class Shared<S extends DevServer> {
        private final String name;
        private final BiFunction<Path, Machine, S> start;
        private final ReentrantLock lock = new ReentrantLock();
        private S server;

        Shared(String name, BiFunction<Path, Machine, S> start) {
            this.name = name;
            this.start = start;
        }

        S get() {
            lock.lock();
            try {
                if (server == null) {
                    Path folder = Files.createTempDirectory("parley-test-");
                    // Open on the way through: PostgreSQL may have to run as another user. What is inside is closed.
                    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
                    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(folder), "end-" + name));
                    server = start.apply(folder.resolve(name), Machine.withoutVariables());
                }
                return server;
            } catch (IOException e) {
                throw new ServerException("No temporary folder for " + name + ": " + e, e);
            } finally {
                lock.unlock();
            }
        }

        private void end(Path folder) {
            try {
                S last = server;
                if (last != null) {
                    last.kill(); // nobody reads these data again: no reason to wait for an orderly stop
                    last.close();
                }
                PostgresBinaries.deleteAll(folder);
            } catch (IOException | RuntimeException e) {
                System.getLogger(SharedServers.class.getName())
                        .log(System.Logger.Level.WARNING, "The test servers left something behind in " + folder, e);
            }
        }
    }
}
