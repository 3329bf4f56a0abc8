package dev.parley.pipeline.runtime;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Asks remote things for figures every few seconds, so that a gauge never asks when somebody scrapes it. Samples are
 * added before the start; reading them is thread-safe.
 */
public final class Sampler implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Sampler.class.getName());

    private final Duration interval;
    private final List<Sample<?>> samples = new ArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread thread = Thread.ofVirtual().name("sampler").unstarted(this::run);

    public Sampler(Duration interval) {
        this.interval = interval;
    }

    private static final class Sample<T> {
        private final String name;
        private final T unknown;
        private final Supplier<T> question;
        private volatile T value;

        private Sample(String name, T unknown, Supplier<T> question) {
            this.name = name;
            this.unknown = unknown;
            this.question = question;
            this.value = unknown;
        }

        private void ask() {
            try {
                value = question.get();
            } catch (RuntimeException e) {
                value = unknown;
                LOG.log(Level.DEBUG, "{0} is not known right now", name);
            }
        }
    }

    /** @return the latest value, or {@code unknown} while there is none */
    public <T> Supplier<T> sample(String name, T unknown, Supplier<T> question) {
        Sample<T> sample = new Sample<>(name, unknown, question);
        samples.add(sample);
        return () -> sample.value;
    }

    public Sampler start() {
        thread.start();
        return this;
    }

    private void run() {
        try {
            do {
                samples.forEach(Sample::ask);
            } while (!closed.await(interval.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        closed.countDown();
    }
}
