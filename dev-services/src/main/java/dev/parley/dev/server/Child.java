package dev.parley.dev.server;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** A server's process: it sees no more of our environment than it must, and it dies when we do. */
final class Child {
    /**
     * The one thread that starts servers. The kernel ties the death signal to the thread that forked, not to its process, so this thread
     * must live as long as the program; a virtual thread's carrier need not.
     */
    private static final ExecutorService FORKER = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("server-starter").factory());

    private static final Duration GUARD_CHECK = Duration.ofSeconds(10);

    private final Process process;

    private Child(Process process) {
        this.process = process;
    }

    /** What to run: a command and the variables it needs beside PATH and LANG. */
    record Command(List<String> line, Map<String, String> environment) {
        Command {
            line = List.copyOf(line);
            environment = Map.copyOf(environment);
        }
    }

    /** Starts a server in {@code folder}, with its output at the end of {@code log}. */
    static Child start(Command command, Path folder, Path log) {
        List<String> line = new ArrayList<>(Guard.PREFIX);
        line.addAll(command.line());
        return onForker(
                () -> new Child(
                        builder(line, command.environment(), folder, log).start()),
                command);
    }

    /**
     * Runs a short program to its end.
     *
     * @return its exit code
     * @throws ServerException when it cannot be started or takes longer than {@code bound}; it is killed then
     */
    static int run(Command command, Path folder, Path log, Duration bound) {
        return onForker(
                        () -> {
                            List<String> line = new ArrayList<>(Guard.PREFIX);
                            line.addAll(command.line());
                            return builder(line, command.environment(), folder, log)
                                    .start();
                        },
                        command)
                .onExit()
                .thenApply(Process::exitValue)
                .orTimeout(bound.toMillis(), TimeUnit.MILLISECONDS)
                .join();
    }

    private static <T> T onForker(Callable<T> start, Command command) {
        try {
            return FORKER.submit(start).get();
        } catch (ExecutionException e) {
            throw new ServerException(
                    command.line().getFirst() + " could not be started: " + e.getCause(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ServerException(
                    "Interrupted while starting " + command.line().getFirst(), e);
        }
    }

    private static ProcessBuilder builder(List<String> line, Map<String, String> environment, Path folder, Path log) {
        ProcessBuilder builder = new ProcessBuilder(line).directory(folder.toFile());
        builder.environment().clear();
        // Keys and passwords of ours are none of theirs.
        for (String name : List.of("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")) {
            String value = System.getenv(name);
            if (value != null) {
                builder.environment().put(name, value);
            }
        }
        builder.environment().putAll(environment);
        return builder.redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Sends a signal by its short name, such as {@code INT}. */
    void signal(String name) {
        if (!process.isAlive()) {
            return;
        }
        switch (name) {
            case "TERM" -> process.destroy();
            case "KILL" -> process.destroyForcibly();
            default -> {
                try {
                    new ProcessBuilder("/bin/sh", "-c", "kill -" + name + " " + process.pid())
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor(5, TimeUnit.SECONDS);
                } catch (IOException e) {
                    process.destroy();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    /** Waits for the end; false when it did not come within {@code bound}. */
    boolean await(Duration bound) {
        try {
            return process.waitFor(bound.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /**
     * What stands before a command so that it dies with us. {@code setsid} keeps the terminal's Ctrl-C from it: servers are closed after
     * their users, in order. {@code setpriv} (util-linux) has the kernel kill it when the thread that started it is gone.
     */
    private static final class Guard {
        static final List<String> PREFIX = prefix();

        private static List<String> prefix() {
            List<String> prefix = new ArrayList<>();
            if (works(List.of("setsid", "true"))) {
                prefix.add("setsid");
            }
            if (works(List.of("setpriv", "--pdeathsig", "KILL", "true"))) {
                prefix.addAll(List.of("setpriv", "--pdeathsig", "KILL"));
            }
            return List.copyOf(prefix);
        }
    }

    /** Whether a command exists here and ends well. */
    static boolean works(List<String> line) {
        try {
            Process process = new ProcessBuilder(line)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!process.waitFor(GUARD_CHECK.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
                return false;
            }
            return process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /**
     * The server processes whose working folder lies in {@code folder}: those of an earlier run that was killed, and the helpers of one
     * that was killed just now. A shell that somebody left standing there is not one of them.
     */
    static List<ProcessHandle> in(Path folder) {
        return ProcessHandle.allProcesses()
                .filter(handle -> {
                    Path process = Path.of("/proc", Long.toString(handle.pid()));
                    try {
                        return Files.readSymbolicLink(process.resolve("cwd")).startsWith(folder)
                                && PROGRAMS.contains(Files.readString(process.resolve("comm"))
                                        .strip());
                    } catch (IOException e) {
                        return false; // gone meanwhile, another user's, or a system without /proc
                    }
                })
                .toList();
    }

    private static final List<String> PROGRAMS = List.of(
            "postgres",
            "redis-server",
            "beam.smp",
            "erl_child_setup",
            "inet_gethost",
            "epmd",
            "hysteria",
            "hysteria-pair");
}
