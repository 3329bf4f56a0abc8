package dev.parley.dev.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The three servers of one run, with all their data in one folder: {@code postgres}, {@code redis}, {@code rabbitmq} and {@code logs}. */
public final class DevServices implements AutoCloseable {
    private final PostgresServer postgres;
    private final RedisServer redis;
    private final RabbitServer rabbit;

    private DevServices(PostgresServer postgres, RedisServer redis, RabbitServer rabbit) {
        this.postgres = postgres;
        this.redis = redis;
        this.rabbit = rabbit;
    }

    /**
     * How the servers are started.
     *
     * @param postgresPort on the loopback interface; 0 for any free one, as for the other two
     * @param variables whether DATABASE_URL, REDIS_URL and RABBITMQ_URL may name servers of the user's to be used instead
     */
    public record Options(int postgresPort, int redisPort, int rabbitPort, boolean variables) {
        /** Any free ports; the user's own servers come first. */
        public static Options forRun() {
            return new Options(0, 0, 0, true);
        }

        /** Any free ports, and never a server that somebody's data may be in. */
        public static Options forTests() {
            return new Options(0, 0, 0, false);
        }
    }

    /**
     * Starts the three side by side; returns when all answer.
     *
     * @throws ServerException the first failure, after those that had started were closed again
     */
    public static DevServices start(Path folder, Options options) {
        Machine machine = options.variables() ? Machine.here() : Machine.withoutVariables();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<PostgresServer> postgres = threads.submit(
                    () -> PostgresServer.start(folder.resolve("postgres"), options.postgresPort(), machine));
            Future<RedisServer> redis =
                    threads.submit(() -> RedisServer.start(folder.resolve("redis"), options.redisPort(), machine));
            Future<RabbitServer> rabbit =
                    threads.submit(() -> RabbitServer.start(folder.resolve("rabbitmq"), options.rabbitPort(), machine));
            List<DevServer> started = new ArrayList<>();
            List<Throwable> failures = new ArrayList<>();
            for (Future<? extends DevServer> server : List.of(postgres, redis, rabbit)) {
                try {
                    started.add(server.get());
                } catch (ExecutionException e) {
                    failures.add(e.getCause());
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    failures.add(e);
                }
            }
            if (failures.isEmpty()) {
                return new DevServices(postgres.resultNow(), redis.resultNow(), rabbit.resultNow());
            }
            Throwable first = failures.getFirst();
            ServerException failure = first instanceof ServerException said
                    ? said
                    : new ServerException("The servers could not be started: " + first, first);
            failures.stream().skip(1).forEach(failure::addSuppressed);
            closeAll(started.reversed(), failure);
            throw failure;
        }
    }

    public PostgresServer postgres() {
        return postgres;
    }

    public RedisServer redis() {
        return redis;
    }

    public RabbitServer rabbit() {
        return rabbit;
    }

    @Override
    public void close() {
        ServerException failure = new ServerException("Not every server could be closed.");
        closeAll(List.of(rabbit, redis, postgres), failure);
        if (failure.getSuppressed().length > 0) {
            throw failure;
        }
    }

    private static void closeAll(List<? extends DevServer> servers, ServerException failure) {
        for (DevServer server : servers) {
            try {
                server.close();
            } catch (RuntimeException e) {
                failure.addSuppressed(e);
            }
        }
    }
}
