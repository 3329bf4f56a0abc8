package dev.parley.dev.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MessageProperties;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServersIT {

    @TempDir
    Path folder;

    private static final Machine MACHINE = Machine.withoutVariables();

    @Test
    void postgresKeepsItsDataAndItsAddressOverStopAndKill() {
        Path data = folder.resolve("postgres");
        String url;
        try (PostgresServer postgres = PostgresServer.start(data, 0, MACHINE)) {
            url = postgres.url();
            assertThat(postgres.origin()).isEqualTo("embedded");
            assertThat(url).matches("postgresql://parley:[0-9a-f]{32}@127\\.0\\.0\\.1:\\d+/parley");
            sql(url, "CREATE TABLE t (n int)");
            sql(url, "INSERT INTO t VALUES (1)");
            assertThat(sql(url, "SHOW fsync")).isEqualTo("on");

            keepsOver(postgres, DevServer::stop, () -> sql(url(postgres), "SELECT count(*) FROM t"), "1");
            sql(url, "INSERT INTO t VALUES (2)");
            keepsOver(postgres, DevServer::kill, () -> sql(url(postgres), "SELECT count(*) FROM t"), "2");
        }
        assertThat(Child.in(data)).isEmpty();
        try (PostgresServer again = PostgresServer.start(data, URI.create(url).getPort(), MACHINE)) {
            assertThat(again.url()).isEqualTo(url);
            assertThat(sql(url, "SELECT count(*) FROM t")).isEqualTo("2");
        }
    }

    @Test
    void everyFreshDatabaseIsEmptyAndItsOwn() {
        String one = SharedServers.freshDatabase();
        String other = SharedServers.freshDatabase();
        sql(one, "CREATE TABLE t (n int)");
        sql(other, "CREATE TABLE t (n int)");
        assertThat(one).isNotEqualTo(other);
    }

    @Test
    void redisKeepsItsDataAndItsAddressOverStopAndKill() throws Exception {
        Path data = folder.resolve("redis");
        try (RedisServer redis = RedisServer.start(data, 0, MACHINE)) {
            assertThat(redis.origin()).isEqualTo("PATH");
            assertThat(redis.url()).matches("redis://:[0-9a-f]{32}@127\\.0\\.0\\.1:\\d+/0");
            assertThat(ask(redis.url(), "INCR n")).isEqualTo(":1");

            keepsOver(redis, DevServer::stop, () -> ask(redis.url(), "EXISTS n"), ":1");
            // everysec: what is a second old survives a kill; WAITAOF would say so, but only from Redis 7.2 on.
            assertThat(ask(redis.url(), "CONFIG SET appendfsync always")).isEqualTo("+OK");
            assertThat(ask(redis.url(), "INCR n")).isEqualTo(":2");
            keepsOver(redis, DevServer::kill, () -> ask(redis.url(), "EXISTS n"), ":1");
            assertThat(ask(redis.url(), "INCR n")).isEqualTo(":3");

            redis.flush();
            assertThat(ask(redis.url(), "INCR n")).isEqualTo(":1");
        }
        assertThat(Child.in(data)).isEmpty();
    }

    @Test
    void freshRedisDatabasesAreEmptyAndApart() {
        String one = SharedServers.freshRedis();
        String other = SharedServers.freshRedis();
        assertThat(ask(one, "INCR n")).isEqualTo(":1");
        assertThat(ask(other, "INCR n")).isEqualTo(":1");
    }

    @Test
    void rabbitKeepsItsQueuesAndItsAddressOverStopAndKill() {
        Path data = folder.resolve("rabbitmq");
        try (RabbitServer rabbit = RabbitServer.start(data, 0, MACHINE)) {
            assertThat(rabbit.origin()).isEqualTo("PATH");
            assertThat(rabbit.url()).matches("amqp://parley:[0-9a-f]{32}@127\\.0\\.0\\.1:\\d+/%2F");

            publish(rabbit.url(), "kept over a stop");
            keepsOver(rabbit, DevServer::stop, () -> take(rabbit.url()), "kept over a stop");
            publish(rabbit.url(), "kept over a kill");
            keepsOver(rabbit, DevServer::kill, () -> take(rabbit.url()), "kept over a kill");
        }
        assertThat(Child.in(data)).isEmpty();
    }

    @Test
    void freshVirtualHostsAreEmptyAndApart() {
        String one = SharedServers.freshVhost();
        String other = SharedServers.freshVhost();
        publish(one, "mine");
        publish(other, "theirs");
        assertThat(take(one)).isEqualTo("mine");
        assertThat(take(other)).isEqualTo("theirs");
    }

    @Test
    void aFolderInUseIsRefusedInOneSentence() {
        Path data = folder.resolve("redis");
        try (RedisServer redis = RedisServer.start(data, 0, MACHINE)) {
            assertThatThrownBy(() -> RedisServer.start(data, 0, MACHINE))
                    .isInstanceOf(ServerException.class)
                    .hasMessageContaining("already in use");
            assertThat(ask(redis.url(), "PING")).isEqualTo("+PONG");
        }
    }

    @Test
    void aServerThatCannotStartShowsTheEndOfItsLog() {
        try (RedisServer redis = RedisServer.start(folder.resolve("redis"), 0, MACHINE)) {
            int taken = URI.create(redis.url()).getPort();
            assertThatThrownBy(() -> PostgresServer.start(folder.resolve("postgres"), taken, MACHINE))
                    .isInstanceOf(ServerException.class)
                    .hasMessageContaining("PostgreSQL ended right after its start")
                    .hasMessageContaining("Address already in use");
        }
    }

    @Test
    void theThreeOfARunShareOneFolderAndAreGoneAfterwards() throws Exception {
        try (DevServices services = DevServices.start(folder, DevServices.Options.forTests())) {
            assertThat(sql(services.postgres().url(), "SELECT 1")).isEqualTo("1");
            assertThat(ask(services.redis().url(), "PING")).isEqualTo("+PONG");
            publish(services.rabbit().url(), "hello");
            try (var entries = Files.list(folder)) {
                assertThat(entries.map(Path::getFileName).map(Path::toString))
                        .containsExactlyInAnyOrder("postgres", "redis", "rabbitmq", "logs");
            }
        }
        assertThat(Child.in(folder.toRealPath())).isEmpty();
    }

    @Test
    void aServerOfTheUsersOwnIsNotTouched() {
        String url = "redis://somewhere.invalid:6379/0";
        Machine machine = new Machine.Here(Map.of("REDIS_URL", url));
        try (RedisServer redis = RedisServer.start(folder.resolve("redis"), 0, machine)) {
            assertThat(redis.url()).isEqualTo(url);
            assertThat(redis.origin()).isEqualTo("environment");
            for (Consumer<RedisServer> act :
                    List.<Consumer<RedisServer>>of(DevServer::stop, DevServer::kill, RedisServer::flush)) {
                assertThatThrownBy(() -> act.accept(redis))
                        .isInstanceOf(ServerException.class)
                        .hasMessageContaining("not ours");
            }
        }
    }

    private interface Question {
        String ask();
    }

    private static void keepsOver(DevServer server, Consumer<DevServer> end, Question question, String answer) {
        String url = server.url();
        end.accept(server);
        end.accept(server); // again: nothing happens
        assertThatThrownBy(question::ask).as("after its end").isInstanceOf(RuntimeException.class);
        server.start();
        server.start();
        assertThat(server.url()).isEqualTo(url);
        // A quorum queue of a killed broker first has to find its leader again, and refuses to be read until then.
        await().atMost(Duration.ofSeconds(60)).ignoreExceptions().untilAsserted(() -> assertThat(question.ask())
                .isEqualTo(answer));
    }

    private static String url(DevServer server) {
        return server.url();
    }

    static String sql(String url, String statement) {
        URI uri = URI.create(url);
        String[] login = uri.getUserInfo().split(":", 2);
        try (var connection = PostgresRecipe.connect(
                        "jdbc:postgresql://127.0.0.1:" + uri.getPort() + uri.getPath(), login[0], login[1]);
                Statement running = connection.createStatement()) {
            if (!running.execute(statement)) {
                return "";
            }
            try (ResultSet rows = running.getResultSet()) {
                rows.next();
                return rows.getString(1);
            }
        } catch (java.sql.SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    static String ask(String url, String command) {
        URI uri = URI.create(url);
        try {
            return RedisDoor.ask(
                    uri.getPort(),
                    uri.getUserInfo().substring(1),
                    Integer.parseInt(uri.getPath().substring(1)),
                    command);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    static void publish(String url, String text) {
        try (Connection connection = connect(url);
                Channel channel = connection.createChannel()) {
            channel.queueDeclare("q", true, false, false, Map.of("x-queue-type", "quorum"));
            channel.confirmSelect();
            AMQP.BasicProperties persistent = MessageProperties.PERSISTENT_TEXT_PLAIN;
            channel.basicPublish("", "q", true, persistent, text.getBytes(StandardCharsets.UTF_8));
            channel.waitForConfirmsOrDie(30_000);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static String take(String url) {
        try (Connection connection = connect(url);
                Channel channel = connection.createChannel()) {
            GetResponse message = channel.basicGet("q", true);
            return message == null ? "nothing" : new String(message.getBody(), StandardCharsets.UTF_8);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static Connection connect(String url) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(url);
        factory.setAutomaticRecoveryEnabled(false);
        return factory.newConnection("test");
    }
}
