package dev.parley.system;

import dev.parley.dev.gemini.FakeGemini;
import dev.parley.dev.gemini.Options;
import dev.parley.dev.server.DevServices;
import dev.parley.dev.server.SharedServers;
import dev.parley.local.process.ServiceProcess;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Topology;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** A whole Parley for a test: servers of its own or parts of shared ones, a fake Gemini, and services to start and kill. */
public final class Installation implements AutoCloseable {
    /**
     * Longer than a quota window, for which some stories have to wait, and long enough for two slow cores that others use
     * too; reached only by a test that fails.
     */
    static final Duration PATIENCE = Duration.ofSeconds(90);

    static final String API = "chat-api";
    static final String WORKER = "gemini-worker";

    private static final List<Duration> LADDER = List.of(Duration.ofSeconds(1), Duration.ofSeconds(2));

    private final String databaseUrl;
    private final String redisUrl;
    private final String rabbitUrl;
    private final FakeGemini gemini;
    private final Path logs;
    private final Map<String, String> variables = new HashMap<>();
    private final List<ServiceProcess> apis = new CopyOnWriteArrayList<>();
    private final List<ServiceProcess> workers = new CopyOnWriteArrayList<>();
    private Broker broker;

    private Installation(String databaseUrl, String redisUrl, String rabbitUrl, Options fake) throws IOException {
        this.databaseUrl = databaseUrl;
        this.redisUrl = redisUrl;
        this.rabbitUrl = rabbitUrl;
        this.gemini = FakeGemini.start(fake);
        this.logs = Files.createTempDirectory(Files.createDirectories(Path.of("target", "service-logs")), "test-");
        variables.putAll(Map.of(
                "DATABASE_URL", databaseUrl,
                "DATABASE_POOL_SIZE", "4",
                "REDIS_URL", redisUrl,
                "RABBITMQ_URL", rabbitUrl,
                "QUEUE_RETRY_DELAYS", "1,2",
                "QUEUE_MAX_RETRIES", "2",
                "GEMINI_BASE_URL", gemini.baseUri().toString(),
                "GEMINI_API_KEYS", "key-of-the-test",
                "KEYS_MAX_PER_MINUTE", "10000",
                "LOG_LEVEL", "debug"));
    }

    /** A fresh database, logical Redis database and virtual host of the shared servers. */
    public static Installation fresh() throws IOException {
        return fresh(Options.defaults());
    }

    static Installation fresh(Options fake) throws IOException {
        return new Installation(
                SharedServers.freshDatabase(),
                SharedServers.freshRedis(),
                SharedServers.freshVhost(),
                fake.withoutHttps());
    }

    /** The fake Gemini listens for HTTPS too; who calls it there has to trust its certificate. */
    static Installation freshWithTls() throws IOException {
        return new Installation(
                SharedServers.freshDatabase(),
                SharedServers.freshRedis(),
                SharedServers.freshVhost(),
                Options.defaults());
    }

    /** On servers that the test may stop. */
    static Installation on(DevServices servers) throws IOException {
        return new Installation(
                servers.postgres().url(),
                servers.redis().url(),
                servers.rabbit().url(),
                Options.defaults().withoutHttps());
    }

    /** A variable for every service that is started from now on. */
    public Installation with(String variable, String value) {
        variables.put(variable, value);
        return this;
    }

    /** The variables a service gets, to be changed for one that is started by hand. */
    Map<String, String> variables(Map<String, String> changes) {
        Map<String, String> all = new HashMap<>(variables);
        all.putAll(changes);
        return all;
    }

    Path logs() {
        return logs;
    }

    public FakeGemini gemini() {
        return gemini;
    }

    String redisUrl() {
        return redisUrl;
    }

    String rabbitUrl() {
        return rabbitUrl;
    }

    String databaseUrl() {
        return databaseUrl;
    }

    /** The test's own door to the queues. */
    Broker broker() {
        if (broker == null) {
            broker = Broker.open(
                    URI.create(rabbitUrl), "test", Topology.of("gemini.requests", "gemini.responses", LADDER));
        }
        return broker;
    }

    public ServiceProcess startApi() throws IOException {
        return startApi(Map.of());
    }

    ServiceProcess startApi(Map<String, String> changes) throws IOException {
        return started(apis, ServiceProcess.start(API, variables(changes), logs));
    }

    public ServiceProcess startWorker() throws IOException {
        return startWorker(Map.of());
    }

    ServiceProcess startWorker(Map<String, String> changes) throws IOException {
        ServiceProcess worker = started(workers, ServiceProcess.start(WORKER, variables(changes), logs));
        worker.awaitProbe("ready");
        return worker;
    }

    private static ServiceProcess started(List<ServiceProcess> all, ServiceProcess service) {
        all.add(service);
        return service;
    }

    /** One that lives, whichever test started it. */
    ServiceProcess anApi() throws IOException {
        for (ServiceProcess api : apis) {
            if (api.isAlive()) {
                return api;
            }
        }
        return startApi();
    }

    ServiceProcess aWorker() throws IOException {
        for (ServiceProcess worker : workers) {
            if (worker.isAlive()) {
                return worker;
            }
        }
        return startWorker();
    }

    void killApis() {
        apis.forEach(ServiceProcess::close);
    }

    void killWorkers() {
        workers.forEach(ServiceProcess::close);
    }

    /** Every line that a service of this installation has written. */
    String allLogs() throws IOException {
        StringBuilder all = new StringBuilder();
        for (ServiceProcess service : apis) {
            all.append(service.log());
        }
        for (ServiceProcess service : workers) {
            all.append(service.log());
        }
        return all.toString();
    }

    List<ServiceProcess> services() {
        List<ServiceProcess> all = new ArrayList<>(apis);
        all.addAll(workers);
        return all;
    }

    /** Runs a statement behind the API's back. */
    int sql(String statement, Object... parameters) throws SQLException {
        try (Connection connection = connect();
                PreparedStatement prepared = connection.prepareStatement(statement)) {
            for (int i = 0; i < parameters.length; i++) {
                prepared.setObject(i + 1, parameters[i]);
            }
            return prepared.executeUpdate();
        }
    }

    /** @return the one number that the query gives */
    long number(String query) throws SQLException {
        try (Connection connection = connect();
                PreparedStatement prepared = connection.prepareStatement(query);
                var rows = prepared.executeQuery()) {
            rows.next();
            return rows.getLong(1);
        }
    }

    private Connection connect() throws SQLException {
        URI url = URI.create(databaseUrl);
        String[] user = url.getUserInfo().split(":", 2);
        return DriverManager.getConnection(
                "jdbc:postgresql://%s:%d%s".formatted(url.getHost(), url.getPort(), url.getPath()), user[0], user[1]);
    }

    @Override
    public void close() {
        killWorkers();
        killApis();
        if (broker != null) {
            broker.close();
        }
        gemini.close();
    }
}
