package dev.parley.dev.server;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.exception.NotModifiedException;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.PortBinding;
import dev.parley.dev.net.FreePorts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * A server in a container, with its data in our folder. Testcontainers' own watcher removes the container when this program dies without
 * closing it.
 */
final class ContainerServer implements DevServer {
    private static final Duration START_BOUND = Duration.ofMinutes(2);
    private static final int STOP_SECONDS = 40;
    private static final Duration POLL = Duration.ofMillis(100);

    private final Kind kind;
    private final FolderLock lock;
    private final String password;
    private final int port;
    private final GenericContainer<?> container;
    private final ReentrantLock state = new ReentrantLock();
    private boolean closed;

    private ContainerServer(Kind kind, FolderLock lock, String password, int port) throws IOException {
        this.kind = kind;
        this.lock = lock;
        this.password = password;
        this.port = port;
        this.container = container(kind, lock.folder(), password, port);
    }

    /** Starts the image with the folder as its data; pulls it first when it is missing. */
    static ContainerServer start(Kind kind, Path wanted, int wantedPort) {
        FolderLock lock = FolderLock.take(wanted);
        try {
            int port = wantedPort == 0 ? FreePorts.next() : wantedPort;
            ContainerServer server = new ContainerServer(kind, lock, LocalServer.password(lock.folder()), port);
            try {
                server.container.start();
                server.awaitAnswer();
                return server;
            } catch (RuntimeException e) {
                server.container.stop();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw new ServerException("Docker could not run " + kind.image + ": " + e.getMessage(), e);
        }
    }

    @SuppressWarnings("resource") // the fluent methods return the container that is closed with this server
    private static GenericContainer<?> container(Kind kind, Path folder, String password, int port) throws IOException {
        GenericContainer<?> container = new GenericContainer<>(DockerImageName.parse(kind.image));
        Path data = Files.createDirectories(folder.resolve("docker"));
        switch (kind) {
            case POSTGRES ->
                container
                        .withEnv("POSTGRES_USER", PostgresRecipe.USER)
                        .withEnv("POSTGRES_DB", PostgresRecipe.DATABASE)
                        .withEnv("POSTGRES_PASSWORD", password)
                        .withFileSystemBind(data.toString(), "/var/lib/postgresql/data", BindMode.READ_WRITE);
            case REDIS ->
                container
                        .withCommand(
                                "redis-server",
                                "--requirepass",
                                password,
                                "--appendonly",
                                "yes",
                                "--save",
                                "",
                                "--maxmemory-policy",
                                "noeviction",
                                "--databases",
                                Integer.toString(RedisRecipe.DATABASES))
                        .withFileSystemBind(data.toString(), "/data", BindMode.READ_WRITE);
            case RABBITMQ ->
                container
                        .withEnv("RABBITMQ_NODENAME", RabbitRecipe.NODE)
                        .withEnv("RABBITMQ_DEFAULT_USER", RabbitRecipe.USER)
                        .withEnv("RABBITMQ_DEFAULT_PASS", password)
                        .withFileSystemBind(data.toString(), "/var/lib/rabbitmq", BindMode.READ_WRITE);
        }
        String user = User.isRoot() ? "" : User.id() + ":" + User.groupId();
        return container.withExposedPorts(kind.port).withCreateContainerCmdModifier(command -> {
            // A port that Docker chooses would change with every start of the container.
            HostConfig host = command.getHostConfig();
            host.withPortBindings(PortBinding.parse("127.0.0.1:" + port + ":" + kind.port));
            if (!user.isEmpty()) {
                command.withUser(user); // so that the data belong to whom the folder belongs
            }
        });
    }

    private void awaitAnswer() {
        long deadline = System.nanoTime() + START_BOUND.toNanos();
        while (true) {
            try {
                switch (kind) {
                    // The image's first start runs a server for its own setup, on a socket only; this port is the real
                    // one's.
                    case POSTGRES ->
                        PostgresRecipe.connect(port, password, PostgresRecipe.DATABASE)
                                .close();
                    case REDIS -> RedisDoor.ask(port, password, 0, "PING");
                    case RABBITMQ -> RabbitRecipe.connect(port, password);
                }
                return;
            } catch (Exception e) {
                if (System.nanoTime() - deadline > 0) {
                    throw new ServerException(
                            kind.title + " in a container did not answer within " + START_BOUND.toSeconds() + " s (" + e
                                    + "). The end of its log:\n" + tail(container.getLogs()),
                            e);
                }
                try {
                    Thread.sleep(POLL);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                    throw new ServerException("Interrupted while " + kind.title + " started", interrupted);
                }
            }
        }
    }

    private static String tail(String log) {
        List<String> lines = log.lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 12), lines.size()));
    }

    @Override
    public String url() {
        return switch (kind) {
            case POSTGRES -> PostgresRecipe.url(port, password, PostgresRecipe.DATABASE);
            case REDIS -> RedisRecipe.url(port, password, 0);
            case RABBITMQ -> RabbitRecipe.url(port, password, "%2F");
        };
    }

    @Override
    public String origin() {
        return "docker";
    }

    int port() {
        return port;
    }

    String password() {
        return password;
    }

    /** Runs a program in the container; throws when it does not end with 0. */
    void run(String... line) {
        try {
            org.testcontainers.containers.Container.ExecResult result = container.execInContainer(line);
            if (result.getExitCode() != 0) {
                throw new ServerException(line[0] + " in the container failed: " + result.getStderr());
            }
        } catch (IOException e) {
            throw new ServerException(line[0] + " could not be run in the container: " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ServerException("Interrupted while running " + line[0], e);
        }
    }

    @Override
    public void start() {
        change(docker -> docker.startContainerCmd(container.getContainerId()).exec());
        awaitAnswer();
    }

    @Override
    public void stop() {
        change(docker -> docker.stopContainerCmd(container.getContainerId())
                .withTimeout(STOP_SECONDS)
                .exec());
    }

    @Override
    public void kill() {
        change(docker -> {
            Boolean running = docker.inspectContainerCmd(container.getContainerId())
                    .exec()
                    .getState()
                    .getRunning();
            if (Boolean.TRUE.equals(running)) {
                docker.killContainerCmd(container.getContainerId()).exec();
            }
        });
    }

    private interface Change {
        void apply(DockerClient docker);
    }

    private void change(Change change) {
        state.lock();
        try {
            if (closed) {
                throw new ServerException(kind.title + " is closed.");
            }
            change.apply(DockerClientFactory.lazyClient());
        } catch (NotModifiedException e) {
            // it was so already
        } catch (DockerException e) {
            throw new ServerException(
                    "Docker refused to change the container of " + kind.title + ": " + e.getMessage(), e);
        } finally {
            state.unlock();
        }
    }

    @Override
    public void close() {
        state.lock();
        try {
            if (closed) {
                return;
            }
            // Orderly first: removing a running container kills what is in it.
            stop();
            closed = true;
            container.stop();
            lock.close();
        } finally {
            state.unlock();
        }
    }
}
