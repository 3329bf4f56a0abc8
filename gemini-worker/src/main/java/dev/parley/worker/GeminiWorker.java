package dev.parley.worker;

import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.runtime.Check;
import dev.parley.pipeline.runtime.Lifecycle;
import dev.parley.pipeline.runtime.Meters;
import dev.parley.pipeline.runtime.Observability;
import dev.parley.worker.gemini.GeminiClient;
import dev.parley.worker.gemini.GeminiOptions;
import dev.parley.worker.gemini.WayOut;
import dev.parley.worker.quota.KeysWatch;
import dev.parley.worker.quota.QuotaLimits;
import dev.parley.worker.quota.QuotaListener;
import dev.parley.worker.quota.QuotaScheduler;
import dev.parley.worker.request.RequestConsumer;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.random.RandomGenerator;

/** A running worker: opens its parts in order and closes them in reverse. */
public final class GeminiWorker implements AutoCloseable {
    /** Redis is beside us; slower than this is as good as away. */
    private static final Duration REDIS_TIMEOUT = Duration.ofMillis(500);
    /** Kept of the grace for handing back and closing once the calls had to be cut. */
    private static final Duration CLOSING = Duration.ofSeconds(3);

    private final Lifecycle parts = new Lifecycle();
    private final Observability observability;

    private GeminiWorker(WorkerSettings settings, QuotaListener listener) {
        Clock clock = Clock.systemUTC();
        RandomGenerator random = RandomGenerator.getDefault();
        String id = UUID.randomUUID().toString();
        try {
            observability =
                    parts.opened("observability", Observability.open(settings.observeHost(), settings.observePort()));
            Redis redis = parts.opened("redis", Redis.open(settings.redisUrl(), REDIS_TIMEOUT));
            Broker broker = parts.opened(
                    "broker", Broker.open(settings.rabbitUrl(), "gemini-worker " + id, settings.topology()));
            Workers workers = new Workers(id, clock);
            broker.onHeartbeat(workers::heard);
            KeyMeters keyMeters = new KeyMeters(observability.meters());
            QuotaScheduler quota = parts.opened(
                    "quota",
                    QuotaScheduler.open(
                            redis,
                            settings.quotaGroups(),
                            new QuotaLimits(
                                            settings.keysMaxPerMinute(),
                                            settings.keysMaxPerDay(),
                                            Duration.ofMinutes(1),
                                            settings.keysCooldown())
                                    .withTokensPerMinute(settings.keysMaxTokensPerMinute()),
                            workers::share,
                            clock,
                            QuotaListener.all(keyMeters, listener)));
            parts.opened("key meters", keyMeters.watch(quota));
            settings.keysFile().ifPresent(file -> {
                KeysWatch watch =
                        KeysWatch.start(file, settings.quotaGroups(), quota::reload, clock, KeysWatch.INTERVAL);
                gauges(observability.meters(), parts.opened("keys file", watch));
            });
            GeminiOptions options = GeminiOptions.of(settings.geminiBaseUrl())
                    .withConnections(settings.prefetch(), Duration.ofSeconds(60));
            GeminiClient gemini = parts.opened(
                    "gemini client",
                    GeminiClient.open(settings.proxy().map(options::withProxy).orElse(options)));
            RequestConsumer consumer = parts.opened(
                    "request consumer",
                    RequestConsumer.start(new RequestConsumer.Parts(
                            redis,
                            new Runs(redis),
                            broker,
                            quota,
                            gemini,
                            observability.meters(),
                            clock,
                            random,
                            settings.prefetch(),
                            settings.maxRetries(),
                            settings.shutdownGrace().minus(CLOSING).isPositive()
                                    ? settings.shutdownGrace().minus(CLOSING)
                                    : Duration.ZERO)));
            parts.opened("heartbeat", HeartbeatSender.start(id, broker, consumer, quota, () -> trouble(gemini), clock));
            gauges(observability.meters(), broker, redis, quota);
            if (settings.proxy().isPresent()) {
                proxyMeters(observability.meters(), gemini.wayOut());
            }
            observability.probes(new Observability.Probes(
                    () -> broker.connected()
                            ? new Check(true, trouble(gemini), Optional.empty())
                            : Check.down("no connection to RabbitMQ"),
                    () -> true));
        } catch (RuntimeException e) {
            parts.close();
            throw e;
        }
    }

    public static GeminiWorker open(WorkerSettings settings) {
        return open(settings, QuotaListener.NONE);
    }

    /** @param listener hears what the scheduler does, beside the metrics */
    public static GeminiWorker open(WorkerSettings settings, QuotaListener listener) {
        return new GeminiWorker(settings, listener);
    }

    /** Where metrics and probes are, which is news when the port was 0. */
    public int observePort() {
        return observability.port();
    }

    /** Not a reason to be unready: a worker gets its work from a queue, and the ladder is climbed all the same. */
    private static Optional<String> trouble(GeminiClient gemini) {
        return gemini.wayOut().away() ? Optional.of("proxy away") : Optional.empty();
    }

    private static void proxyMeters(Meters meters, WayOut wayOut) {
        meters.gauge("proxy_up", "1 while the proxy gives tunnels to the model", () -> wayOut.away() ? 0 : 1);
        meters.count("proxy_failures", "Calls and looks that got no tunnel from the proxy", wayOut::failures);
    }

    private static void gauges(Meters meters, Broker broker, Redis redis, QuotaScheduler quota) {
        meters.gauge("worker_broker_connected", "1 while connected to RabbitMQ", () -> broker.connected() ? 1 : 0);
        meters.gauge("worker_redis_connected", "1 while connected to Redis", () -> redis.connected() ? 1 : 0);
        meters.gauge(
                "quota_shared",
                "1 while the quota in Redis is spent, 0 while this worker's share without it",
                () -> quota.spendsShared() ? 1 : 0);
    }

    private static void gauges(Meters meters, KeysWatch watch) {
        meters.gauge(
                "keys_file_in_force",
                "1 while the keys file as it is now is in force, 0 while an earlier one is because it has mistakes",
                () -> watch.status().problems().isEmpty() ? 1 : 0);
        meters.gauge("keys_file_loaded_timestamp_seconds", "When the keys in force were read", () -> watch.status()
                .loadedAt()
                .getEpochSecond());
        meters.gauge("keys_file_reloads", "How often a changed keys file was taken", watch::reloads);
        meters.gauge("keys_file_refusals", "How often a changed keys file was refused", watch::refusals);
    }

    @Override
    public void close() {
        parts.close();
    }
}
