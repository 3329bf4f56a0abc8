package dev.parley.pipeline.runtime;

import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Components in the order they were opened; closing goes the other way and continues past a component that fails.
 * Thread-safe; what is opened after the close began is closed at once.
 */
public final class Lifecycle implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Lifecycle.class.getName());

    private record Opened(String name, AutoCloseable component) {}

    private final Deque<Opened> opened = new ArrayDeque<>();
    private final ReentrantLock lock = new ReentrantLock();
    private boolean closed;

    /** Registers a component that has just been opened and returns it. */
    public <T extends AutoCloseable> T opened(String name, T component) {
        lock.lock();
        try {
            if (!closed) {
                opened.push(new Opened(name, component));
                LOG.log(Level.DEBUG, "opened {0}", name);
                return component;
            }
        } finally {
            lock.unlock();
        }
        close(new Opened(name, component));
        throw new IllegalStateException("stopping: " + name + " was closed again");
    }

    @Override
    public void close() {
        while (true) {
            Opened next;
            lock.lock();
            try {
                closed = true;
                next = opened.poll();
            } finally {
                lock.unlock();
            }
            if (next == null) {
                return;
            }
            close(next);
        }
    }

    private static void close(Opened next) {
        try {
            next.component().close();
            LOG.log(Level.DEBUG, "closed {0}", next.name());
        } catch (Exception e) {
            LOG.log(Level.WARNING, "closing " + next.name() + " failed", e);
        }
    }
}
