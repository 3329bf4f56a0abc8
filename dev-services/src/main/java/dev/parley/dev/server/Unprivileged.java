package dev.parley.dev.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * How PostgreSQL, which refuses to run as root, is run by root. In a user namespace of its own the process has no privileges and no user
 * id, yet owns root's files, so any folder will do. Where namespaces are forbidden (many containers) it runs as the user nobody, to whom
 * the data are given; then the way to the folder must be open to all.
 */
record Unprivileged(List<String> prefix, boolean isOther) {
    private static final int NOBODY = 65534;

    static Unprivileged here() {
        if (!User.isRoot()) {
            return new Unprivileged(List.of(), false);
        }
        if (Child.works(List.of("/bin/sh", "-c", "test \"$(unshare -U id -u)\" != 0 && unshare -U true"))) {
            return new Unprivileged(List.of("unshare", "-U"), false);
        }
        return asNobody();
    }

    static Unprivileged asNobody() {
        // The death signal is lost when the user changes, so it is set once more.
        return new Unprivileged(
                List.of(
                        "setpriv",
                        "--reuid=" + NOBODY,
                        "--regid=" + NOBODY,
                        "--clear-groups",
                        "setpriv",
                        "--pdeathsig",
                        "KILL"),
                true);
    }

    /** Gives a file of ours to the user that PostgreSQL runs as. */
    void own(Path path) throws IOException {
        if (isOther) {
            Files.setAttribute(path, "unix:uid", NOBODY);
            Files.setAttribute(path, "unix:gid", NOBODY);
        }
    }
}
