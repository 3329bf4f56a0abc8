package dev.parley.dev.net;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A proxy that knows CONNECT and resolves names by its own table, as a far end would. Thread-safe. */
public final class ConnectProxy implements AutoCloseable {
    private final Relay relay;
    private final Map<String, Integer> names;
    /** The heads of the requests. */
    public final List<String> heads = new CopyOnWriteArrayList<>();
    /** 200 lets a tunnel through, 0 says nothing at all. */
    public final AtomicInteger status = new AtomicInteger(200);

    /** @param names of hosts, each with the port of the loopback interface that stands for it; any other is a 502 */
    public ConnectProxy(Map<String, Integer> names) throws IOException {
        this(names, 0);
    }

    /** @param port of the loopback interface, 0 for any free one */
    public ConnectProxy(Map<String, Integer> names, int port) throws IOException {
        this.names = Map.copyOf(names);
        this.relay = Relay.start(port, this::serve);
    }

    public URI uri() {
        return URI.create("http://127.0.0.1:" + relay.port());
    }

    private void serve(Relay from, Socket client) throws IOException, InterruptedException {
        StringBuilder head = new StringBuilder();
        InputStream in = client.getInputStream();
        for (int c; head.indexOf("\r\n\r\n") < 0 && (c = in.read()) >= 0; ) {
            head.append((char) c);
        }
        heads.add(head.toString());
        if (status.get() == 0) {
            in.read();
            return;
        }
        String authority = head.toString().split(" ")[1];
        Integer port = names.get(authority.substring(0, authority.lastIndexOf(':')));
        int answer = port == null ? 502 : status.get();
        client.getOutputStream()
                .write(("HTTP/1.1 " + answer + " x\r\n" + (answer == 200 ? "" : "Content-Length: 0\r\n") + "\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
        if (answer == 200) {
            Relay.join(client, Relay.Watch.NONE, from.connect("127.0.0.1", port), Relay.Watch.NONE);
        }
    }

    /** Cuts every tunnel and takes no more. */
    @Override
    public void close() {
        try {
            relay.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
