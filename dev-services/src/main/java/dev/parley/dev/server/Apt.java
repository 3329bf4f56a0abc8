package dev.parley.dev.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/** Installs a Debian package, as root, without letting Debian start the service it brings. */
final class Apt {
    private static final Duration BOUND = Duration.ofMinutes(5);
    private static final Path POLICY = Path.of("/usr/sbin/policy-rc.d");

    /** apt-get has one lock for the whole machine, and the policy file is one for all packages. */
    private static final ReentrantLock ONE_AT_A_TIME = new ReentrantLock();

    private Apt() {}

    /** Installs the package; the log gets what apt-get says. */
    static void install(String aptPackage, Path logs) {
        ONE_AT_A_TIME.lock();
        try {
            Path log = Files.createDirectories(logs).resolve("apt-get.log");
            boolean ours = Files.notExists(POLICY);
            if (ours) {
                Files.writeString(POLICY, "#!/bin/sh\nexit 101\n");
                Files.setPosixFilePermissions(POLICY, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
            try {
                List<String> install = List.of(
                        "apt-get",
                        "-o",
                        "DPkg::Lock::Timeout=120",
                        "install",
                        "-y",
                        "-q",
                        "--no-install-recommends",
                        aptPackage);
                if (run(install, logs, log) == 0) {
                    return;
                }
                // A new machine has no package lists yet.
                run(List.of("apt-get", "-q", "update"), logs, log);
                int code = run(install, logs, log);
                if (code != 0) {
                    throw new ServerException("apt-get install " + aptPackage + " ended with " + code
                            + " (its words are in " + log + ")");
                }
            } finally {
                if (ours) {
                    Files.deleteIfExists(POLICY);
                }
            }
        } catch (IOException e) {
            throw new ServerException("apt-get install " + aptPackage + " was not possible: " + e, e);
        } finally {
            ONE_AT_A_TIME.unlock();
        }
    }

    private static int run(List<String> line, Path folder, Path log) {
        return Child.run(
                new Child.Command(
                        line,
                        Map.of(
                                "DEBIAN_FRONTEND", "noninteractive",
                                "HOME", "/root",
                                "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")),
                folder,
                log,
                BOUND);
    }
}
