package dev.parley.local.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.local.client.ParleyClient;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/** Users who ask one question after the other, each waiting for the answer, and do not mind errors. */
final class Crowd implements AutoCloseable {
    static final int USERS = 40;

    private static final int QUESTIONS_IN_A_CHAT = 3;
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
    private static final Set<String> ENDS = Set.of("completed", "failed", "cancelled");

    private final Supplier<ParleyClient> client;
    private final RandomGenerator random;
    private final Queue<Question> asked = new ConcurrentLinkedQueue<>();
    private final AtomicInteger numbers = new AtomicInteger();
    private final ExecutorService users = Executors.newVirtualThreadPerTaskExecutor();
    private volatile boolean asking = true;

    /** @param client of an API that lives, asked before each call; @param random safe for all threads */
    Crowd(Supplier<ParleyClient> client, RandomGenerator random) {
        this.client = client;
        this.random = random;
        for (int i = 0; i < USERS; i++) {
            users.submit(this::talk);
        }
    }

    private Void talk() throws InterruptedException {
        while (asking) {
            String chat = insist(api -> api.newChat());
            // Two questions without an answer between them would be one turn with two markers, which the fake refuses.
            boolean answered = true;
            for (int i = 0; i < QUESTIONS_IN_A_CHAT && asking && answered; i++) {
                answered = askIn(chat).answered();
                Thread.sleep(random.nextLong(500));
            }
        }
        return null;
    }

    private Question askIn(String chat) throws InterruptedException {
        Question.Kind kind = kind(random.nextInt(100));
        int number = numbers.incrementAndGet();
        Map<String, String> key = Map.of("Idempotency-Key", UUID.randomUUID().toString());
        long sentAt = System.nanoTime();
        JsonNode sent = insist(api ->
                api.post("/api/chats/" + chat + "/messages", Map.of("content", Question.prompt(kind, number)), key));
        Question question =
                new Question(kind, chat, number, sent.path("answer").path("id").asText(), sentAt);
        asked.add(question);
        if (kind == Question.Kind.CANCELLED) {
            Thread.sleep(random.nextLong(200, 3_000));
            once(api -> api.post("/api/messages/" + question.answer + "/cancel", Map.of()));
        }
        JsonNode end = awaitEnd(question);
        if (kind == Question.Kind.TRIED_AGAIN && end.path("status").asText().equals("failed")) {
            once(api -> api.post("/api/messages/" + question.answer + "/retry", Map.of()));
            end = awaitEnd(question);
        }
        question.ended(end);
        return question;
    }

    private static Question.Kind kind(int percent) {
        if (percent < 50) {
            return Question.Kind.QUICK;
        }
        if (percent < 75) {
            return Question.Kind.LONG;
        }
        if (percent < 85) {
            return Question.Kind.CANCELLED;
        }
        return percent < 93 ? Question.Kind.LADDER : Question.Kind.TRIED_AGAIN;
    }

    private JsonNode awaitEnd(Question question) throws InterruptedException {
        while (true) {
            JsonNode answer = insist(api -> api.get("/api/messages/" + question.answer));
            if (ENDS.contains(answer.path("status").asText())) {
                return answer;
            }
            Thread.sleep(LOOK_EVERY);
        }
    }

    private interface Call<T> {
        T on(ParleyClient api) throws IOException, InterruptedException;
    }

    /** Until it works; the end of the run interrupts. */
    private <T> T insist(Call<T> call) throws InterruptedException {
        while (true) {
            Optional<T> result = once(call);
            if (result.isPresent()) {
                return result.get();
            }
            Thread.sleep(LOOK_EVERY);
        }
    }

    private <T> Optional<T> once(Call<T> call) throws InterruptedException {
        try {
            return Optional.of(call.on(client.get()));
        } catch (IOException e) {
            // The API is away, or does not want this now.
            return Optional.empty();
        }
    }

    /** Questions that were accepted so far. */
    List<Question> asked() {
        return List.copyOf(asked);
    }

    /** Ends the asking and waits for what was asked. */
    void calmDown(Duration atMost) throws InterruptedException {
        asking = false;
        users.shutdown();
        users.awaitTermination(atMost.toMillis(), TimeUnit.MILLISECONDS);
        close();
    }

    @Override
    public void close() {
        asking = false;
        users.shutdownNow();
    }
}
