package dev.parley.local.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.dev.gemini.FakeGemini;
import dev.parley.dev.gemini.Options;
import dev.parley.dev.gemini.Report;
import dev.parley.dev.server.DevServices;
import dev.parley.local.client.ParleyClient;
import dev.parley.pipeline.runtime.Lifecycle;
import dev.parley.pipeline.runtime.Logs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Whether promises 1 and 2 hold while workers come and go: {@code ./parley chaos}. Everything runs on this machine, with
 * servers and folders of its own that are gone afterwards; where something was lost or doubled the logs are kept.
 */
public final class Chaos {
    /** Longer than a quota window, for which workers wait after an outage of Redis, and than the ladder. */
    private static final Duration CALM = Duration.ofSeconds(150);

    private final Plan plan;
    private final Lifecycle parts = new Lifecycle();
    private volatile boolean keepLogs;

    private Chaos(Plan plan) {
        this.plan = plan;
    }

    public static void main(String[] args) throws Exception {
        Plan plan;
        try {
            plan = Plan.of(List.of(args));
        } catch (IllegalArgumentException e) {
            System.err.println("parley: " + e.getMessage());
            System.exit(2);
            return;
        }
        Logs.configure(Logs.Level.WARN, Logs.Format.TEXT);
        Chaos chaos = new Chaos(plan);
        // Ctrl-C comes here as well.
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("stop").unstarted(chaos.parts::close));
        boolean kept;
        try {
            kept = chaos.run();
        } finally {
            chaos.parts.close();
        }
        System.exit(kept ? 0 : 1);
    }

    private boolean run() throws Exception {
        Path folder = Files.createTempDirectory("parley-chaos");
        Path logs = Files.createDirectory(folder.resolve("service-logs"));
        parts.opened("folder", () -> clear(folder, logs));
        DevServices servers =
                parts.opened("servers", DevServices.start(folder.resolve("servers"), DevServices.Options.forTests()));
        FakeGemini gemini =
                parts.opened("fake Gemini", FakeGemini.start(Options.defaults().withoutHttps()));
        Storm storm = parts.opened(
                "services",
                new Storm(
                        servers,
                        variables(servers, gemini),
                        logs,
                        List.copyOf(plan.victims()),
                        new Random(plan.duration().toSeconds())));
        Crowd crowd = parts.opened("users", new Crowd(storm::client, new Random(Crowd.USERS)));
        try (ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().factory())) {
            long begun = System.nanoTime();
            timer.scheduleAtFixedRate(() -> tell(begun, crowd, storm), 10, 10, TimeUnit.SECONDS);
            storm.rage(plan.duration());
            crowd.calmDown(CALM);
            timer.shutdownNow();
        }
        boolean kept = judge(storm, crowd.asked(), gemini.report());
        keepLogs = !kept;
        if (keepLogs) {
            System.out.println("The services' logs are in " + logs);
        }
        return kept;
    }

    private static Map<String, String> variables(DevServices servers, FakeGemini gemini) {
        Map<String, String> variables = new HashMap<>();
        variables.put("DATABASE_URL", servers.postgres().url());
        variables.put("REDIS_URL", servers.redis().url());
        variables.put("RABBITMQ_URL", servers.rabbit().url());
        variables.put("QUEUE_RETRY_DELAYS", "2,4,8");
        variables.put("QUEUE_MAX_RETRIES", "3");
        variables.put("GEMINI_BASE_URL", gemini.baseUri().toString());
        variables.put("GEMINI_API_KEYS", "chaos");
        variables.put("KEYS_MAX_PER_MINUTE", "100000");
        // Which answers were handed back is told at this level.
        variables.put("LOG_LEVEL", "debug");
        return variables;
    }

    private void tell(long begun, Crowd crowd, Storm storm) {
        List<Question> asked = crowd.asked();
        System.err.printf(
                "parley: %d s: %d accepted, %d of them pending; %d workers told to go, %d killed%n",
                Duration.ofNanos(System.nanoTime() - begun).toSeconds(),
                asked.size(),
                asked.stream().filter(question -> question.end().isEmpty()).count(),
                storm.terminated(),
                storm.killed());
    }

    /** What became of what was accepted, as its user saw it, as it is stored now, and as the model was paid for it. */
    private boolean judge(Storm storm, List<Question> asked, Report report) throws IOException, InterruptedException {
        Map<String, Report.PromptUse> calls = new HashMap<>();
        for (Report.PromptUse use : report.prompts()) {
            calls.put(use.prompt(), use);
        }
        Map<String, List<Question>> chats = new HashMap<>();
        int answered = 0;
        int cancelled = 0;
        int failed = 0;
        int lost = 0;
        int paidAgain = 0;
        int doubled = 0;
        int attempts = 0;
        for (Question question : asked) {
            chats.computeIfAbsent(question.chat, chat -> new ArrayList<>()).add(question);
            attempts += question.attemptsTooMany();
            if (question.answered()) {
                answered++;
            } else if (question.is("cancelled") && question.kind == Question.Kind.CANCELLED) {
                cancelled++;
            } else if (question.is("failed")) {
                failed++;
                complain(question, "failed");
            } else {
                lost++;
                complain(question, "has no right end");
            }
            // The fake counts an answer as given when it sends the last piece, which a cut at that moment may lose.
            int paid = calls.containsKey(question.prompt)
                    ? calls.get(question.prompt).completed()
                    : 0;
            if (paid > 1) {
                if (paid - 1 <= storm.handedBack(question.answer)
                        || storm.struckBetween(question.sentAt, question.endedAt())) {
                    paidAgain++;
                } else {
                    doubled++;
                    complain(question, "was paid for " + paid + " times");
                }
            }
        }
        for (Map.Entry<String, List<Question>> chat : chats.entrySet()) {
            doubled += doubled(storm.client(), chat.getKey(), chat.getValue());
        }
        JsonNode queues = storm.client().get("/api/health").at("/checks/rabbitmq/queues");
        System.out.printf(
                "%nChaos: %d s, %d users, workers come and go%s%n",
                plan.duration().toSeconds(), Crowd.USERS, plan.victims().isEmpty() ? "" : ", and " + plan.victims());
        row("workers told to go (SIGTERM)", storm.terminated());
        row("workers killed (SIGKILL)", storm.killed());
        row("others struck", storm.victimsStruck());
        row("accepted", asked.size());
        row("answered", answered);
        row("cancelled by their users", cancelled);
        row("failed", failed);
        row("lost", lost);
        row("doubled", doubled);
        row("calls to the model", report.calls());
        row("whole and yet begun anew, as a cut lost its end", paidAgain);
        row("handed back", storm.handedBack());
        row("not handed back in time", storm.leftToTheBroker());
        row("attempts spent by SIGTERM", attempts);
        row("dead letters", queues.path("gemini.requests.dlq").asLong());
        return lost == 0 && doubled == 0 && attempts == 0;
    }

    private static void row(String name, long value) {
        System.out.printf("%-50s %8d%n", name, value);
    }

    private static void complain(Question question, String what) {
        System.out.printf(
                "%s: %s %s: %s%n",
                question.answer,
                question.kind,
                what,
                question.end().map(JsonNode::toString).orElse("still pending"));
    }

    /** Answers of a chat that nobody asked for, or that have changed after they had ended. */
    private static int doubled(ParleyClient client, String chat, List<Question> questions)
            throws IOException, InterruptedException {
        Map<String, JsonNode> stored = new HashMap<>();
        int answers = 0;
        for (JsonNode message :
                client.get("/api/chats/" + chat + "/messages?limit=100").path("items")) {
            stored.put(message.path("id").asText(), message);
            answers += message.path("role").asText().equals("assistant") ? 1 : 0;
        }
        int doubled = Math.abs(answers - questions.size());
        for (Question question : questions) {
            JsonNode now = stored.get(question.answer);
            if (question.end().isPresent() && !question.end().get().equals(now)) {
                doubled++;
                complain(question, "has become " + now);
            }
        }
        return doubled;
    }

    private void clear(Path folder, Path logs) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder())
                    .filter(file -> !keepLogs || !(file.startsWith(logs) || logs.startsWith(file)))
                    .forEach(file -> file.toFile().delete());
        }
    }
}
