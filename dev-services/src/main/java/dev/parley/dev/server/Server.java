package dev.parley.dev.server;

/** What the three servers have in common: each is run by one of the ways, which it hides. */
abstract sealed class Server implements DevServer permits PostgresServer, RedisServer, RabbitServer {
    private final DevServer server;

    Server(DevServer server) {
        this.server = server;
    }

    /** Where a server of ours is and how one logs in. */
    record Login(int port, String password) {}

    DevServer server() {
        return server;
    }

    Login login() {
        return switch (server) {
            case LocalServer local -> new Login(local.port(), local.password());
            case ContainerServer container -> new Login(container.port(), container.password());
            default -> throw notOurs();
        };
    }

    static ServerException notOurs() {
        return new ServerException(
                "A server named by an environment variable is not ours to create or delete things in.");
    }

    @Override
    public final String url() {
        return server.url();
    }

    @Override
    public final String origin() {
        return server.origin();
    }

    @Override
    public final void start() {
        server.start();
    }

    @Override
    public final void stop() {
        server.stop();
    }

    @Override
    public final void kill() {
        server.kill();
    }

    @Override
    public final void close() {
        server.close();
    }
}
