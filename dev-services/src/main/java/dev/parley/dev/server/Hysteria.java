package dev.parley.dev.server;

import dev.parley.dev.gemini.Certificates;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;

/**
 * A real Hysteria2 between two places of this machine: a server, the exit, which knows one name and leads it to a port of the loopback
 * interface, and clients, the near ends, each an HTTP CONNECT proxy. Every end can be stopped, killed and started by itself, as any
 * {@link DevServer}; a client's {@code url()} is what HTTP_PROXY takes. Thread-safe.
 */
public final class Hysteria implements AutoCloseable {
    /** The settings of {@code hysteria/server.yaml} and {@code client.yaml} that matter for how failures look. */
    private static final String SERVER = """
            listen: 127.0.0.1:%d
            tls:
              cert: "%s"
              key: "%s"
            auth:
              type: password
              password: "%s"
            quic:
              maxIdleTimeout: 5s
              maxIncomingStreams: 4096
            ignoreClientBandwidth: true
            disableUDP: true
            acl:
              inline:
                - direct(%s, tcp/%d, 127.0.0.1)
                - reject(all)
            """;

    private static final String CLIENT = """
            server: %s
            auth: "%s"
            tls:
              sni: %s
              ca: "%s"
            quic:
              maxIdleTimeout: 5s
              keepAlivePeriod: 2s
            lazy: true
            fastOpen: false
            http:
              listen: 127.0.0.1:%d
            """;

    private static final String EXIT = "exit.test";

    /** Found, or searched for in vain, once; a build takes minutes. */
    private static final ReentrantLock SEARCH = new ReentrantLock();

    private static HysteriaProgram program;

    private final HysteriaProgram.Found found;
    private final Path folder;
    private final Path authority;
    private final LocalServer server;
    private final ReentrantLock opening = new ReentrantLock();
    /** Guarded by {@link #opening}. */
    private final List<LocalServer> clients = new ArrayList<>();

    private Hysteria(HysteriaProgram.Found found, Path folder, String host, int port) throws IOException {
        this.found = found;
        this.folder = folder;
        Certificates certificates =
                Certificates.create(List.of(EXIT), Clock.systemUTC().instant());
        Path files =
                Files.createDirectories(folder.resolve("hysteria-certificates")).toRealPath();
        this.authority = files.resolve("ca.crt");
        Path chain = files.resolve("tls.crt");
        Path key = files.resolve("tls.key");
        Files.writeString(authority, certificates.authorityPem());
        Files.writeString(chain, certificates.chainPem());
        SecretFile.write(key, certificates.keyPem());
        this.server = start(
                HysteriaRecipe.SERVER,
                "hysteria-server",
                (own, listen) -> SERVER.formatted(listen, chain, key, password(own), host, port));
    }

    /**
     * Why there can be no Hysteria2 here; empty when there can. Builds the test pair when it must, which takes up to four minutes the
     * first time for a user.
     */
    public static Optional<String> missing() {
        return search() instanceof HysteriaProgram.Missing(String why) ? Optional.of(why) : Optional.empty();
    }

    private static HysteriaProgram search() {
        SEARCH.lock();
        try {
            if (program == null) {
                program = HysteriaProgram.find(
                        Machine.withoutVariables(), HysteriaProgram.sources(), HysteriaProgram.cache());
            }
            return program;
        } finally {
            SEARCH.unlock();
        }
    }

    /**
     * Starts the server.
     *
     * @param host the only name it lets through; it need not exist anywhere else
     * @param port the only port of it, which is led to the same port of 127.0.0.1
     * @throws ServerException when the program is missing or does not start
     */
    public static Hysteria start(Path folder, String host, int port) {
        return switch (search()) {
            case HysteriaProgram.Missing(String why) -> throw new ServerException(why);
            case HysteriaProgram.Found found -> {
                try {
                    yield new Hysteria(found, folder, host, port);
                } catch (IOException e) {
                    throw new ServerException("Hysteria2 cannot use the folder " + folder + ": " + e, e);
                }
            }
        };
    }

    private LocalServer start(String end, String name, BiFunction<Path, Integer, String> configuration)
            throws IOException {
        Path log = Files.createDirectories(folder.toRealPath().resolve("logs")).resolve(name + ".log");
        return LocalServer.start(
                new HysteriaRecipe(found.path(), end, name, configuration, log),
                found.origin(),
                folder.resolve(name),
                0);
    }

    private static String password(Path folder) {
        try {
            return LocalServer.password(folder);
        } catch (IOException e) {
            throw new ServerException("No password for Hysteria2: " + e, e);
        }
    }

    /** The exit. */
    public DevServer server() {
        return server;
    }

    /** Starts a client; it needs no server to be there. It is closed with this. */
    public DevServer client() {
        return client(server.password());
    }

    /** Starts a client that has the password wrong. */
    public DevServer clientWithWrongPassword() {
        return client(HexFormat.of().formatHex("wrong".getBytes(StandardCharsets.US_ASCII)));
    }

    private DevServer client(String password) {
        opening.lock();
        try {
            LocalServer client = start(
                    HysteriaRecipe.CLIENT,
                    "hysteria-client-" + (clients.size() + 1),
                    (_, listen) -> CLIENT.formatted(server.url(), password, EXIT, authority, listen));
            clients.add(client);
            return client;
        } catch (IOException e) {
            throw new ServerException("Hysteria2 cannot use the folder " + folder + ": " + e, e);
        } finally {
            opening.unlock();
        }
    }

    @Override
    public void close() {
        ServerException failure = new ServerException("Not every end of Hysteria2 could be closed.");
        List<LocalServer> all = new ArrayList<>();
        opening.lock();
        try {
            all.addAll(clients.reversed());
        } finally {
            opening.unlock();
        }
        all.add(server);
        for (LocalServer end : all) {
            try {
                end.close();
            } catch (RuntimeException e) {
                failure.addSuppressed(e);
            }
        }
        if (failure.getSuppressed().length > 0) {
            throw failure;
        }
    }
}
