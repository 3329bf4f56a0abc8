package dev.parley.worker.gemini;

import io.helidon.common.buffers.DataReader;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.webclient.api.ClientConnection;
import io.helidon.webclient.api.TcpClientConnection;
import java.time.Duration;

/**
 * One connection to the model, handed to WebClient for each request. It stands between WebClient and the socket so that
 * bytes are counted where they come in (WebClient reads a whole HTTP chunk, of whatever size the other side claims, into
 * memory), every byte counts as activity, and closing from another thread wakes a blocked read.
 */
final class Line implements ClientConnection {
    private final TcpClientConnection connection;
    private final DataReader reader = new DataReader(this::pull);
    /** Belongs to the thread of the call that holds this line. */
    private CallWatch watch;

    private long budget;
    private boolean answering;
    private boolean released;
    private boolean closed;
    private long idleSince;

    Line(TcpClientConnection connection) {
        this.connection = connection;
    }

    /** Begins a call: what is read from now on is counted against the budget. */
    void begin(CallWatch call, long maxBytes) {
        watch = call;
        budget = maxBytes;
        answering = false;
        released = false;
    }

    /** Whether the response was read to its end, and nothing beyond it, so that the next request may use this line. */
    boolean reusable() {
        return released && !closed && reader.available() == 0 && connection.isConnected();
    }

    /** Watches for the other side's close while nobody uses this line. */
    void idle(long now) {
        watch = null;
        idleSince = now;
        connection.helidonSocket().idle();
    }

    boolean aliveSince(long oldest) {
        return connection.isConnected() && idleSince - oldest >= 0;
    }

    /** Closes the TCP socket itself, also under TLS: at once, from any thread. */
    void shut() {
        connection.closeResource();
    }

    private byte[] pull() {
        byte[] bytes = connection.helidonSocket().get();
        if (bytes != null) {
            budget -= bytes.length;
            if (budget < 0) {
                throw new TooLarge();
            }
            if (answering) {
                watch.activity();
            } else {
                answering = true;
                watch.answering();
            }
        }
        return bytes;
    }

    @Override
    public DataReader reader() {
        return reader;
    }

    @Override
    public DataWriter writer() {
        return connection.writer();
    }

    @Override
    public String channelId() {
        return connection.channelId();
    }

    @Override
    public HelidonSocket helidonSocket() {
        return connection.helidonSocket();
    }

    /** Not WebClient's to set: {@link CallWatch} says why. */
    @Override
    public void readTimeout(Duration readTimeout) {}

    /** WebClient is done with the response; the pool takes the line back when the call is. */
    @Override
    public void releaseResource() {
        released = true;
    }

    @Override
    public void closeResource() {
        closed = true;
        shut();
    }

    /** The response is larger than the bound. */
    static final class TooLarge extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TooLarge() {
            super("response too large", null, false, false);
        }
    }
}
