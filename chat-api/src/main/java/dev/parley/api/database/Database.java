package dev.parley.api.database;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import dev.parley.pipeline.runtime.Check;
import dev.parley.pipeline.runtime.Meters;
import io.helidon.dbclient.DbClient;
import io.helidon.dbclient.DbClientException;
import io.helidon.dbclient.DbExecute;
import io.helidon.dbclient.DbTransaction;
import io.helidon.dbclient.jdbc.JdbcClientBuilder;
import io.helidon.dbclient.jdbc.JdbcConnectionPool;
import java.lang.System.Logger.Level;
import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.flywaydb.core.Flyway;

/** The database, migrated, behind a bounded pool. Thread-safe. */
public final class Database implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Database.class.getName());
    private static final Duration LOOK_AGAIN = Duration.ofMillis(500);
    private static final Duration FOR_A_CONNECTION = Duration.ofSeconds(3);
    private static final Duration FOR_THE_WINNER = Duration.ofMillis(20);
    /** A transaction that lost to others this often meets a defect, not bad luck. */
    private static final int TRIES = 4;

    private final HikariDataSource pool;
    private final DbClient client;

    private Database(HikariDataSource pool) {
        this.pool = pool;
        JdbcConnectionPool connections = () -> {
            try {
                return pool.getConnection();
            } catch (SQLException e) {
                throw new NoConnection(e);
            }
        };
        this.client = JdbcClientBuilder.create().connectionPool(connections).build();
    }

    /**
     * Waits for the database, migrates it and opens the pool.
     *
     * @param url {@code postgresql://user:password@host:port/database}
     * @param poolSize most connections at once
     * @param patience how long to wait for a database that is not up yet
     * @throws DatabaseUnavailable when it is still away after that
     */
    public static Database open(URI url, int poolSize, Duration patience) {
        DatabaseAddress address = DatabaseAddress.of(url);
        await(address, patience);
        migrate(address);
        HikariConfig config = new HikariConfig();
        config.setPoolName("parley");
        config.setJdbcUrl(address.jdbcUrl());
        config.setUsername(address.user());
        config.setPassword(address.password());
        config.setMaximumPoolSize(poolSize);
        config.setMinimumIdle(Math.min(2, poolSize));
        config.setConnectionTimeout(FOR_A_CONNECTION.toMillis());
        config.setValidationTimeout(FOR_A_CONNECTION.toMillis() / 2);
        return new Database(new HikariDataSource(config));
    }

    private static void await(DatabaseAddress address, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        boolean told = false;
        while (true) {
            try (Connection _ = DriverManager.getConnection(address.jdbcUrl(), address.login())) {
                return;
            } catch (SQLException e) {
                if (Trouble.of(e) != Trouble.UNAVAILABLE) {
                    throw new DbClientException(address + " refuses: " + e.getMessage(), e);
                }
                if (System.nanoTime() - deadline > 0) {
                    throw new DatabaseUnavailable(
                            "PostgreSQL did not answer at %s within %d s".formatted(address, patience.toSeconds()), e);
                }
                if (!told) {
                    LOG.log(
                            Level.INFO,
                            "PostgreSQL is not up yet at {0}; waiting up to {1} s",
                            address,
                            patience.toSeconds());
                    told = true;
                }
                LockSupport.parkNanos(LOOK_AGAIN.toNanos());
                if (Thread.currentThread().isInterrupted()) {
                    throw new DatabaseUnavailable("interrupted while waiting for PostgreSQL", e);
                }
            }
        }
    }

    private static void migrate(DatabaseAddress address) {
        Flyway.configure(Database.class.getClassLoader())
                // A migration may rewrite a table: it gets the time it needs.
                .dataSource(
                        address.jdbcUrl().replace("statement_timeout=15000", "statement_timeout=0"),
                        address.user(),
                        address.password())
                .locations("classpath:dev/parley/api/migrations")
                .load()
                .migrate();
    }

    /**
     * Runs work in one transaction (READ COMMITTED) and commits it; any exception rolls it back. Work that loses a
     * deadlock is run again, so it must have no effects outside the database.
     *
     * @throws DatabaseUnavailable when the database is away; whether the commit happened is then unknown
     */
    public <T> T inTransaction(Function<DbExecute, T> work) {
        return persistently(() -> transaction(work));
    }

    private static <T> T persistently(Supplier<T> work) {
        for (int tries = 1; ; tries++) {
            try {
                return work.get();
            } catch (DbClientException e) {
                if (Trouble.of(e) != Trouble.CONFLICT || tries == TRIES) {
                    throw translated(e);
                }
                LOG.log(Level.DEBUG, "what lost a deadlock runs again");
                // The winner's turn: begun at once, this one could take the row that the winner is waking up for.
                LockSupport.parkNanos(FOR_THE_WINNER.multipliedBy(tries).toNanos());
            }
        }
    }

    /** The pool has none to give: nothing was begun. */
    private static final class NoConnection extends DbClientException {
        private static final long serialVersionUID = 1L;

        NoConnection(SQLException cause) {
            super("no connection", cause);
        }
    }

    private <T> T transaction(Function<DbExecute, T> work) {
        DbTransaction transaction = client.transaction();
        T result;
        try {
            result = work.apply(transaction);
        } catch (NoConnection e) {
            throw e;
        } catch (Throwable e) {
            try {
                transaction.rollback();
            } catch (RuntimeException rollback) {
                e.addSuppressed(rollback);
            }
            throw e;
        }
        transaction.commit();
        return result;
    }

    /**
     * Runs statements that each stand for themselves: each is a transaction of its own. One that loses a deadlock is run
     * again, with all before it.
     *
     * @throws DatabaseUnavailable when the database is away
     */
    public <T> T run(Function<DbExecute, T> work) {
        return persistently(() -> work.apply(client.execute()));
    }

    private static RuntimeException translated(DbClientException e) {
        return !(e instanceof NoConnection) && Trouble.of(e) == Trouble.DEFECT
                ? e
                : new DatabaseUnavailable("PostgreSQL is away or too busy", e);
    }

    /** Whether the database answers; bounded by the pool's wait and the statement timeout. */
    public Check check() {
        long start = System.nanoTime();
        try {
            run(db -> Sql.of(db, "SELECT 1 AS one").one(row -> row.integer("one")));
            return Check.up(Duration.ofNanos(System.nanoTime() - start));
        } catch (DatabaseUnavailable | DbClientException e) {
            return Check.down("PostgreSQL does not answer");
        }
    }

    /** Shows the pool as gauges. */
    public void meters(Meters meters) {
        gauge(meters, "active", HikariPoolMXBean::getActiveConnections);
        gauge(meters, "idle", HikariPoolMXBean::getIdleConnections);
        gauge(meters, "waiting", HikariPoolMXBean::getThreadsAwaitingConnection);
        meters.gauge("database_pool_size", "Most connections at once", pool::getMaximumPoolSize);
    }

    private void gauge(Meters meters, String state, ToIntFunction<HikariPoolMXBean> value) {
        meters.gauge(
                "database_connections",
                "Connections of the pool, and threads that wait for one",
                () -> pool.isClosed() ? 0 : value.applyAsInt(pool.getHikariPoolMXBean()),
                "state",
                state);
    }

    @Override
    public void close() {
        client.close();
        pool.close();
    }
}
