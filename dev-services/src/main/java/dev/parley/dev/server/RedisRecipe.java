package dev.parley.dev.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Redis (or Valkey) as an installed program: append-only file, nothing evicted, loopback only. */
final class RedisRecipe implements Recipe {
    /** How many logical databases there are; tests take one each. */
    static final int DATABASES = 256;

    private final Path program;

    RedisRecipe(Path program) {
        this.program = program;
    }

    @Override
    public String title() {
        return Kind.REDIS.title;
    }

    @Override
    public String name() {
        return Kind.REDIS.folder();
    }

    @Override
    public void prepare(Path folder, int port, String password, Path log) throws IOException {
        Path data = Files.createDirectories(folder.resolve("data"));
        SecretFile.write(folder.resolve("redis.conf"), """
                bind 127.0.0.1
                port %d
                requirepass %s
                dir "%s"
                appendonly yes
                appendfsync everysec
                save ""
                maxmemory-policy noeviction
                databases %d
                """.formatted(port, password, data, DATABASES));
    }

    @Override
    public List<Child.Command> commands(Path folder, int port) {
        return List.of(new Child.Command(
                List.of(program.toString(), folder.resolve("redis.conf").toString()), Map.of()));
    }

    @Override
    public String stopSignal() {
        return "TERM";
    }

    @Override
    public void probe(int port, String password) throws IOException {
        RedisDoor.ask(port, password, 0, "PING");
    }

    @Override
    public String url(int port, String password) {
        return url(port, password, 0);
    }

    static String url(int port, String password, int database) {
        return "redis://:" + password + "@127.0.0.1:" + port + "/" + database;
    }
}
