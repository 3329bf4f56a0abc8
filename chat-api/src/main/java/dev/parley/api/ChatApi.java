package dev.parley.api;

import dev.parley.api.admin.AdminService;
import dev.parley.api.admin.DeadLetters;
import dev.parley.api.chat.ChatStore;
import dev.parley.api.database.Database;
import dev.parley.api.database.DatabaseUnavailable;
import dev.parley.api.health.CheckResult;
import dev.parley.api.health.HealthService;
import dev.parley.api.health.WorkersHeard;
import dev.parley.api.http.Cors;
import dev.parley.api.http.HttpServer;
import dev.parley.api.http.SendGuard;
import dev.parley.api.id.Ids;
import dev.parley.api.live.ChatStreams;
import dev.parley.api.live.EventHub;
import dev.parley.api.live.EventSocket;
import dev.parley.api.live.EventsService;
import dev.parley.api.live.LiveRuns;
import dev.parley.api.message.MessageStore;
import dev.parley.api.message.Notifier;
import dev.parley.api.outbox.OutboxRelay;
import dev.parley.api.outbox.OutboxStore;
import dev.parley.api.prompt.PromptStore;
import dev.parley.api.result.DeadLetterWatch;
import dev.parley.api.result.ResultConsumer;
import dev.parley.api.search.SearchStore;
import dev.parley.api.transfer.TransferStore;
import dev.parley.api.user.Users;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.runtime.Check;
import dev.parley.pipeline.runtime.Lifecycle;
import dev.parley.pipeline.runtime.Meters;
import dev.parley.pipeline.runtime.Observability;
import dev.parley.pipeline.runtime.Sampler;
import io.helidon.webserver.WebServer;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;

/** A running API: opens its parts in order and closes them in reverse. */
public final class ChatApi implements AutoCloseable {
    /** A database that starts beside us is up by then. */
    private static final Duration DATABASE_PATIENCE = Duration.ofSeconds(60);
    /** Redis is beside us; slower than this is as good as away. */
    private static final Duration REDIS_TIMEOUT = Duration.ofMillis(500);

    private static final Duration SAMPLE_EVERY = Duration.ofSeconds(5);
    private static final Duration DEAD_LETTERS_EVERY = Duration.ofSeconds(10);

    private final Lifecycle parts = new Lifecycle();
    private final Observability observability;
    private final WebServer server;
    private volatile boolean started;
    private volatile boolean stopping;

