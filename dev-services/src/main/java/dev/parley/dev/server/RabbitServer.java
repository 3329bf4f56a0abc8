package dev.parley.dev.server;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/** A RabbitMQ without plugins, with the virtual host {@code /}. */
public final class RabbitServer extends Server {
    private static final Duration CALL_BOUND = Duration.ofSeconds(60);

    private RabbitServer(DevServer server) {
        super(server);
    }

    /**
     * Starts RabbitMQ with its data in {@code folder}, or takes the one that RABBITMQ_URL names.
     *
     * @param folder this server's own folder; its log goes to {@code ../logs}
     * @param port on the loopback interface; 0 for any free one
     * @throws ServerException when none can be had or it does not start
     */
    public static RabbitServer start(Path folder, int port) {
        return start(folder, port, Machine.here());
    }

    static RabbitServer start(Path folder, int port, Machine machine) {
        DevServer server = Opened.open(
                Kind.RABBITMQ,
                folder,
                port,
                machine,
                program -> LocalServer.start(
                        new RabbitRecipe(program.orElseThrow(), erlang(machine, "epmd"), erlang(machine, "erl")),
                        "PATH",
                        folder,
                        port));
        return new RabbitServer(server);
    }

    private static Path erlang(Machine machine, String program) {
        return machine.find(program)
                .orElseThrow(() -> new ServerException(
                        "RabbitMQ is installed, but Erlang's program " + program + " is not on the PATH."));
    }

    /**
     * Creates an empty virtual host.
     *
     * @return its address
     */
    public String freshVhost() {
        String name = "test-" + UUID.randomUUID();
        switch (server()) {
            case LocalServer local -> call(local, name);
            case ContainerServer container -> {
                container.run("rabbitmqctl", "add_vhost", name);
                container.run("rabbitmqctl", "set_permissions", "-p", name, RabbitRecipe.USER, ".*", ".*", ".*");
            }
            default -> throw notOurs();
        }
        Login login = login();
        return RabbitRecipe.url(login.port(), login.password(), name);
    }

    /**
     * Asks the broker from an Erlang shell: a fifth of the time that rabbitmqctl takes to come up, and without it the tests would wait
     * longer for virtual hosts than for messages.
     */
    private static void call(LocalServer local, String vhost) {
        if (!(local.recipe() instanceof RabbitRecipe recipe)) {
            throw new IllegalStateException("not a RabbitMQ: " + local.recipe());
        }
        String script = """
                N = '%1$s', V = <<"%2$s">>, U = <<"%3$s">>, A = <<".*">>,
                case {rpc:call(N, rabbit_vhost, add, [V, U], 30000),
                      rpc:call(N, rabbit_auth_backend_internal, set_permissions, [U, V, A, A, A, U], 30000)} of
                  {ok, ok} -> halt(0);
                  Other -> io:format("no virtual host: ~~p~~n", [Other]), halt(1)
                end.
                """.formatted(RabbitRecipe.NODE, vhost, RabbitRecipe.USER);
        Child.Command command = new Child.Command(
                List.of(
                        recipe.erl().toString(),
                        "-noinput",
                        "-hidden",
                        "-sname",
                        "shell-" + UUID.randomUUID() + "@localhost",
                        "-kernel",
                        "inet_dist_use_interface",
                        "{127,0,0,1}",
                        "-eval",
                        script),
                recipe.erlang(local.folder()));
        int code = Child.run(command, local.folder(), local.log(), CALL_BOUND);
        if (code != 0) {
            throw new ServerException("A fresh virtual host could not be created; " + local.log() + " tells why.");
        }
    }
}
