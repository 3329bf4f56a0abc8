package dev.parley.api.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.dev.server.SharedServers;
import io.helidon.dbclient.DbExecute;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class DatabaseIT {
    private static String url;
    private static Database database;

    @BeforeAll
    static void open() {
        url = SharedServers.freshDatabase();
        database = Database.open(URI.create(url), 4, Duration.ofSeconds(30));
        database.run(db -> Sql.of(db, "CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)")
                .change());
        database.run(
                db -> Sql.of(db, "INSERT INTO counters VALUES (1, 0), (2, 0)").change());
    }

    @AfterAll
    static void close() {
        database.close();
    }

    private static int value(int id) {
        return database.run(db -> Sql.of(db, "SELECT n FROM counters WHERE id = :id")
                        .with("id", id)
                        .one(row -> row.integer("n")))
                .orElseThrow();
    }

    private static void add(DbExecute db, int id) {
        Sql.of(db, "UPDATE counters SET n = n + 1 WHERE id = :id")
                .with("id", id)
                .change();
    }

    @Test
    void aSecondStartFindsTheSchemaAsItIs() {
        try (Database again = Database.open(URI.create(url), 1, Duration.ofSeconds(30))) {
            assertThat(again.check().up()).isTrue();
        }
    }

    @Test
    void anExceptionRollsEverythingBack() {
        int before = value(1);
        assertThatThrownBy(() -> database.inTransaction(tx -> {
                    add(tx, 1);
                    throw new IllegalStateException("no");
                }))
                .hasMessage("no");
        assertThat(value(1)).isEqualTo(before);
        assertThatThrownBy(() -> database.run(
                        db -> Sql.of(db, "SELECT nothing FROM nowhere").one(row -> 1)))
                .isNotInstanceOf(DatabaseUnavailable.class);
    }

    @Test
    void whatARefusedRowHoldsIsNotQuoted() {
        assertThatThrownBy(() -> database.run(db -> Sql.of(
                                db,
                                "INSERT INTO messages (id, chat_id, role, content, status, created_at) VALUES"
                                        + " (gen_random_uuid(), gen_random_uuid(), 'nobody', :content, 'queued', now())")
                        .with("content", "a private word")
                        .change()))
                .satisfies(failure -> {
                    StringWriter whole = new StringWriter();
                    failure.printStackTrace(new PrintWriter(whole));
                    assertThat(whole.toString()).contains("messages_role_check").doesNotContain("private word");
                });
    }

    @Test
    void whoLosesADeadlockRunsAgain() throws Exception {
        int before = value(1) + value(2);
        CyclicBarrier bothHoldOne = new CyclicBarrier(2);
        AtomicInteger runs = new AtomicInteger();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> both = List.of(
                    threads.submit(() -> cross(1, 2, bothHoldOne, runs)),
                    threads.submit(() -> cross(2, 1, bothHoldOne, runs)));
            for (Future<?> one : both) {
                one.get();
            }
        }
        assertThat(runs.get()).isGreaterThan(2);
        assertThat(value(1) + value(2)).isEqualTo(before + 4);
    }

    private static boolean cross(int first, int second, CyclicBarrier barrier, AtomicInteger runs) {
        return database.inTransaction(tx -> {
            int run = runs.incrementAndGet();
            add(tx, first);
            if (run <= 2) {
                try {
                    barrier.await(20, TimeUnit.SECONDS);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
            add(tx, second);
            return true;
        });
    }

    @Test
    void aDatabaseThatIsAwayIsOneKindOfException() throws IOException {
        int free;
        try (ServerSocket socket = new ServerSocket(0)) {
            free = socket.getLocalPort();
        }
        assertThatThrownBy(() -> Database.open(
                        URI.create("postgresql://u:hunter2@127.0.0.1:%d/x".formatted(free)), 1, Duration.ofMillis(10)))
                .isInstanceOf(DatabaseUnavailable.class)
                .message()
                .doesNotContain("hunter2");
        Database closed = Database.open(URI.create(url), 1, Duration.ofSeconds(30));
        closed.close();
        assertThat(closed.check().up()).isFalse();
        assertThatThrownBy(() -> closed.inTransaction(tx -> {
                    add(tx, 1);
                    return 1;
                }))
                .isInstanceOf(DatabaseUnavailable.class);
    }

    @Test
    void aKilledConnectionIsTroubleOfTheMomentOnly() {
        assertThatThrownBy(() ->
                        database.inTransaction(tx -> Sql.of(tx, "SELECT pg_terminate_backend(pg_backend_pid()) AS done")
                                .one(row -> row.bool("done"))))
                .isInstanceOf(DatabaseUnavailable.class);
        assertThat(database.check().up()).isTrue();
    }

    @Test
    void valuesComeBackAsTheyWent() {
        Instant instant = Instant.parse("2026-11-22T10:00:00.123Z");
        Optional<String> none = Optional.empty();
        List<List<Object>> rows = database.run(db -> Sql.of(db, """
                        SELECT CAST(:at AS timestamptz) AS at, CAST(:none AS text) AS none,
                               CAST(:text AS text) AS text, CAST(:flag AS boolean) AS flag
                        """)
                .with("at", instant)
                .with("none", none)
                .with("text", Optional.of("a'b\\?:x\""))
                .with("flag", true)
                .list(row -> List.<Object>of(
                        row.instant("at"), row.optionalText("none"), row.text("text"), row.bool("flag"))));
        assertThat(rows).containsExactly(List.<Object>of(instant, none, "a'b\\?:x\"", true));
    }

    @Test
    void theAddressKeepsThePasswordApart() {
        DatabaseAddress address =
                DatabaseAddress.of(URI.create("postgresql://us%40er:p%2Fa+ss@db.example/name?sslmode=require"));
        assertThat(address.user()).isEqualTo("us@er");
        assertThat(address.password()).isEqualTo("p/a+ss");
        assertThat(address.jdbcUrl())
                .startsWith("jdbc:postgresql://db.example:5432/name?")
                .endsWith("&sslmode=require")
                .doesNotContain("p/a+ss");
        assertThat(address).hasToString("jdbc:postgresql://db.example:5432/name");
    }
}
