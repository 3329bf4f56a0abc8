package dev.parley.worker.request;

import dev.parley.pipeline.live.Runs;
import java.time.Duration;

/** Keeps the leases of this worker's runs alive, and stops a run whose lease has gone to another. */
final class LeaseKeeper implements AutoCloseable {
    private final Runs runs;
    private final Running running;
    private final Thread thread;

    private LeaseKeeper(Runs runs, Running running) {
        this.runs = runs;
        this.running = running;
        this.thread = Thread.ofVirtual().name("lease-keeper").unstarted(this::keep);
    }

    static LeaseKeeper start(Runs runs, Running running) {
        LeaseKeeper keeper = new LeaseKeeper(runs, running);
        keeper.thread.start();
        return keeper;
    }

    private void keep() {
        while (true) {
            try {
                Thread.sleep(Runs.RENEW_EVERY);
            } catch (InterruptedException e) {
                return;
            }
            for (Running.Try held : running.all()) {
                held.keep(run -> renew(held, run));
            }
        }
    }

    private void renew(Running.Try held, String run) {
        runs.renew(held.answer(), run).whenComplete((holds, e) -> {
            // Redis being away says nothing about the lease; the append or the next renewal will tell.
            if (Boolean.FALSE.equals(holds) && run.equals(held.run())) {
                held.cancellation().cancel(Running.LEASE_LOST);
            }
        });
    }

    @Override
    public void close() {
        try {
            thread.interrupt();
            thread.join(Duration.ofSeconds(1));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
