package dev.parley.dev.server;

import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import dev.parley.dev.net.FreePorts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/**
 * RabbitMQ as an installed program, without plugins, small, and with an epmd (Erlang's name service) of its own, so that two runs on one
 * machine don't meet and epmd goes when its broker goes.
 */
final class RabbitRecipe implements Recipe {
    static final String USER = "parley";

    /** Quorum queues are bound to the node's name, so it is the same in every run. */
    static final String NODE = "parley@localhost";

    /**
     * RabbitMQ 3.10 writes its directory of quorum queues to disk every three minutes: a queue younger than that, and every message in
     * it, is out of reach after a kill ("running pre init for 0 registered servers", then each use of the queue times out). This has it
     * written four times a second; when nothing has changed, that costs nothing. No spaces: the start script splits at them.
     */
    private static final String WRITE_DIRECTORY =
            "timer:apply_interval(250,erlang,apply,[fun()->lists:foreach(fun(T)->dets:sync(T)end,dets:all())end,[]]).";

    private final Path program;
    private final Path epmd;
    private final Path erl;
    private final int epmdPort = FreePorts.next();

    RabbitRecipe(Path program, Path epmd, Path erl) {
        this.program = program;
        this.epmd = epmd;
        this.erl = erl;
    }

    /** Erlang's own shell. */
    Path erl() {
        return erl;
    }

    @Override
    public String title() {
        return Kind.RABBITMQ.title;
    }

    @Override
    public String name() {
        return Kind.RABBITMQ.folder();
    }

    @Override
    public void prepare(Path folder, int port, String password, Path log) throws IOException {
        Files.createDirectories(folder.resolve("home"));
        Files.writeString(folder.resolve("enabled_plugins"), "[].\n");
        SecretFile.write(folder.resolve("rabbitmq.conf"), """
                listeners.tcp.1 = 127.0.0.1:%d
                default_user = %s
                default_pass = %s
                default_vhost = /
                log.file = false
                log.console = true
                log.console.level = warning
                # The share of the machine that a broker beside everything else may take before it slows its publishers down.
                vm_memory_high_watermark.absolute = 512MB
                disk_free_limit.absolute = 100MB
                # The default of 512 MB of log, kept in memory until written, is meant for a machine of the broker's own.
                raft.wal_max_size_bytes = 64000000
                """.formatted(port, USER, password));
    }

    @Override
    public List<Child.Command> commands(Path folder, int port) {
        Map<String, String> environment = new LinkedHashMap<>(erlang(folder));
        environment.put("RABBITMQ_NODENAME", NODE);
        environment.put("RABBITMQ_MNESIA_BASE", folder.resolve("data").toString());
        environment.put("RABBITMQ_LOG_BASE", folder.resolve("log").toString());
        environment.put("RABBITMQ_CONFIG_FILE", folder.resolve("rabbitmq.conf").toString());
        environment.put(
                "RABBITMQ_ADVANCED_CONFIG_FILE",
                folder.resolve("advanced.config").toString());
        // Does not exist, on purpose: the machine's own /etc/rabbitmq/rabbitmq-env.conf says nothing about this broker.
        environment.put(
                "RABBITMQ_CONF_ENV_FILE", folder.resolve("rabbitmq-env.conf").toString());
        environment.put(
                "RABBITMQ_ENABLED_PLUGINS_FILE",
                folder.resolve("enabled_plugins").toString());
        environment.put("RABBITMQ_DIST_PORT", Integer.toString(FreePorts.next()));
        environment.put("RABBITMQ_MAX_NUMBER_OF_PROCESSES", "131072");
        // Two schedulers are plenty for one machine's chats; the cluster port stays on the loopback interface.
        environment.put(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1} -eval " + WRITE_DIRECTORY);
        // Makes the start script become the broker instead of waiting beside it: our signals reach the broker itself.
        environment.put("RUNNING_UNDER_SYSTEMD", "true");
        return List.of(
                new Child.Command(
                        List.of(epmd.toString(), "-port", Integer.toString(epmdPort), "-address", "127.0.0.1"),
                        erlang(folder)),
                new Child.Command(List.of(program.toString()), environment));
    }

    /** What an Erlang program needs to find this broker and be known to it. */
    Map<String, String> erlang(Path folder) {
        return Map.of(
                "HOME", folder.resolve("home").toString(),
                "ERL_EPMD_PORT", Integer.toString(epmdPort),
                "ERL_EPMD_ADDRESS", "127.0.0.1");
    }

    @Override
    public String stopSignal() {
        return "TERM";
    }

    @Override
    public void probe(int port, String password) throws IOException, TimeoutException {
        connect(port, password);
    }

    /** Logs in, opens a channel and leaves again. */
    static void connect(int port, String password) throws IOException, TimeoutException {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setHost("127.0.0.1");
        factory.setPort(port);
        factory.setUsername(USER);
        factory.setPassword(password);
        factory.setAutomaticRecoveryEnabled(false);
        factory.setConnectionTimeout(5_000);
        factory.setHandshakeTimeout(10_000);
        try (Connection connection = factory.newConnection("parley-probe")) {
            connection.createChannel().close();
        }
    }

    @Override
    public String url(int port, String password) {
        return url(port, password, "%2F");
    }

    static String url(int port, String password, String vhost) {
        return "amqp://" + USER + ":" + password + "@127.0.0.1:" + port + "/" + vhost;
    }
}
