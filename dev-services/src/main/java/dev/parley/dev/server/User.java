package dev.parley.dev.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The user this program runs as. */
final class User {
    private User() {}

    /** Whether this program runs as root. Read from the kernel, since user.name is only a name. */
    static boolean isRoot() {
        try {
            return "0".equals(id());
        } catch (IOException e) {
            return "root".equals(System.getProperty("user.name"));
        }
    }

    /** The numeric user id. */
    static String id() throws IOException {
        return Files.getAttribute(Path.of("/proc/self"), "unix:uid").toString();
    }

    /** The numeric group id. */
    static String groupId() throws IOException {
        return Files.getAttribute(Path.of("/proc/self"), "unix:gid").toString();
    }
}
