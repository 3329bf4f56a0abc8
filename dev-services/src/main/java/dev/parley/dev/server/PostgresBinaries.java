package dev.parley.dev.server;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/** PostgreSQL's own programs (initdb, postgres), unpacked once per user from the archive on the class path. */
final class PostgresBinaries {
    private PostgresBinaries() {}

    /** The archive's name on the class path for this processor, when there is one. */
    static Optional<String> archive() {
        if (!System.getProperty("os.name", "").startsWith("Linux")) {
            return Optional.empty();
        }
        String name =
                switch (System.getProperty("os.arch", "")) {
                    case "amd64", "x86_64" -> "postgres-linux-x86_64.txz";
                    case "aarch64" -> "postgres-linux-arm_64.txz";
                    default -> "";
                };
        return Optional.of(name).filter(n -> !n.isEmpty() && PostgresBinaries.class.getResource("/" + n) != null);
    }

    /**
     * Unpacks the programs unless an earlier run has.
     *
     * @param readableByAll true when another user than this one will run them
     * @return the folder that holds {@code bin}, {@code lib} and {@code share}
     */
    static Path unpacked(boolean readableByAll) {
        String archive =
                archive().orElseThrow(() -> new ServerException("No PostgreSQL is built in for this processor."));
        List<Path> candidates = caches(readableByAll);
        IOException failure = null;
        for (Path cache : candidates) {
            try {
                return unpacked(cache, archive);
            } catch (IOException e) {
                failure = e;
            }
        }
        throw new ServerException(
                "PostgreSQL's programs could not be unpacked into any of " + candidates + ": " + failure, failure);
    }

    private static List<Path> caches(boolean readableByAll) {
        Path shared = Path.of(System.getProperty("java.io.tmpdir"), "parley-" + System.getProperty("user.name"));
        if (readableByAll) {
            return List.of(shared);
        }
        String cache = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
        Path own = cache.isBlank()
                ? Path.of(System.getProperty("user.home"), ".cache", "parley")
                : Path.of(cache, "parley");
        return List.of(own, shared);
    }

    private static Path unpacked(Path cache, String archive) throws IOException {
        try (InputStream bytes = PostgresBinaries.class.getResourceAsStream("/" + archive)) {
            // The compressed size tells versions apart; the jar's name is not visible from inside a class loader.
            int size = PostgresBinaries.class
                    .getResource("/" + archive)
                    .openConnection()
                    .getContentLength();
            Path target = cache.resolve(archive.replace(".txz", "-" + size));
            if (Files.isDirectory(target)) {
                ours(target);
                return target;
            }
            Files.createDirectories(cache);
            Path fresh = Files.createTempDirectory(cache, "unpacking-");
            try {
                extract(bytes, fresh);
                Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rwxr-xr-x"));
                // A rename is atomic: whoever sees the folder sees all of it. When two unpack at once, the second
                // rename fails.
                Files.move(fresh, target);
            } catch (IOException e) {
                deleteAll(fresh);
                if (!Files.isDirectory(target)) {
                    throw e;
                }
            }
            ours(target);
            return target;
        }
    }

    /** Refuses programs that another user has put into the shared temporary folder. */
    private static void ours(Path folder) throws IOException {
        if (!Files.getAttribute(folder, "unix:uid").toString().equals(User.id())) {
            throw new IOException(folder + " belongs to another user");
        }
    }

    private static void extract(InputStream bytes, Path folder) throws IOException {
        try (TarArchiveInputStream tar = new TarArchiveInputStream(new XZInputStream(bytes))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                Path path = folder.resolve(entry.getName()).normalize();
                if (!path.startsWith(folder)) {
                    throw new IOException("the archive reaches outside: " + entry.getName());
                }
                if (entry.isDirectory()) {
                    Files.createDirectories(path);
                } else {
                    Files.createDirectories(path.getParent());
                    if (entry.isSymbolicLink()) {
                        Files.createSymbolicLink(path, Path.of(entry.getLinkName()));
                    } else {
                        Files.copy(tar, path);
                        boolean program = (entry.getMode() & 0100) != 0;
                        Files.setPosixFilePermissions(
                                path, PosixFilePermissions.fromString(program ? "rwxr-xr-x" : "rw-r--r--"));
                    }
                }
            }
        }
    }

    /** Deletes a folder and all in it; what cannot be deleted stays. */
    static void deleteAll(Path folder) throws IOException {
        if (Files.notExists(folder)) {
            return;
        }
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
