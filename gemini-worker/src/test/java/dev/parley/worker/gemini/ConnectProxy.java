package dev.parley.worker.gemini;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A proxy that knows CONNECT and resolves names by its own table, as a far end would. */
public final class ConnectProxy implements AutoCloseable {
    private final ServerSocket server;
    private final Map<String, Integer> names;
    private final Set<Closeable> open = ConcurrentHashMap.newKeySet();
    /** The heads of the requests. */
    public final List<String> heads = new CopyOnWriteArrayList<>();
    /** 200 lets a tunnel through, 0 says nothing at all. */
    public final AtomicInteger status = new AtomicInteger(200);

    public ConnectProxy(Map<String, Integer> names) throws IOException {
        this(names, 0);
    }

    /** @param port of the loopback interface, 0 for any free one */
    public ConnectProxy(Map<String, Integer> names, int port) throws IOException {
        this.names = names;
        this.server = new ServerSocket(port, 500, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::accept);
    }

    public URI uri() {
        return URI.create("http://127.0.0.1:" + server.getLocalPort());
    }

    /** Cuts every tunnel and takes no more. */
    @Override
    public void close() {
        open.add(server);
        open.forEach(each -> {
            try {
                each.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                open.add(socket);
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            client.setTcpNoDelay(true);
            StringBuilder head = new StringBuilder();
            InputStream in = client.getInputStream();
            for (int c = in.read(); c >= 0; c = in.read()) {
                head.append((char) c);
                if (head.toString().endsWith("\r\n\r\n")) {
                    break;
                }
            }
            heads.add(head.toString());
            String authority = head.toString().split(" ")[1];
            if (status.get() == 0) {
                in.read();
                return;
            }
            Integer port = names.get(authority.substring(0, authority.lastIndexOf(':')));
            int answer = port == null ? 502 : status.get();
            client.getOutputStream()
                    .write(("HTTP/1.1 " + answer + " x\r\n" + (answer == 200 ? "" : "Content-Length: 0\r\n") + "\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            if (answer != 200) {
                return;
            }
            try (Socket target = new Socket(InetAddress.getLoopbackAddress(), port)) {
                open.add(target);
                target.setTcpNoDelay(true);
                Thread back = Thread.ofVirtual().start(() -> copy(target, client));
                copy(client, target);
                back.join();
            }
        } catch (IOException | InterruptedException e) {
            // The tunnel's end, whoever ended it.
        }
    }

    private static void copy(Socket from, Socket to) {
        try (from;
                to) {
            from.getInputStream().transferTo(to.getOutputStream());
        } catch (IOException e) {
            // The tunnel's end, whoever ended it.
        }
    }
}
