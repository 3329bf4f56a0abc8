package dev.parley.dev.server;

/**
 * One running server. Its port and its data stay the same from start to {@link #close}, over any number of stops, kills and starts.
 *
 * <p>All methods may be called from any thread. {@link #start}, {@link #stop} and {@link #kill} are idempotent, wait for what they say
 * within a bound, and throw {@link ServerException} when it does not happen. A server that came from an environment variable belongs to
 * somebody else: it can be neither stopped nor killed, and closing it does nothing.
 */
public interface DevServer extends AutoCloseable {

    /**
     * The address in the form that the services accept, credentials included: {@code postgresql://user:password@host:port/database},
     * {@code redis://:password@host:port/0} or {@code amqp://user:password@host:port/%2F}.
     */
    String url();

    /** Where the server came from: {@code "environment"}, {@code "embedded"}, {@code "PATH"} or {@code "docker"}. */
    String origin();

    /** Starts the server after a stop or a kill; returns when it answers. */
    void start();

    /** Stops the server in its own orderly way; returns when it is gone. */
    void stop();

    /** Kills the server and its helpers with SIGKILL, as a power cut would; returns when they are gone. */
    void kill();

    /** Stops the server and lets go of its folder; the data stay. */
    @Override
    void close();
}
