package dev.parley.dev.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/**
 * One end of Hysteria2 as a process. The official app and the test pair are started alike, with the same file.
 *
 * @param end {@code server} or {@code client}
 * @param configuration the file's text, for the folder and the port
 * @param log where this end writes; its server end says there when it is up, as UDP cannot be asked
 */
record HysteriaRecipe(
        Path program, String end, String folderName, BiFunction<Path, Integer, String> configuration, Path log)
        implements Recipe {
    static final String SERVER = "server";
    static final String CLIENT = "client";
    /** Both programs say so; the app goes on with "and running". */
    private static final String UP = "server up";

    private static final int PROBE_MILLIS = 2_000;

    @Override
    public String title() {
        return "Hysteria2's " + end;
    }

    @Override
    public String name() {
        return folderName;
    }

    @Override
    public void prepare(Path folder, int port, String password, Path ownLog) throws IOException {
        SecretFile.write(file(folder), configuration.apply(folder, port));
    }

    private Path file(Path folder) {
        return folder.resolve(end + ".yaml");
    }

    @Override
    public List<Child.Command> commands(Path folder, int port) {
        return List.of(new Child.Command(
                List.of(program.toString(), end, "-c", file(folder).toString()),
                Map.of("HYSTERIA_DISABLE_UPDATE_CHECK", "1", "HOME", folder.toString())));
    }

    @Override
    public String stopSignal() {
        return "TERM";
    }

    @Override
    public void probe(int port, String password) throws IOException {
        if (end.equals(SERVER)) {
            if (!Files.readString(log).contains(UP)) {
                throw new IOException("it has not said that it is up");
            }
            return;
        }
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PROBE_MILLIS);
        }
    }

    @Override
    public String url(int port, String password) {
        return (end.equals(SERVER) ? "127.0.0.1:" : "http://127.0.0.1:") + port;
    }
}
