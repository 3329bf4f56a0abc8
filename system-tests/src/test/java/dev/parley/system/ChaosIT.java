package dev.parley.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.dev.gemini.Report;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * {@code ./parley chaos}: workers come and go every few seconds while many users write. Longer than a test may take; its
 * table is in {@code system-tests/target/chaos.txt}.
 */
@Tag("chaos")
class ChaosIT {
    private static final Duration DURATION = Duration.ofSeconds(Integer.getInteger("parley.chaos.seconds", 120));
    /** Every so many departures is a SIGKILL; 0 for none. */
    private static final int KILL_EVERY = Integer.getInteger("parley.chaos.kill.every", 0);

    private static final Duration STAY = Duration.ofSeconds(4);
    /** Shorter than many answers, so that some are handed back. */
    private static final int GRACE_SECONDS = 3;

    private static final int USERS = 40;
    private static final int WORKERS = 3;
    private static final Pattern HANDED_BACK = Pattern.compile("handing back (\\d+) requests");
    private static final String ANSWER =
            "However many have begun to write this answer, one has finished it, and nobody reads a word of it twice.";

    private record Asked(Client.Sent sent, String prompt) {}

    @Test
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    void noAnswerIsLostOrDoubledWhileWorkersComeAndGo() throws Exception {
        try (Installation parley = Installation.fresh()) {
            Client client = new Client(parley.startApi(Map.of("QUEUE_RETRY_DELAYS", "5,10,20,40")));
            Queue<Asked> asked = new ConcurrentLinkedQueue<>();
            int departures;
            long end = System.nanoTime() + DURATION.toNanos();
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                Deque<ServiceProcess> workers = new ArrayDeque<>();
                for (int i = 0; i < WORKERS; i++) {
                    workers.add(worker(parley));
                }
                List<Future<?>> users = new ArrayList<>();
                for (int i = 0; i < USERS; i++) {
                    int user = i;
                    users.add(threads.submit(() -> {
                        talk(client, user, end, asked);
                        return null;
                    }));
                }
                departures = comeAndGo(parley, workers, end);
                for (Future<?> user : users) {
                    user.get();
                }
            }
            judge(parley, client, List.copyOf(asked), departures);
        }
    }

    private static ServiceProcess worker(Installation parley) throws IOException {
        return parley.startWorker(Map.of(
                "SHUTDOWN_GRACE_SECONDS",
                Integer.toString(GRACE_SECONDS),
                "WORKER_PREFETCH_COUNT",
                "30",
                "QUEUE_RETRY_DELAYS",
                "5,10,20,40"));
    }

    /** One message after the other, answers of half a second to eight. */
    private static void talk(Client client, int user, long end, Queue<Asked> asked) {
        Random random = new Random(user);
        UUID chat = client.newChat();
        for (int i = 0; System.nanoTime() < end; i++) {
            String prompt = "User %d, message %d [[fake answer=\"%s\" chunks=10 chunk=%dms]]"
                    .formatted(user, i, ANSWER, 50 + random.nextInt(750));
            Client.Sent sent = client.send(chat, prompt);
            asked.add(new Asked(sent, prompt));
            client.awaitStatus(sent, "completed");
        }
    }

    /** One comes and one leaves, every few seconds or as fast as this machine starts one. */
    private static int comeAndGo(Installation parley, Deque<ServiceProcess> workers, long end) throws Exception {
        int departures = 0;
        while (System.nanoTime() < end) {
            long next = System.nanoTime() + STAY.toNanos();
            workers.addLast(worker(parley));
            ServiceProcess leaving = workers.removeFirst();
            departures++;
            if (KILL_EVERY > 0 && departures % KILL_EVERY == 0) {
                leaving.kill();
            } else {
                leaving.signalTerminate();
            }
            TimeUnit.NANOSECONDS.sleep(Math.max(0, next - System.nanoTime()));
        }
        return departures;
    }

    /** Calls that stopping workers cut at the end of their grace, by their own word. */
    private static int cut(Installation parley) throws IOException {
        return HANDED_BACK
                .matcher(parley.allLogs())
                .results()
                .mapToInt(found -> Integer.parseInt(found.group(1)))
                .sum();
    }

    private static void judge(Installation parley, Client client, List<Asked> asked, int departures) throws Exception {
        Report report = parley.gemini().report();
        int right = 0;
        int laterAttempts = 0;
        int calls = 0;
        for (Asked each : asked) {
            JsonNode answer = client.answer(each.sent());
            if (answer.get("status").asText().equals("completed")
                    && answer.get("content").asText().equals(ANSWER)) {
                right++;
            }
            if (answer.path("attempt").asInt() > 1) {
                laterAttempts++;
            }
            Optional<Report.PromptUse> use = report.prompt(each.prompt());
            calls += use.map(Report.PromptUse::calls).orElse(0);
        }
        long messages = parley.number("SELECT count(*) FROM messages");
        int cut = cut(parley);
        String table = """
                workers that came and went    %6d in %d s, every %d. by SIGKILL (0: none), grace %d s
                messages accepted             %6d of %d users
                answered whole                %6d
                lost                          %6d
                messages doubled              %6d
                calls to the model            %6d, of which begun anew %d; cut at the end of a grace %d
                attempts spent                %6d
                """.formatted(
                        departures,
                        DURATION.toSeconds(),
                        KILL_EVERY,
                        GRACE_SECONDS,
                        asked.size(),
                        USERS,
                        right,
                        asked.size() - right,
                        messages - 2L * asked.size(),
                        calls,
                        calls - asked.size(),
                        cut,
                        laterAttempts);
        Files.writeString(Path.of("target", "chaos.txt"), table);
        assertThat(report.forgottenPrompts()).as("the fake remembers all").isZero();
        assertThat(right).as(table).isEqualTo(asked.size());
        assertThat(messages).as(table).isEqualTo(2L * asked.size());
        assertThat(laterAttempts).as(table).isZero();
        assertThat(cut).as("some were handed back\n" + table).isPositive();
        if (KILL_EVERY == 0) {
            assertThat(calls - asked.size())
                    .as("no call without need\n" + table)
                    .isLessThanOrEqualTo(cut);
        }
    }
}
