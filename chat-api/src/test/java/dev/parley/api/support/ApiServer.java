package dev.parley.api.support;

import dev.parley.api.ApiRouting;
import dev.parley.api.ApiSettings;
import dev.parley.api.admin.AdminService;
import dev.parley.api.admin.DeadLetters;
import dev.parley.api.chat.ChatStore;
import dev.parley.api.database.Database;
import dev.parley.api.database.Sql;
import dev.parley.api.event.ChatEvent;
import dev.parley.api.event.ChatEvents;
import dev.parley.api.health.CheckResult;
import dev.parley.api.health.HealthService;
import dev.parley.api.health.WorkersHeard;
import dev.parley.api.http.HttpServer;
import dev.parley.api.http.Resource;
import dev.parley.api.http.SendGuard;
import dev.parley.api.id.Ids;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.Notifier;
import dev.parley.api.message.Runs;
import dev.parley.api.outbox.Outbox;
import dev.parley.api.outbox.OutboxEntry;
import dev.parley.api.prompt.PromptStore;
import dev.parley.api.search.SearchStore;
import dev.parley.api.transfer.TransferStore;
import dev.parley.api.user.Users;
import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.config.Environment;
import dev.parley.pipeline.runtime.Meters;
import io.helidon.http.HeaderNames;
import io.helidon.metrics.api.MeterRegistry;
import io.helidon.metrics.api.Metrics;
import io.helidon.webserver.WebServer;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** The API's routes over a real server and a real database; what other parts would be told is written down. */
public final class ApiServer implements AutoCloseable {
    /** The request header in which a test says who asks; without it the local user does. */
    public static final String USER = "Test-User";

    public final Database database;
    public final MessageStore messages;
    public final Ids ids = new Ids(Clock.systemUTC(), new Random(7));
    public final List<String> events = new CopyOnWriteArrayList<>();
    public final AtomicInteger wakes = new AtomicInteger();
    public final Map<UUID, Integer> revoked = new ConcurrentHashMap<>();
    public final Map<UUID, String> running = new ConcurrentHashMap<>();
    public final Map<String, CheckResult> health = new ConcurrentHashMap<>();
    public final MeterRegistry registry = Metrics.createMeterRegistry();
    /** Who may use the routes for operators. */
    public final Set<UUID> operators = ConcurrentHashMap.newKeySet();

    public final WorkersHeard workers = new WorkersHeard(Clock.systemUTC());
    private final Broker broker;
    private final WebServer server;
    private final Database served;
    private final SendGuard guard;

    public ApiServer(Map<String, String> variables) {
        this(variables, Broker.open(URI.create("amqp://127.0.0.1:1"), "nobody", Topology.of("q", "r", List.of())));
    }

    /** @param broker whose dead letters the operators see; closed with the server */
    public ApiServer(Map<String, String> variables, Broker broker) {
        this.broker = broker;
        String url = SharedServers.freshDatabase();
        database = Database.open(URI.create(url), 4, Duration.ofSeconds(30));
        // A pool of its own, which a test may close to play an outage.
        served = Database.open(URI.create(url), 4, Duration.ofSeconds(30));
        Map<String, String> environment = new HashMap<>(Map.of(
                "DATABASE_URL", url,
                "REDIS_URL", "redis://127.0.0.1:1",
                "RABBITMQ_URL", "amqp://127.0.0.1:1"));
        environment.putAll(variables);
        ApiSettings settings = ApiSettings.from(new Environment(environment));
        messages = new MessageStore(served, ids, Clock.systemUTC(), settings.maxAttempts());
        for (String part : List.of("postgres", "redis", "rabbitmq", "workers")) {
            health.put(
                    part,
                    new CheckResult(
                            true,
                            Optional.empty(),
                            Optional.of(0.5),
                            Optional.empty(),
                            Optional.empty(),
                            Optional.empty()));
        }
        Users users = new Users(
                headers -> headers.first(HeaderNames.create(USER))
                        .map(UUID::fromString)
                        .orElse(Users.LOCAL),
                operators::contains);
        Runs runs = new WrittenRuns();
        ChatEvents listener = (chat, told) -> told.forEach(event -> events.add(name(event)));
        Outbox outbox = new Outbox() {
            @Override
            public void hand(OutboxEntry accepted) {
                wakes.incrementAndGet();
            }

            @Override
            public void wake() {
                wakes.incrementAndGet();
            }
        };
        Meters meters = new Meters(registry);
        guard = SendGuard.start(Duration.ofSeconds(30), meters);
        ApiRouting.Parts parts = new ApiRouting.Parts(
                users,
                new ChatStore(served, ids, Clock.systemUTC()),
                messages,
                new PromptStore(served, ids, Clock.systemUTC()),
                new SearchStore(served),
                new TransferStore(served, ids, Clock.systemUTC()),
                runs,
                listener,
                outbox,
                new HealthService(
                        new HealthService.Checks(
                                () -> health.get("postgres"),
                                () -> health.get("redis"),
                                () -> health.get("rabbitmq"),
                                () -> health.get("workers")),
                        Clock.systemUTC(),
                        () -> true,
                        () -> false),
                rules -> Resource.at("/defect", rules)
                        .get("", (request, response) -> {
                            throw new IllegalArgumentException("secret internals");
                        })
                        .seal(),
                new AdminService(
                        users,
                        new DeadLetters(broker, messages, new Notifier(runs, listener, outbox)),
                        workers,
                        Clock.systemUTC()),
                guard,
                ids,
                meters);
        server = HttpServer.configure(WebServer.builder())
                .host("127.0.0.1")
                .port(0)
                .routing(routing -> ApiRouting.routing(routing, settings, parts))
                .build()
                .start();
    }

    private static String name(ChatEvent event) {
        return event.name();
    }

    /** A client that judges every response by the contract. */
    public ApiClient client() {
        return new ApiClient(port(), new Contract());
    }

    public int port() {
        return server.port();
    }

    public UUID newUser() {
        UUID user = ids.next();
        database.run(db -> Sql.of(db, "INSERT INTO users (id, name) VALUES (:id, 'test')")
                .with("id", user)
                .change());
        return user;
    }

    /** From now on the routes have no database. */
    public void loseDatabase() {
        served.close();
    }

    @Override
    public void close() {
        server.stop();
        guard.close();
        served.close();
        database.close();
        broker.close();
    }

    private final class WrittenRuns implements Runs {
        @Override
        public Set<UUID> running(Collection<UUID> answers) {
            Set<UUID> known = new HashSet<>(answers);
            known.retainAll(running.keySet());
            return known;
        }

        @Override
        public Optional<String> textSoFar(UUID answer) {
            return Optional.ofNullable(running.get(answer));
        }

        @Override
        public void revoke(UUID answer, int belowRound) {
            revoked.put(answer, belowRound);
        }
    }
}
