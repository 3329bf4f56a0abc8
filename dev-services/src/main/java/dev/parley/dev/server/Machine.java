package dev.parley.dev.server;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** What matters about the machine when a server is looked for. An interface, so that tests can describe machines they don't have. */
interface Machine {
    /** An environment variable that is set and not blank. */
    Optional<String> variable(String name);

    /** A program on the PATH. */
    Optional<Path> find(String program);

    /** Whether PostgreSQL's programs for this processor and C library are on the class path. */
    boolean hasEmbeddedPostgres();

    /** Whether a Docker engine's address is configured or in its usual place; it may still not answer. */
    boolean hasDocker();

    /** Whether packages can be installed: root, with apt-get. */
    boolean canInstall();

    /** This machine, without the environment variables that name servers of the user's. */
    static Machine withoutVariables() {
        return new Here(Map.of());
    }

    /** This machine. */
    static Machine here() {
        return new Here(System.getenv());
    }

    /** The machine this program runs on. */
    record Here(Map<String, String> environment) implements Machine {
        /** A user's PATH often lacks these on Debian, and servers live there. */
        private static final Set<String> SERVER_FOLDERS = Set.of(
                "/usr/local/sbin",
                "/usr/local/bin",
                "/usr/sbin",
                "/usr/bin",
                "/usr/local/go/bin",
                "/opt/homebrew/sbin",
                "/opt/homebrew/bin");

        @Override
        public Optional<String> variable(String name) {
            return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
        }

        @Override
        public Optional<Path> find(String program) {
            // Debian's /usr/sbin/rabbitmq-server switches to a user of its own, who cannot read our folder; this one
            // behind it does not.
            Path plain = Path.of("/usr/lib/rabbitmq/bin", program);
            if (Files.isExecutable(plain)) {
                return Optional.of(plain);
            }
            Set<String> folders = new LinkedHashSet<>();
            Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                    .filter(folder -> !folder.isBlank())
                    .forEach(folders::add);
            folders.addAll(SERVER_FOLDERS);
            return folders.stream()
                    .map(folder -> Path.of(folder, program))
                    .filter(Files::isExecutable)
                    .findFirst();
        }

        @Override
        public boolean hasEmbeddedPostgres() {
            return PostgresBinaries.archive().isPresent() && Files.notExists(Path.of("/etc/alpine-release"));
        }

        @Override
        public boolean hasDocker() {
            String home = System.getProperty("user.home", "");
            String runtime = System.getenv().getOrDefault("XDG_RUNTIME_DIR", "/nonexistent");
            return System.getenv("DOCKER_HOST") != null
                    || Stream.of("/var/run/docker.sock", runtime + "/docker.sock", home + "/.docker/run/docker.sock")
                            .anyMatch(socket -> Files.isReadable(Path.of(socket)));
        }

        @Override
        public boolean canInstall() {
            return User.isRoot() && Files.isExecutable(Path.of("/usr/bin/apt-get"));
        }
    }
}
