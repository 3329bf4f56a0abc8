package dev.parley.pipeline.broker;

import dev.parley.dev.net.Relay;
import java.io.IOException;
import java.net.URI;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** A way to a server that can be cut, and on which the answers can be held back, as by a stalled network. */
final class Link implements AutoCloseable {
    private final URI target;
    private final Relay relay;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private boolean held;

    Link(URI target) throws IOException {
        this.target = target;
        this.relay = Relay.start(
                0,
                (from, client) -> Relay.join(
                        client,
                        Relay.Watch.NONE,
                        from.connect(target.getHost(), target.getPort()),
                        (piece, length) -> await()));
    }

    URI uri() {
        return URI.create("%s://%s@127.0.0.1:%d%s"
                .formatted(target.getScheme(), target.getRawUserInfo(), relay.port(), target.getRawPath()));
    }

    void hold() {
        set(true);
    }

    void letGo() {
        set(false);
    }

    /** Connections made so far. */
    int connections() {
        return relay.connections();
    }

    /** Ends every connection; new ones go through. */
    void cut() throws IOException {
        relay.cut();
    }

    private void set(boolean value) {
        lock.lock();
        try {
            held = value;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void await() throws InterruptedException {
        lock.lock();
        try {
            while (held) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() throws IOException {
        letGo();
        relay.close();
    }
}
