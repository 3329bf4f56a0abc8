package dev.parley.local.chaos;

import dev.parley.dev.server.DevServer;
import dev.parley.dev.server.DevServices;
import dev.parley.local.client.ParleyClient;
import dev.parley.local.process.ServiceProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The services, each in a JVM of its own, and what happens to them. Only {@link #close} may come from another thread. */
final class Storm implements AutoCloseable {
    private static final int WORKERS = 4;
    /** Too short for the longest answers, so that a part of them has to be handed back. */
    private static final Duration GRACE = Duration.ofSeconds(6);

    private static final Duration LONGEST_EXIT = Duration.ofSeconds(60);
    private static final Duration BETWEEN_VICTIMS = Duration.ofSeconds(20);
    /** One in so many strikes kills. */
    private static final int KILLS = 5;

    private static final Pattern HANDED_BACK =
            Pattern.compile("\"message\":\"handed back\".*\"answer\":\"([0-9a-f-]{36})\"");
    private static final Pattern LEFT = Pattern.compile("no more requests: \\d+ handed back, (\\d+) left");

    private final DevServices servers;
    private final Map<String, String> variables;
    private final Path logs;
    private final RandomGenerator random;
    private final List<Plan.Victim> victims;
    private final ReentrantLock lock = new ReentrantLock();
    private final List<ServiceProcess> all = new ArrayList<>();
    private final List<ServiceProcess> workers = new ArrayList<>();
    private final List<ServiceProcess> leaving = new ArrayList<>();
    private final List<Outage> outages = new CopyOnWriteArrayList<>();
    private boolean closed;
    private ServiceProcess api;
    private volatile ParleyClient client;
    private int killed;
    private int victimsStruck;
    private final Map<String, Integer> handedBack = new HashMap<>();
    private long leftToTheBroker;

    /** When something was lost without a word, on the scale of {@link System#nanoTime()}. */
    private record Outage(long from, long to) {}

    Storm(
            DevServices servers,
            Map<String, String> variables,
            Path logs,
            List<Plan.Victim> victims,
            RandomGenerator random)
            throws IOException {
        this.servers = servers;
        this.variables = Map.copyOf(variables);
        this.logs = logs;
        this.victims = List.copyOf(victims);
        this.random = random;
        try {
            startApi();
            for (int i = 0; i < WORKERS; i++) {
                launchWorker();
            }
            workers.getFirst().awaitProbe("ready");
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Of the API that runs now. */
    ParleyClient client() {
        return client;
    }

    private void startApi() throws IOException {
        ServiceProcess started = kept(ServiceProcess.launch("chat-api", variables, logs));
        started.awaitProbe("started");
        api = started;
        client = new ParleyClient(started.uri());
    }

    private void launchWorker() throws IOException {
        Map<String, String> own = new HashMap<>(variables);
        own.put("SHUTDOWN_GRACE_SECONDS", Long.toString(GRACE.toSeconds()));
        workers.add(kept(ServiceProcess.launch("gemini-worker", own, logs)));
    }

    private ServiceProcess kept(ServiceProcess service) {
        lock.lock();
        try {
            if (closed) {
                service.close();
                throw new IllegalStateException("stopping");
            }
            all.add(service);
            return service;
        } finally {
            lock.unlock();
        }
    }

    /** Strikes every few seconds for so long. */
    void rage(Duration duration) throws IOException, InterruptedException {
        long end = System.nanoTime() + duration.toNanos();
        long nextVictim = System.nanoTime() + BETWEEN_VICTIMS.toNanos();
        while (System.nanoTime() < end) {
            Thread.sleep(random.nextLong(1_000, 4_000));
            strikeWorker();
            if (!victims.isEmpty() && System.nanoTime() > nextVictim) {
                strike(victims.get(victimsStruck++ % victims.size()));
                nextVictim = System.nanoTime() + BETWEEN_VICTIMS.toNanos();
            }
        }
        for (ServiceProcess gone : leaving) {
            gone.awaitExit(LONGEST_EXIT);
            Matcher left = LEFT.matcher(gone.log());
            if (left.find()) {
                leftToTheBroker += Long.parseLong(left.group(1));
            }
            HANDED_BACK
                    .matcher(gone.log())
                    .results()
                    .forEach(found -> handedBack.merge(found.group(1), 1, Integer::sum));
        }
    }

    /** Never the last one that works: the storm tests how work is handed on, not how it waits. */
    private void strikeWorker() throws IOException {
        List<ServiceProcess> ready =
                workers.stream().filter(worker -> worker.isUp("ready")).toList();
        if (ready.size() < 2) {
            return;
        }
        ServiceProcess struck = ready.get(random.nextInt(ready.size()));
        workers.remove(struck);
        launchWorker();
        if ((terminated() + killed + 1) % KILLS == 0) {
            long from = System.nanoTime();
            struck.kill();
            killed++;
            outages.add(new Outage(from, System.nanoTime()));
        } else {
            struck.signalTerminate();
            leaving.add(struck);
        }
    }

    private void strike(Plan.Victim victim) throws IOException {
        long from = System.nanoTime();
        switch (victim) {
            case API -> {
                api.kill();
                startApi();
            }
            case RABBITMQ -> restart(servers.rabbit());
            case REDIS -> restart(servers.redis());
        }
        outages.add(new Outage(from, System.nanoTime()));
    }

    private static void restart(DevServer server) {
        server.stop();
        server.start();
    }

    /** Whether anything was lost without a word in between, so that what was in flight had to be begun again. */
    boolean struckBetween(long from, long to) {
        return outages.stream().anyMatch(outage -> outage.from() <= to && outage.to() >= from);
    }

    int terminated() {
        return leaving.size();
    }

    int killed() {
        return killed;
    }

    /** Times that something else than a worker was struck. */
    int victimsStruck() {
        return victimsStruck;
    }

    /** Requests that stopping workers handed back; known after the storm. */
    long handedBack() {
        return handedBack.values().stream().mapToInt(Integer::intValue).sum();
    }

    /** How often the request for an answer was handed back, by the workers' own word. */
    int handedBack(String answer) {
        return handedBack.getOrDefault(answer, 0);
    }

    /** Requests that stopping workers could not hand back. */
    long leftToTheBroker() {
        return leftToTheBroker;
    }

    @Override
    public void close() {
        List<ServiceProcess> last;
        lock.lock();
        try {
            closed = true;
            last = List.copyOf(all);
        } finally {
            lock.unlock();
        }
        last.forEach(ServiceProcess::close);
    }
}
