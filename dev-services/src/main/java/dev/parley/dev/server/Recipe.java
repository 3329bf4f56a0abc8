package dev.parley.dev.server;

import java.nio.file.Path;
import java.util.List;

/** How one kind of server is run as a process of this machine. */
interface Recipe {
    /** How people call it. */
    String title();

    /** The log's name. */
    String name();

    /** Writes configuration and, the first time, data. The folder is the server's own and locked. */
    void prepare(Path folder, int port, String password, Path log) throws Exception;

    /** What to start, in order; the last one is the server, those before it its helpers. */
    List<Child.Command> commands(Path folder, int port) throws Exception;

    /** The signal by which the server stops in its orderly way. */
    String stopSignal();

    /** Returns when the server answers a client that has logged in; throws when it does not (yet). */
    void probe(int port, String password) throws Exception;

    /** Its address for the services. */
    String url(int port, String password);
}
