package dev.parley.pipeline.runtime;

import dev.parley.pipeline.broker.TopologyConflict;
import dev.parley.pipeline.config.InvalidConfiguration;
import java.lang.System.Logger.Level;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Map;
import java.util.function.Function;

/** Starts a service from the environment and stops it on SIGTERM: the frame of every {@code Main}. */
public final class Service {
    private static final System.Logger LOG = System.getLogger(Service.class.getName());
    /** The conventional exit code for a configuration error (sysexits.h). */
    private static final int EX_CONFIG = 78;

    private Service() {}

    /**
     * Opens the service, waits for SIGTERM or SIGINT, closes it.
     *
     * @param open opens everything in order; what it returns is closed once
     */
    public static void run(
            String name, Map<String, String> environment, Function<Map<String, String>, ? extends AutoCloseable> open) {
        AutoCloseable service;
        try {
            service = open.apply(environment);
        } catch (InvalidConfiguration | TopologyConflict e) {
            e.getMessage().lines().forEach(line -> System.err.println(name + ": " + line));
            System.exit(EX_CONFIG);
            return;
        } catch (RuntimeException e) {
            LOG.log(Level.ERROR, name + " could not start", e);
            System.exit(1);
            return;
        }
        ServiceLogManager.keepHandlers();
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> stop(name, service)));
        LOG.log(
                Level.INFO,
                "{0} started in {1} ms",
                name,
                // Since the JVM began: what a pod waits for.
                ManagementFactory.getRuntimeMXBean().getUptime());
    }

    private static void stop(String name, AutoCloseable service) {
        long start = System.nanoTime();
        LOG.log(Level.INFO, "{0} stops", name);
        try {
            service.close();
        } catch (Exception e) {
            LOG.log(Level.ERROR, name + " did not stop cleanly", e);
        }
        LOG.log(
                Level.INFO,
                "{0} stopped in {1} ms",
                name,
                Duration.ofNanos(System.nanoTime() - start).toMillis());
    }
}
