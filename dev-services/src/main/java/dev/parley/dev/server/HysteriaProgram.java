package dev.parley.dev.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * Where the Hysteria2 program comes from: the official app on the PATH, or else the test pair of {@code hysteria/pair}, built once per
 * state of its sources with Go into the user's cache.
 */
sealed interface HysteriaProgram {
    /** @param origin {@code "PATH"} or {@code "built"} */
    record Found(Path path, String origin) implements HysteriaProgram {}

    /** @param why a sentence for the person who wanted it */
    record Missing(String why) implements HysteriaProgram {}

    /** The first build fetches the modules and compiles the standard library too. */
    Duration BUILD_BOUND = Duration.ofMinutes(10);

    Duration LOOK_AGAIN = Duration.ofMillis(200);

    /** One build at a time in this program; the file lock is for other programs. */
    ReentrantLock BUILDING = new ReentrantLock();

    /** What Go may need to know of this machine; no other variable is passed on. */
    List<String> GO_VARIABLES = List.of(
            "HOME",
            "XDG_CACHE_HOME",
            "GOPATH",
            "GOCACHE",
            "GOMODCACHE",
            "GOPROXY",
            "GOSUMDB",
            "GONOSUMDB",
            "GOPRIVATE",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR");

    /** @param sources the folder of the test pair's sources, if it is known */
    static HysteriaProgram find(Machine machine, Optional<Path> sources, Path cache) {
        Optional<Path> app = machine.find("hysteria");
        if (app.isPresent()) {
            return new Found(app.get(), "PATH");
        }
        if (sources.isEmpty()) {
            return new Missing(
                    "hysteria is not on the PATH, and the folder hysteria/pair, from which a test pair could be built,"
                            + " is not here.");
        }
        Optional<Path> go = machine.find("go");
        if (go.isEmpty()) {
            return new Missing(
                    "hysteria is not on the PATH, and there is no Go from which its test pair could be built: install"
                            + " Hysteria2, or Go 1.25 or later.");
        }
        try {
            return built(go.get(), sources.get(), cache);
        } catch (IOException | RuntimeException e) {
            return new Missing("hysteria is not on the PATH, and its test pair could not be built: " + e.getMessage());
        }
    }

    /** The folder of the test pair's sources: in the one that {@code parley.root} names, or in one above the working folder. */
    static Optional<Path> sources() {
        String root = System.getProperty("parley.root", "");
        Stream<Path> roots = root.isEmpty()
                ? Stream.iterate(Path.of("").toAbsolutePath(), folder -> folder != null, Path::getParent)
                : Stream.of(Path.of(root));
        return roots.map(folder -> folder.resolve("hysteria").resolve("pair"))
                .filter(folder -> Files.exists(folder.resolve("go.mod")))
                .findFirst();
    }

    /** The user's cache for what Parley builds or unpacks. */
    static Path cache() {
        String cache = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
        return cache.isBlank()
                ? Path.of(System.getProperty("user.home"), ".cache", "parley")
                : Path.of(cache, "parley");
    }

    private static Found built(Path go, Path sources, Path cache) throws IOException {
        Path program = cache.resolve("hysteria-" + hash(sources)).resolve("hysteria-pair");
        if (Files.isExecutable(program)) {
            return new Found(program, "built");
        }
        BUILDING.lock();
        try {
            Files.createDirectories(program.getParent());
            try (FileChannel channel = FileChannel.open(
                            cache.resolve("hysteria.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock _ = lock(channel)) {
                // Somebody else may have built it while this one waited.
                if (!Files.isExecutable(program)) {
                    build(go, sources, program);
                }
            }
            return new Found(program, "built");
        } finally {
            BUILDING.unlock();
        }
    }

    private static FileLock lock(FileChannel channel) throws IOException {
        long deadline = System.nanoTime() + BUILD_BOUND.toNanos();
        while (true) {
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return lock;
            }
            if (System.nanoTime() - deadline > 0) {
                throw new IOException(
                        "another program has been building it for more than " + BUILD_BOUND.toMinutes() + " min");
            }
            try {
                Thread.sleep(LOOK_AGAIN);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while another program builds it", e);
            }
        }
    }

    private static void build(Path go, Path sources, Path program) throws IOException {
        Path fresh = program.resolveSibling("building");
        Path log = program.resolveSibling("build.log");
        Map<String, String> variables =
                new HashMap<>(Map.of("CGO_ENABLED", "0", "GOFLAGS", "-mod=readonly", "GOTOOLCHAIN", "auto"));
        for (String name : GO_VARIABLES) {
            Optional.ofNullable(System.getenv(name)).ifPresent(value -> variables.put(name, value));
        }
        Files.deleteIfExists(log);
        int code = Child.run(
                new Child.Command(List.of(go.toString(), "build", "-trimpath", "-o", fresh.toString(), "."), variables),
                sources,
                log,
                BUILD_BOUND);
        if (code != 0) {
            String words = Files.readString(log).strip();
            throw new IOException("go build ended with " + code + ": "
                    + words.substring(Math.max(0, words.length() - 400)).replace('\n', ' '));
        }
        // A rename is atomic: whoever sees the program sees all of it.
        Files.move(fresh, program, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Of names and contents of what goes into the program. */
    private static String hash(Path sources) throws IOException {
        try (Stream<Path> files = Files.list(sources)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            files.filter(file -> file.toString().matches(".*/(go\\.mod|go\\.sum|[^/]*(?<!_test)\\.go)"))
                    .sorted()
                    .forEach(file -> {
                        try {
                            digest.update(file.getFileName().toString().getBytes(StandardCharsets.UTF_8));
                            digest.update((byte) 0);
                            digest.update(Files.readAllBytes(file));
                            digest.update((byte) 0);
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    });
            return HexFormat.of().formatHex(digest.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
