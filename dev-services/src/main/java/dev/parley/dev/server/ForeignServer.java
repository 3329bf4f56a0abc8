package dev.parley.dev.server;

/** A server that the user named by an environment variable: used, never touched. */
record ForeignServer(Kind kind, String url) implements DevServer {
    @Override
    public String origin() {
        return "environment";
    }

    @Override
    public void start() {
        throw notOurs("started");
    }

    @Override
    public void stop() {
        throw notOurs("stopped");
    }

    @Override
    public void kill() {
        throw notOurs("killed");
    }

    @Override
    public void close() {}

    private ServerException notOurs(String verb) {
        return new ServerException(
                "The " + kind.title + " named by " + kind.variable + " is not ours to be " + verb + ".");
    }
}
