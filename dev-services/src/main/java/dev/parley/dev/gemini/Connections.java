package dev.parley.dev.gemini;

import io.helidon.common.socket.SocketOptions;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The open sockets of the server. The web server shows its sockets nowhere but here, where it sets their options; a real reset
 * (RST) needs the socket. Thread-safe; closed sockets are swept out whenever the map has doubled.
 */
final class Connections implements SocketOptions {
    private static final int SWEEP_FROM = 1_024;

    private final SocketOptions options = SocketOptions.builder()
            // Without it each chunk of a stream waits up to 40 ms for the acknowledgement of the one before.
            .tcpNoDelay(true)
            .build();
    private final Map<SocketAddress, Socket> sockets = new ConcurrentHashMap<>();
    private final AtomicInteger sweepAt = new AtomicInteger(SWEEP_FROM);

    @Override
    public void configureSocket(Socket socket) {
        options.configureSocket(socket);
        sockets.put(socket.getRemoteSocketAddress(), socket);
        int limit = sweepAt.get();
        if (sockets.size() > limit) {
            sockets.values().removeIf(Socket::isClosed);
            sweepAt.compareAndSet(limit, Math.max(SWEEP_FROM, 2 * sockets.size()));
        }
    }

    /** Closes the connection with a RST: what was not yet sent is dropped. */
    void reset(SocketAddress peer) {
        Socket socket = sockets.remove(peer);
        if (socket == null) {
            return;
        }
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // The peer was faster: the connection is gone, as it should be.
        }
    }

    /** Closes all connections at once. */
    void closeAll() {
        sockets.keySet().forEach(this::reset);
    }

    @Override
    public Map<SocketOption<?>, Object> socketOptions() {
        return options.socketOptions();
    }

    @Override
    public Duration connectTimeout() {
        return options.connectTimeout();
    }

    @Override
    public Duration readTimeout() {
        return options.readTimeout();
    }

    @Override
    public Optional<Integer> socketReceiveBufferSize() {
        return options.socketReceiveBufferSize();
    }

    @Override
    public Optional<Integer> socketSendBufferSize() {
        return options.socketSendBufferSize();
    }

    @Override
    public boolean socketReuseAddress() {
        return options.socketReuseAddress();
    }

    @Override
    public boolean socketKeepAlive() {
        return options.socketKeepAlive();
    }

    @Override
    public boolean tcpNoDelay() {
        return options.tcpNoDelay();
    }
}
