package dev.parley.dev.server;

import dev.parley.dev.net.FreePorts;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;

/** A server that runs as a process of this machine, after its {@link Recipe}. */
final class LocalServer implements DevServer {
    private static final System.Logger LOG = System.getLogger(LocalServer.class.getName());

    /** Generous: the first start of RabbitMQ takes 5 s on a quiet machine, and machines are not always quiet. */
    private static final Duration START_BOUND = Duration.ofSeconds(120);

    private static final Duration STOP_BOUND = Duration.ofSeconds(40);
    private static final Duration KILL_BOUND = Duration.ofSeconds(20);
    private static final Duration POLL = Duration.ofMillis(40);

    /** How often another free port is tried when somebody took the one that was free a moment ago. */
    private static final int PORT_TRIES = 3;

    private static final int LOG_TAIL_LINES = 12;

    /** How servers say so; RabbitMQ, as it gives up, not always more than that it could not start its listener. */
    private static final Pattern PORT_TAKEN = Pattern.compile("(?i)in use|eaddrinuse|could_not_start_listener");

    private final Recipe recipe;
    private final String origin;
    private final FolderLock lock;
    private final Path folder;
    private final Path log;
    private final String password;
    private final ReentrantLock state = new ReentrantLock();

    /** Helpers first, the server last; empty while stopped. Guarded by {@link #state}. */
    private final List<Child> children = new ArrayList<>();

    /** Chosen by the first start, the same ever after. Guarded by {@link #state} until that start has returned. */
    private int port;

    private boolean closed;

    private LocalServer(Recipe recipe, String origin, FolderLock lock, Path log, String password) {
        this.recipe = recipe;
        this.origin = origin;
        this.lock = lock;
        this.folder = lock.folder();
        this.log = log;
        this.password = password;
    }

    /**
     * Takes the folder, ends what an earlier, killed run left running in it, and starts the server.
     *
     * @param port the port on the loopback interface, 0 for any free one
     */
    static LocalServer start(Recipe recipe, String origin, Path wanted, int port) {
        FolderLock lock = FolderLock.take(wanted);
        try {
            Path folder = lock.folder();
            Path logs = Files.createDirectories(folder.resolveSibling("logs"));
            LocalServer server =
                    new LocalServer(recipe, origin, lock, logs.resolve(recipe.name() + ".log"), password(folder));
            server.sweep();
            server.firstStart(port);
            return server;
        } catch (IOException e) {
            lock.close();
            throw new ServerException(recipe.title() + " cannot use the folder " + wanted + ": " + e, e);
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    private void firstStart(int wanted) {
        for (int attempt = 1; ; attempt++) {
            port = wanted == 0 ? FreePorts.next() : wanted;
            try {
                start();
                return;
            } catch (ServerException e) {
                if (wanted != 0
                        || attempt == PORT_TRIES
                        || !PORT_TAKEN.matcher(tail()).find()) {
                    throw e;
                }
            }
        }
    }

    /** The password of the folder's servers, made on first use; loopback ports are open to every user of the machine. */
    static String password(Path folder) throws IOException {
        Path file = folder.resolve("password");
        if (Files.exists(file)) {
            return Files.readString(file).strip();
        }
        byte[] bytes = new byte[16];
        new SecureRandom().nextBytes(bytes);
        String password = HexFormat.of().formatHex(bytes);
        Path fresh = folder.resolve("password.new");
        SecretFile.write(fresh, password);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        return password;
    }

    @Override
    public String url() {
        return recipe.url(port, password);
    }

    @Override
    public String origin() {
        return origin;
    }

    Recipe recipe() {
        return recipe;
    }

    int port() {
        return port;
    }

    String password() {
        return password;
    }

    Path folder() {
        return folder;
    }

    Path log() {
        return log;
    }

    @Override
    public void start() {
        state.lock();
        try {
            if (closed) {
                throw new ServerException(recipe.title() + " in " + folder + " is closed.");
            }
            if (!children.isEmpty() && children.getLast().isAlive()) {
                return;
            }
            end();
            try {
                keepLastLog();
                recipe.prepare(folder, port, password, log);
                for (Child.Command command : recipe.commands(folder, port)) {
                    children.add(Child.start(command, folder, log));
                }
                awaitAnswer();
            } catch (Exception e) {
                end();
                if (e instanceof InterruptedException) {
                    Thread.currentThread().interrupt();
                }
                throw e instanceof ServerException said
                        ? said
                        : new ServerException(recipe.title() + " could not be started: " + e + lastWords(), e);
            }
        } finally {
            state.unlock();
        }
    }

    private void awaitAnswer() throws InterruptedException {
        long deadline = System.nanoTime() + START_BOUND.toNanos();
        while (true) {
            Exception failure;
            try {
                recipe.probe(port, password);
                return;
            } catch (InterruptedException e) {
                throw e;
            } catch (Exception e) {
                failure = e;
            }
            if (!children.getLast().isAlive()) {
                throw new ServerException(recipe.title() + " ended right after its start." + lastWords(), failure);
            }
            if (System.nanoTime() - deadline > 0) {
                throw new ServerException(
                        recipe.title() + " did not answer within " + START_BOUND.toSeconds() + " s (" + failure + ")."
                                + lastWords(),
                        failure);
            }
            Thread.sleep(POLL);
        }
    }

    @Override
    public void stop() {
        state.lock();
        try {
            if (children.isEmpty()) {
                return;
            }
            Child server = children.getLast();
            server.signal(recipe.stopSignal());
            if (!server.await(STOP_BOUND)) {
                LOG.log(Level.WARNING, "{0} did not stop in time and is killed", recipe.title());
            }
            end();
        } finally {
            state.unlock();
        }
    }

    @Override
    public void kill() {
        state.lock();
        try {
            end();
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
            stop();
            closed = true;
            lock.close();
        } finally {
            state.unlock();
        }
    }

    /** Kills whatever of the server still runs, the server before its helpers. */
    private void end() {
        for (Child child : children.reversed()) {
            child.signal("KILL");
        }
        for (Child child : children) {
            child.await(KILL_BOUND);
        }
        children.clear();
        sweep();
    }

    /**
     * Kills servers and helpers that still work in the folder. Only the holder of its lock comes here, so they belong to no living run.
     */
    private void sweep() {
        long deadline = System.nanoTime() + KILL_BOUND.toNanos();
        while (true) {
            List<ProcessHandle> left = Child.in(folder);
            if (left.isEmpty()) {
                return;
            }
            if (System.nanoTime() - deadline > 0) {
                throw new ServerException(
                        "Processes of an earlier run still work in " + folder + " and cannot be ended: "
                                + left.stream().map(ProcessHandle::pid).toList() + ".");
            }
            left.forEach(ProcessHandle::destroyForcibly);
            LockSupport.parkNanos(POLL.toNanos());
        }
    }

    /** Keeps the log of one start back, so that logs stay bounded and a crash can still be read after the next start. */
    private void keepLastLog() throws IOException {
        if (Files.exists(log)) {
            Files.move(log, log.resolveSibling(log.getFileName() + ".1"), StandardCopyOption.REPLACE_EXISTING);
        }
        Files.createFile(log);
    }

    private String lastWords() {
        return "\nThe end of " + log + ":\n" + tail();
    }

    private String tail() {
        try {
            List<String> lines = new String(Files.readAllBytes(log), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            return String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_TAIL_LINES), lines.size()));
        } catch (IOException e) {
            return "(unreadable: " + e + ")";
        }
    }
}
