package dev.parley.local.bench;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.MessageProperties;
import dev.parley.dev.server.DevServices;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * What the durable steps of a message cost by themselves, without Parley and without a model: a commit of three rows, a
 * confirmed publish to a quorum queue and its delivery, the same back, and a commit. Whatever keeps the promises pays at
 * least this, on this machine and in this hour, so it is what a machine's speed is told by. One message at a time.
 */
final class BarePath implements AutoCloseable {
    private static final String THERE = "bench.bare.there";
    private static final String BACK = "bench.bare.back";
    private static final long SECONDS = 30;

    private final java.sql.Connection accepting;
    private final java.sql.Connection storing;
    private final PreparedStatement insert;
    private final PreparedStatement update;
    private final Connection broker;
    private final Channel publishing;
    private int last;
    private volatile CompletableFuture<Long> stored = new CompletableFuture<>();

    private BarePath(DevServices servers) throws Exception {
        URI url = URI.create(servers.postgres().url());
        String[] user = url.getUserInfo().split(":", 2);
        String jdbc = "jdbc:postgresql://%s:%d%s".formatted(url.getHost(), url.getPort(), url.getPath());
        accepting = DriverManager.getConnection(jdbc, user[0], user[1]);
        storing = DriverManager.getConnection(jdbc, user[0], user[1]);
        try (var statement = accepting.createStatement()) {
            statement.execute("CREATE TABLE bench_bare_path (id int, part int, body text, PRIMARY KEY (id, part))");
        }
        accepting.setAutoCommit(false);
        insert = accepting.prepareStatement("INSERT INTO bench_bare_path VALUES (?, 1, ?), (?, 2, ?), (?, 3, ?)");
        update = storing.prepareStatement("UPDATE bench_bare_path SET body = ? WHERE id = ? AND part = 2");
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(servers.rabbit().url());
        broker = factory.newConnection();
        publishing = channelTo(THERE);
        Channel answering = channelTo(BACK);
        Channel there = broker.createChannel();
        there.basicConsume(
                THERE,
                false,
                (tag, delivery) -> {
                    publish(answering, BACK, delivery.getBody());
                    there.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
                },
                tag -> {});
        Channel back = broker.createChannel();
        back.basicConsume(
                BACK,
                false,
                (tag, delivery) -> {
                    try {
                        update.setString(1, "an answer");
                        update.setInt(2, Integer.parseInt(new String(delivery.getBody(), StandardCharsets.US_ASCII)));
                        update.executeUpdate();
                        stored.complete(System.nanoTime());
                    } catch (SQLException e) {
                        stored.completeExceptionally(e);
                    }
                    back.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
                },
                tag -> {});
    }

    /** Beside Parley's own tables and queues, which it does not touch. */
    static BarePath open(DevServices servers) throws Exception {
        return new BarePath(servers);
    }

    private Channel channelTo(String queue) throws IOException {
        Channel channel = broker.createChannel();
        channel.queueDeclare(queue, true, false, false, Map.of("x-queue-type", "quorum"));
        channel.confirmSelect();
        return channel;
    }

    private static void publish(Channel channel, String queue, byte[] body) throws IOException {
        channel.basicPublish("", queue, true, MessageProperties.PERSISTENT_BASIC, body);
        try {
            channel.waitForConfirmsOrDie(TimeUnit.SECONDS.toMillis(SECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (java.util.concurrent.TimeoutException e) {
            throw new IOException("no confirm", e);
        }
    }

    /** @return nanoseconds from the first statement to the last commit */
    long once() throws Exception {
        stored = new CompletableFuture<>();
        int id = ++last;
        long start = System.nanoTime();
        for (int part = 0; part < 3; part++) {
            insert.setInt(part * 2 + 1, id);
            insert.setString(part * 2 + 2, "a message");
        }
        insert.executeUpdate();
        accepting.commit();
        publish(publishing, THERE, Integer.toString(id).getBytes(StandardCharsets.US_ASCII));
        return stored.get(SECONDS, TimeUnit.SECONDS) - start;
    }

    @Override
    public void close() throws IOException, SQLException {
        broker.close();
        storing.close();
        accepting.close();
    }
}