    private ChatApi(ApiSettings settings, Duration quiet) {
        Clock clock = Clock.systemUTC();
        String instance = UUID.randomUUID().toString();
        try {
            observability =
                    parts.opened("observability", Observability.open(settings.observeHost(), settings.observePort()));
            Meters meters = observability.meters();
            Ids ids = new Ids(clock, new SecureRandom());
            Database database = parts.opened(
                    "database", Database.open(settings.databaseUrl(), settings.databasePoolSize(), DATABASE_PATIENCE));
            database.meters(meters);
            Redis redis = parts.opened("redis", Redis.open(settings.redisUrl(), REDIS_TIMEOUT));
            Topology topology = Topology.of(settings.requestQueue(), settings.responseQueue(), settings.retryDelays());
            Broker broker =
                    parts.opened("broker", Broker.open(settings.rabbitmqUrl(), "chat-api " + instance, topology));
            WorkersHeard workers = new WorkersHeard(clock);
            broker.onHeartbeat(workers::heard);

            MessageStore messages = new MessageStore(database, ids, clock, settings.maxAttempts());
            OutboxStore outbox = new OutboxStore(database, clock);
            Runs runs = new Runs(redis);
            EventHub hub = parts.opened("event hub", EventHub.open(redis, instance, meters));
            OutboxRelay relay = parts.opened("outbox relay", OutboxRelay.start(outbox, broker, meters));
            LiveRuns liveRuns = new LiveRuns(runs);
            Notifier notifier = new Notifier(liveRuns, hub, relay);
            parts.opened("result consumer", ResultConsumer.start(broker, messages, runs, notifier, meters, clock));
            parts.opened("dead letter watch", DeadLetterWatch.start(broker, messages, notifier, DEAD_LETTERS_EVERY));
            parts.opened("sampler", sampler(meters, broker, redis, outbox, workers));

            HealthService health = new HealthService(
                    new HealthService.Checks(
                            () -> postgres(database, outbox),
                            () -> CheckResult.of(redis.check()),
                            () -> rabbitmq(broker),
                            workers::check),
                    clock,
                    () -> started,
                    () -> stopping);
            Users users = Users.of(settings.authMode());
            // What is told twice and not taken is told to nobody.
            SendGuard guard = parts.opened("send guard", SendGuard.start(quiet.multipliedBy(2), meters));
            ChatStreams streams = new ChatStreams(messages, hub, runs, quiet);
            ApiRouting.Parts routes = new ApiRouting.Parts(
                    users,
                    new ChatStore(database, ids, clock),
                    messages,
                    new PromptStore(database, ids, clock),
                    new SearchStore(database),
                    new TransferStore(database, ids, clock),
                    liveRuns,
                    hub,
                    relay,
                    health,
                    new EventsService(users, streams, guard),
                    new AdminService(users, new DeadLetters(broker, messages, notifier), workers, clock),
                    guard,
                    ids,
                    meters);
            server = HttpServer.configure(WebServer.builder())
                    .host(settings.host())
                    .port(settings.port())
                    .shutdownGracePeriod(settings.shutdownGrace())
                    .routing(routing -> ApiRouting.routing(routing, settings, routes))
                    .addRouting(EventSocket.routing(users, streams, new Cors(settings.corsOrigins()), guard))
                    .build()
                    .start();
            parts.opened("server", server::stop);
            // Streams would hold the server open for its whole grace: they end first.
            parts.opened("streams", hub::endStreams);
            observability.probes(new Observability.Probes(health::ready, () -> started));
            started = true;
        } catch (RuntimeException e) {
            parts.close();
            throw e;
        }
    }

    /** @throws DatabaseUnavailable when PostgreSQL is not there after a minute */
    public static ChatApi open(ApiSettings settings) {
        return open(settings, ChatStreams.QUIET);
    }

    /** @param quiet after so long without an event a stream shows that it lives */
    static ChatApi open(ApiSettings settings, Duration quiet) {
        return new ChatApi(settings, quiet);
    }

    public int port() {
        return server.port();
    }

    public int observePort() {
        return observability.port();
    }

    private static CheckResult postgres(Database database, OutboxStore outbox) {
        Check check = database.check();
        CheckResult result = CheckResult.of(check);
        return check.up() ? result.withOutbox(outbox.depth()) : result;
    }

    private static CheckResult rabbitmq(Broker broker) {
        CheckResult result = CheckResult.of(broker.check());
        return broker.depths().map(result::withQueues).orElse(result);
    }

    private static Sampler sampler(
            Meters meters, Broker broker, Redis redis, OutboxStore outbox, WorkersHeard workers) {
        Sampler sampler = new Sampler(SAMPLE_EVERY);
        meters.gauge("broker_connected", "1 while connected to RabbitMQ", () -> broker.connected() ? 1 : 0);
        meters.gauge("redis_connected", "1 while connected to Redis", () -> redis.connected() ? 1 : 0);
        meters.gauge("workers_heard", "Workers whose heartbeats were heard lately", workers::count);
        meters.gauge(
                "outbox_depth",
                "Requests not yet handed to the broker",
                sampler.sample("outbox depth", -1L, outbox::depth));
        meters.gauge(
                "outbox_oldest_seconds",
                "Age of the oldest request not yet handed to the broker",
                sampler.sample("outbox age", 0L, () -> outbox.oldestAge()
                        .map(Duration::toSeconds)
                        .orElse(0L)));
        var depths = sampler.sample(
                "queue depths", Map.<String, Long>of(), () -> broker.depths().orElse(Map.of()));
        for (String queue : broker.topology().queues()) {
            meters.gauge(
                    "queue_depth",
                    "Messages ready in a queue; -1 when RabbitMQ does not tell",
                    () -> depths.get().getOrDefault(queue, -1L),
                    "queue",
                    queue);
        }
        return sampler.start();
    }

    @Override
    public void close() {
        stopping = true;
        parts.close();
    }
}
