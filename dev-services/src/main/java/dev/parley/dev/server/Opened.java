package dev.parley.dev.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Opens a server by the first of its ways that leads there. */
final class Opened {
    private Opened() {}

    /**
     * @param local starts an installed program, or the built-in one when there is no path
     * @throws ServerException when no way is open or none led there; it lists them all
     */
    static DevServer open(
            Kind kind, Path folder, int port, Machine machine, Function<Optional<Path>, LocalServer> local) {
        List<String> tried = new ArrayList<>();
        for (Way way : Way.to(kind, machine)) {
            switch (way) {
                case Way.Environment(String url) -> {
                    return new ForeignServer(kind, url);
                }
                // What is here is what will be used: its failure is the message, not a reason to look elsewhere.
                case Way.Embedded() -> {
                    return local.apply(Optional.empty());
                }
                case Way.Installed(Path program) -> {
                    return local.apply(Optional.of(program));
                }
                case Way.Docker(String image) -> {
                    try {
                        return ContainerServer.start(kind, folder, port);
                    } catch (ServerException e) {
                        tried.add(e.getMessage());
                    }
                }
                case Way.Apt(String aptPackage) -> {
                    try {
                        Apt.install(aptPackage, folder.toAbsolutePath().resolveSibling("logs"));
                    } catch (ServerException e) {
                        tried.add(e.getMessage());
                        continue;
                    }
                    Path program = machine.find(kind.program.orElseThrow())
                            .orElseThrow(() -> new ServerException("The package " + aptPackage
                                    + " was installed, yet brought no " + kind.program.get()));
                    return local.apply(Optional.of(program));
                }
            }
        }
        throw new ServerException(Way.none(kind, tried));
    }
}
