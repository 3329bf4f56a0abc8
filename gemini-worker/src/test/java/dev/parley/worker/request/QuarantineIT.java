package dev.parley.worker.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.broker.Broker;
import dev.parley.pipeline.broker.Outgoing;
import dev.parley.pipeline.broker.Topology;
import dev.parley.pipeline.broker.Walk;
import dev.parley.pipeline.message.Headers;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class QuarantineIT {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final int NEIGHBOURS = 30;

    private final String name = "quarantine" + UUID.randomUUID().toString().substring(0, 8);
    private final Topology topology =
            new Topology(name + ".requests", name + ".responses", List.of(), List.of(Duration.ofMillis(200)));
    private final Set<String> answered = ConcurrentHashMap.newKeySet();
    private final AtomicInteger crashes = new AtomicInteger();
    /** Crashes that the neighbours were in flight in. */
    private final AtomicInteger together = new AtomicInteger();

    private Broker broker(String who) {
        return Broker.open(URI.create(SharedServers.rabbit().url()), who, topology);
    }

    /** One life of a worker: takes what there is, until the poison kills it. */
    private void live(Broker door) {
        CountDownLatch dead = new CountDownLatch(1);
        AtomicBoolean crashed = new AtomicBoolean();
        AtomicInteger held = new AtomicInteger();
        boolean meet = crashes.get() < 2;
        Broker broker = broker("worker");
        try {
            Outbound outbound = new Outbound(
                    broker.publisher(100), topology, 0, Clock.systemUTC(), new Random(1), Duration.ofSeconds(5));
            broker.subscribe(
                    topology.requests(),
                    100,
                    new Quarantine(
                            delivery -> {
                                held.incrementAndGet();
                                if (delivery.messageId().equals("poison")) {
                                    if (meet) {
                                        await().atMost(LONG).until(() -> held.get() == NEIGHBOURS + 1);
                                    }
                                    together.accumulateAndGet(held.get(), Math::max);
                                    crashed.set(true);
                                    dead.countDown();
                                    new CountDownLatch(1).await();
                                }
                                if (meet) {
                                    // In the middle of its answer when the worker dies.
                                    new CountDownLatch(1).await();
                                }
                                if (!crashed.get()) {
                                    answered.add(delivery.messageId());
                                    delivery.ack();
                                }
                            },
                            outbound));
            await().atMost(LONG).until(() -> dead.getCount() == 0 || (buried(door) && answered.size() == NEIGHBOURS));
        } finally {
            broker.close();
        }
        if (crashed.get()) {
            crashes.incrementAndGet();
        }
    }

    private boolean buried(Broker door) {
        Map<String, Long> depths = door.depths().orElse(Map.of());
        return depths.getOrDefault(topology.deadLetters(), 0L) > 0;
    }

    @Test
    void whatCrashesItsWorkerDiesAloneAndItsNeighboursAreAnswered() throws Exception {
        try (Broker door = broker("test")) {
            for (int i = 0; i < NEIGHBOURS; i++) {
                door.publisher(1)
                        .publishConfirmed(new Outgoing(
                                topology.requests(), "neighbour-" + i, Map.of(Headers.ATTEMPT, 1), new byte[] {'x'}));
            }
            door.publisher(1)
                    .publishConfirmed(
                            new Outgoing(topology.requests(), "poison", Map.of(Headers.ATTEMPT, 2), new byte[] {'!'}));
            while (!buried(door)) {
                live(door);
                assertThat(crashes.get()).isLessThanOrEqualTo(Topology.DELIVERY_LIMIT + 1);
            }
            assertThat(together).hasValue(NEIGHBOURS + 1);
            assertThat(crashes).hasValue(Topology.DELIVERY_LIMIT + 1);
            List<String> dead = new ArrayList<>();
            Walk walk = door.walk(topology.deadLetters(), 100, LONG, LONG, message -> {
                dead.add(message.messageId() + " "
                        + message.header(Headers.REASON).orElse("") + " "
                        + message.headers().get(Headers.ATTEMPT) + " "
                        + new String(message.body(), StandardCharsets.UTF_8));
                return Walk.Step.KEEP;
            });
            assertThat(walk).isInstanceOf(Walk.Done.class);
            assertThat(dead).containsExactly("poison " + Headers.POISON + " 2 !");
        }
    }
}
