package dev.parley.worker.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.live.LiveEvent;
import dev.parley.pipeline.live.LiveKeys;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.redis.Redis;
import dev.parley.worker.gemini.Cancellation;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LiveWriterIT {
    private static final Duration SOON = Duration.ofSeconds(20);

    private final Redis redis = Redis.open(URI.create(SharedServers.freshRedis()), Duration.ofSeconds(10));
    private final Runs runs = new Runs(redis);
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    private final AnswerRef answer = new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 1, 1);
    private final String run = UUID.randomUUID().toString();
    private final Cancellation cancellation = new Cancellation();
    private final AtomicInteger firstTexts = new AtomicInteger();
    private final LiveWriter writer =
            new LiveWriter(runs, answer, run, cancellation, timer, firstTexts::incrementAndGet);
    private final Queue<LiveEvent> seen = new ConcurrentLinkedQueue<>();

    @BeforeEach
    void watch() {
        redis.onSubscriptions(connection -> {
            connection.addListener(new RedisPubSubAdapter<>() {
                @Override
                public void message(String channel, String message) {
                    if (channel.equals(LiveKeys.chatChannel(answer.chatId()))) {
                        seen.add(Json.read(message, LiveEvent.class));
                    }
                }
            });
            connection
                    .async()
                    .subscribe(LiveKeys.chatChannel(answer.chatId()))
                    .toCompletableFuture()
                    .join();
        });
        runs.askToBegin(answer, run).get();
    }

    @AfterEach
    void close() {
        timer.shutdownNow();
        redis.close();
    }

    private String stored() {
        return runs.texts(List.of(answer.answerId())).get(answer.answerId()).text();
    }

    /** What a viewer has, who applies every piece as the page does. */
    private String shown() {
        StringBuilder text = new StringBuilder();
        for (LiveEvent event : seen) {
            switch (event) {
                case LiveEvent.Started started -> text.setLength(0);
                case LiveEvent.Delta delta -> {
                    assertThat(delta.offset()).isLessThanOrEqualTo(text.length());
                    text.setLength(delta.offset());
                    text.append(delta.text());
                }
            }
        }
        return text.toString();
    }

    @Test
    void manyQuickDeltasBecomeFewWritesAndTheWholeText() {
        StringBuilder whole = new StringBuilder();
        writer.onSending();
        for (int i = 0; i < 2_000; i++) {
            String delta = "ж😀" + i + " ";
            whole.append(delta);
            writer.onText(delta);
        }
        await().atMost(SOON).until(() -> stored().contentEquals(whole));
        await().atMost(SOON).until(() -> shown().contentEquals(whole));
        assertThat(seen.size()).isLessThan(200);
        assertThat(firstTexts).hasValue(1);
        assertThat(seen.peek()).isEqualTo(new LiveEvent.Started(answer.answerId(), run, 1));
    }

    @Test
    void theLastPieceIsShownAlthoughNoOtherFollows() {
        writer.onText("first ");
        writer.onText("last");
        await().atMost(SOON).until(() -> shown().equals("first last"));
    }

    @Test
    void afterRedisLostItsDataTheWholeTextIsThereAgain() {
        Random random = new Random(3);
        StringBuilder whole = new StringBuilder();
        for (int i = 0; i < 20; i++) {
            String delta = "piece " + random.nextInt(1_000) + " ";
            whole.append(delta);
            writer.onText(delta);
            String soFar = whole.toString();
            if (i % 5 == 4) {
                await().atMost(SOON).until(() -> stored().equals(soFar));
                redis.call(commands -> commands.flushdb());
            }
        }
        writer.onText("end");
        whole.append("end");
        await().atMost(SOON).until(() -> stored().contentEquals(whole));
        await().atMost(SOON).until(() -> shown().contentEquals(whole));
    }

    @Test
    void aRevokedRunIsStopped() {
        writer.onText("a");
        await().atMost(SOON).until(() -> shown().equals("a"));
        runs.revoke(answer.answerId(), AnswerRef.orderOfRound(2)).join();
        writer.onText("b");
        await().atMost(SOON).until(cancellation::isCancelled);
        assertThat(cancellation.reason()).contains(Running.LEASE_LOST);
    }

    @Test
    void nothingIsShownAfterTheEnd() {
        writer.onText("shown");
        await().atMost(SOON).until(() -> shown().equals("shown"));
        writer.end();
        writer.onText(" not shown");
        redis.call(commands -> commands.publish(
                LiveKeys.chatChannel(answer.chatId()), Json.text(new LiveEvent.Delta(answer.answerId(), run, 5, "!"))));
        await().atMost(SOON).until(() -> seen.size() == 2);
        assertThat(shown()).isEqualTo("shown!");
    }
}
