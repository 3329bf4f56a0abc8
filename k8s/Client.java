import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The users of {@code k8s/prove}: {@code java k8s/Client.java BASE HOST burst MESSAGES} sends that many messages, each in a chat
 * of its own, and waits for all answers; {@code java k8s/Client.java BASE HOST steady USERS FILE} has users ask one thing after the other
 * until FILE exists. Prints one line of counts; ends with 1 when an answer was lost, doubled or failed. A request that fails is
 * counted and sent again with the same Idempotency-Key, as the page does. Every wait has a bound.
 */
final class Client {
    /** The longest a single request is repeated, and the longest an accepted message is waited for. */
    private static final Duration REPEAT = Duration.ofMinutes(5);

    private static final Duration PATIENCE = Duration.ofMinutes(15);
    private static final Duration LONGEST_RUN = Duration.ofMinutes(30);
    private static final Pattern ID = Pattern.compile("\"id\":\"([^\"]+)\"");
    private static final Pattern ANSWER = Pattern.compile("\"answer\":\\{\"id\":\"([^\"]+)\"");
    private static final Pattern STATUS = Pattern.compile("\"status\":\"([a-z]+)\"");
    private static final Pattern ASSISTANT = Pattern.compile("\"role\":\"assistant\"");

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(5)).build();
    private final URI base;
    private final String host;
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicInteger accepted = new AtomicInteger();
    private final AtomicInteger answered = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicInteger lost = new AtomicInteger();
    private final AtomicInteger doubled = new AtomicInteger();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final Queue<Long> waits = new ConcurrentLinkedQueue<>();

    private Client(URI base, String host) {
        this.base = base;
        this.host = host;
    }

    public static void main(String[] arguments) throws Exception {
        System.setProperty("jdk.httpclient.allowRestrictedHeaders", "host");
        Client client = new Client(URI.create(arguments[0]), arguments[1]);
        switch (arguments[2]) {
            case "burst" -> client.burst(Integer.parseInt(arguments[3]));
            case "steady" -> client.steady(Integer.parseInt(arguments[3]), Path.of(arguments[4]));
            default -> throw new IllegalArgumentException(arguments[2]);
        }
        client.report();
    }

    private void burst(int messages) throws Exception {
        Semaphore atOnce = new Semaphore(16);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 1; i <= messages; i++) {
                String text = "Question " + i;
                all.add(threads.submit(() -> {
                    String answer;
                    Instant sent;
                    atOnce.acquire();
                    try {
                        String chat = chat(text);
                        sent = Instant.now();
                        answer = send(chat, text);
                    } finally {
                        atOnce.release();
                    }
                    await(answer, sent, Duration.ofSeconds(3));
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        }
    }

    private void steady(int users, Path end) throws Exception {
        Instant latest = Instant.now().plus(LONGEST_RUN);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> all = new ArrayList<>();
            for (int user = 1; user <= users; user++) {
                String name = "User " + user;
                all.add(threads.submit(() -> {
                    String chat = chat(name);
                    int sent = 0;
                    while (!Files.exists(end) && Instant.now().isBefore(latest)) {
                        Instant begun = Instant.now();
                        String answer = send(chat, name + " asks " + ++sent);
                        await(answer, begun, Duration.ofMillis(400));
                    }
                    // Each question has one answer; pages hold a hundred messages at least, and a user asks fewer than fifty in one.
                    Matcher assistants = ASSISTANT.matcher(call("GET", "/api/chats/" + chat + "/messages?limit=200", null, null));
                    int answers = 0;
                    while (assistants.find()) {
                        answers++;
                    }
                    if (answers > sent) {
                        doubled.addAndGet(answers - sent);
                    }
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        }
    }

    private String chat(String title) throws InterruptedException {
        return first(ID, call("POST", "/api/chats", "{\"title\":\"" + title + "\"}", null));
    }

    private String send(String chat, String text) throws InterruptedException {
        String body = call("POST", "/api/chats/" + chat + "/messages", "{\"content\":\"" + text + "\"}", UUID.randomUUID().toString());
        accepted.incrementAndGet();
        return first(ANSWER, body);
    }

    private void await(String answer, Instant sent, Duration pause) throws InterruptedException {
        Instant latest = Instant.now().plus(PATIENCE);
        while (Instant.now().isBefore(latest)) {
            switch (first(STATUS, call("GET", "/api/messages/" + answer, null, null))) {
                case "completed" -> {
                    answered.incrementAndGet();
                    waits.add(Duration.between(sent, Instant.now()).toMillis());
                    return;
                }
                case "failed", "cancelled" -> {
                    failed.incrementAndGet();
                    return;
                }
                default -> Thread.sleep(pause);
            }
        }
        lost.incrementAndGet();
    }

    /** The body of a 2xx, whatever it takes within the bound; each failure on the way is noted. */
    private String call(String method, String path, String body, String key) throws InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(base.resolve(path))
                .header("Host", host)
                .timeout(Duration.ofSeconds(30))
                .method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body));
        if (body != null) {
            request.header("Content-Type", "application/json");
        }
        Optional.ofNullable(key).ifPresent(value -> request.header("Idempotency-Key", value));
        Instant latest = Instant.now().plus(REPEAT);
        while (true) {
            requests.incrementAndGet();
            String what;
            try {
                HttpResponse<String> response = http.send(request.build(), BodyHandlers.ofString());
                if (response.statusCode() / 100 == 2) {
                    return response.body();
                }
                what = response.statusCode() + " " + response.body().replaceAll("\\s+", " ");
            } catch (IOException e) {
                what = e.toString();
            }
            failures.add(Instant.now().truncatedTo(ChronoUnit.SECONDS) + " " + method + " "
                    + path.replaceAll("[0-9a-f]{8}-[0-9a-f-]{27}", "{id}") + ": " + what.substring(0, Math.min(160, what.length())));
            if (Instant.now().isAfter(latest)) {
                throw new IllegalStateException(method + " " + path + " failed for " + REPEAT + ", last with " + what);
            }
            Thread.sleep(500);
        }
    }

    private static String first(Pattern pattern, String text) {
        Matcher found = pattern.matcher(text);
        if (!found.find()) {
            throw new IllegalStateException("no " + pattern + " in " + text);
        }
        return found.group(1);
    }

    private void report() {
        List<Long> sorted = waits.stream().sorted().toList();
        failures.stream().limit(40).forEach(line -> System.out.println("  " + line));
        System.out.printf(
                "accepted=%d answered=%d failed=%d lost=%d doubled=%d requests=%d failed-requests=%d wait-p50-ms=%d wait-max-ms=%d%n",
                accepted.get(), answered.get(), failed.get(), lost.get(), doubled.get(), requests.get(), failures.size(),
                sorted.isEmpty() ? 0 : sorted.get(sorted.size() / 2), sorted.isEmpty() ? 0 : sorted.getLast());
        System.exit(answered.get() == accepted.get() && doubled.get() == 0 && accepted.get() > 0 ? 0 : 1);
    }
}
