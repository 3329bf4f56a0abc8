package dev.parley.system;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/** All that Parley shows and stores, by place, to look for secrets in. Thread-safe. */
final class Haystack implements AutoCloseable {
    private final RedisClient redis;
    private final Connection rabbit;
    private final Channel heartbeats;
    private final Map<String, List<String>> places = new ConcurrentHashMap<>();

    /** From now on notes every heartbeat and everything that is announced over Redis. */
    Haystack(String redisUrl, String rabbitUrl) throws Exception {
        this.redis = RedisClient.create(redisUrl);
        var announcements = redis.connectPubSub();
        announcements.addListener(new RedisPubSubAdapter<>() {
            @Override
            public void message(String pattern, String channel, String message) {
                add("redis channels", channel + " " + message);
            }
        });
        announcements.sync().psubscribe("*");
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(rabbitUrl);
        this.rabbit = factory.newConnection();
        this.heartbeats = rabbit.createChannel();
        heartbeats.exchangeDeclare("gemini.heartbeats", "fanout", true);
        String queue = heartbeats.queueDeclare().getQueue();
        heartbeats.queueBind(queue, "gemini.heartbeats", "");
        heartbeats.basicConsume(
                queue,
                true,
                (tag, delivery) -> add("heartbeats", delivery.getProperties() + text(delivery.getBody())),
                tag -> {});
    }

    void add(String place, String content) {
        places.computeIfAbsent(place, name -> new CopyOnWriteArrayList<>()).add(content);
    }

    /** Notes what is ready in these queues now, properties included, and leaves it there. */
    void addQueues(List<String> queues) throws Exception {
        for (String queue : queues) {
            try (Channel channel = rabbit.createChannel()) {
                for (GetResponse got; (got = channel.basicGet(queue, false)) != null; ) {
                    add("queue " + queue, got.getProps() + text(got.getBody()));
                }
            }
        }
    }

    /** Notes every key and value that is in Redis now. */
    void addRedis() {
        try (StatefulRedisConnection<String, String> connection = redis.connect()) {
            RedisCommands<String, String> commands = connection.sync();
            for (String key : commands.keys("*")) {
                add("redis", key + " = " + value(commands, key));
            }
        }
    }

    private static Object value(RedisCommands<String, String> commands, String key) {
        return switch (commands.type(key)) {
            case "string" -> String.valueOf(commands.get(key));
            case "hash" -> commands.hgetall(key);
            case "list" -> commands.lrange(key, 0, -1);
            case "set" -> commands.smembers(key);
            case "zset" -> commands.zrangeWithScores(key, 0, -1);
            case "stream" -> commands.xrange(key, io.lettuce.core.Range.unbounded());
            // It has gone since.
            case "none" -> "";
            case String other -> throw new IllegalStateException("how is a " + other + " read?");
        };
    }

    private static String text(byte[] body) {
        return new String(body, StandardCharsets.UTF_8);
    }

    /** Where something was noted. */
    Set<String> places() {
        return Set.copyOf(places.keySet());
    }

    /** The places that hold a secret, plain or in a usual disguise, with the secret's name. */
    Set<String> find(Map<String, String> secrets) {
        return secrets.entrySet().stream()
                .flatMap(secret -> places.entrySet().stream()
                        .filter(place -> place.getValue().stream()
                                .anyMatch(content ->
                                        disguises(secret.getValue()).stream().anyMatch(content::contains)))
                        .map(place -> secret.getKey() + " in " + place.getKey()))
                .collect(Collectors.toSet());
    }

    private static Set<String> disguises(String secret) {
        Set<String> all = new LinkedHashSet<>();
        all.add(secret);
        all.add(URLDecoder.decode(secret, StandardCharsets.UTF_8));
        all.add(URLEncoder.encode(secret, StandardCharsets.UTF_8));
        // As in a header of basic authentication, wherever in it the secret begins.
        byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);
        for (int before = 0; before < 3; before++) {
            byte[] shifted = new byte[before + bytes.length];
            System.arraycopy(bytes, 0, shifted, before, bytes.length);
            String encoded = Base64.getEncoder().withoutPadding().encodeToString(shifted);
            // The characters at both ends also depend on the neighbours.
            all.add(encoded.substring(before == 0 ? 0 : before + 1, encoded.length() - 1));
        }
        return all;
    }

    /** The password that a URL holds. */
    static String password(String url) {
        String user = URI.create(url).getRawUserInfo();
        return user.substring(user.indexOf(':') + 1);
    }

    List<String> at(String place) {
        return new ArrayList<>(places.getOrDefault(place, List.of()));
    }

    @Override
    public void close() throws IOException {
        rabbit.close();
        redis.shutdown();
    }
}
