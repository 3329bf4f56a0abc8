package dev.parley.local.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.local.LocalParley;
import dev.parley.local.client.ParleyClient;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Many users at once: how many answers a second one API and one worker bring, and whether any is lost or doubled. */
final class Load {
    /** A second for an answer: half of it silent, half of it streaming. */
    static final String FAKE = "first=500ms chunks=11 chunk=50ms";

    private static final int USERS = 200;
    private static final int MESSAGES = 3;
    private static final double LEAST_PER_SECOND = 80;

    private Load() {}

    private record User(String chat, List<Long> waits) {}

    static boolean run(LocalParley parley) throws Exception {
        ParleyClient client = new ParleyClient(URI.create("http://127.0.0.1:" + parley.port()));
        round(client, "warm-up");
        long start = System.nanoTime();
        List<User> users = round(client, "load");
        double seconds = (System.nanoTime() - start) / 1e9;

        int right = 0;
        for (User user : users) {
            JsonNode messages = client.get("/api/chats/" + user.chat() + "/messages?limit=50")
                    .get("items");
            for (JsonNode message : messages) {
                boolean answer = message.get("role").asText().equals("assistant");
                if (answer && message.get("status").asText().equals("completed")) {
                    right++;
                }
            }
        }
        int wanted = USERS * MESSAGES;
        long calls = parley.fake().orElseThrow().report().calls();
        double rate = wanted / seconds;
        Figures waits = Figures.ofNanos(
                users.stream().flatMap(user -> user.waits().stream()).toList());
        System.out.printf(
                "%n%d users, %d messages each one after the other, a fake of 1 s, one API, one worker%n",
                USERS, MESSAGES);
        System.out.printf("%-34s %10.1f %8s%n", "answers per second", rate, "min " + LEAST_PER_SECOND);
        System.out.printf("%-34s %10.0f%n", "wait for an answer, median, ms", waits.median());
        System.out.printf("%-34s %10.0f%n", "wait for an answer, 95th, ms", waits.at(0.95));
        System.out.printf("%-34s %10d of %d%n", "answers completed", right, wanted);
        System.out.printf("%-34s %10d of %d%n", "calls to the model (both rounds)", calls, 2 * wanted);
        return rate >= LEAST_PER_SECOND && right == wanted && calls == 2L * wanted;
    }

    private static List<User> round(ParleyClient client, String name) throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<User>> users = new ArrayList<>();
            for (int i = 0; i < USERS; i++) {
                String who = name + " " + i;
                users.add(threads.submit(() -> talk(client, who)));
            }
            List<User> done = new ArrayList<>();
            for (Future<User> user : users) {
                done.add(user.get());
            }
            return done;
        }
    }

    private static User talk(ParleyClient client, String who) throws Exception {
        String chat = client.newChat();
        List<Long> waits = new ArrayList<>();
        try (ParleyClient.Events events = client.events(chat)) {
            for (int i = 0; i < MESSAGES; i++) {
                long start = System.nanoTime();
                client.post("/api/chats/" + chat + "/messages", Map.of("content", who + ", message " + i));
                waits.add(events.await("answer.completed").at() - start);
            }
        }
        return new User(chat, waits);
    }
}
