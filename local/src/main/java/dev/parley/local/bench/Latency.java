package dev.parley.local.bench;

import dev.parley.local.LocalParley;
import dev.parley.local.client.ParleyClient;
import dev.parley.pipeline.message.Json;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.webclient.api.HttpClientResponse;
import io.helidon.webclient.api.WebClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One user: what the durable way adds to a call straight to the (fake) model. */
final class Latency {
    /** Until next to nothing is compiled any more. */
    private static final int WARM_UP = 2_000;

    private static final int MEASURED = 300;
    private static final double MOST_ADDED_TO_FIRST_TOKEN = 5;
    private static final double MOST_ADDED_TO_WHOLE = 12;

    private static final HeaderName API_KEY = HeaderNames.create("x-goog-api-key");

    private record Times(long firstToken, long whole) {}

    private Latency() {}

    static boolean run(LocalParley parley) throws Exception {
        ParleyClient client = new ParleyClient(URI.create("http://127.0.0.1:" + parley.port()));
        WebClient straight = ParleyClient.http();
        URI model = parley.fake()
                .orElseThrow()
                .baseUri()
                .resolve("/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse");
        List<Times> direct = new ArrayList<>();
        List<Times> through = new ArrayList<>();
        List<Long> bare = new ArrayList<>();
        try (BarePath barePath = BarePath.open(parley.servers())) {
            for (int i = 0; i < WARM_UP + MEASURED; i++) {
                String prompt = "bench " + i;
                Times one = straight(straight, model, prompt);
                Times other = through(client, prompt);
                long durable = barePath.once();
                if (i >= WARM_UP) {
                    direct.add(one);
                    through.add(other);
                    bare.add(durable);
                }
            }
        }
        System.out.printf("%nOne user, %d messages in turn, a fake without delay; milliseconds%n", MEASURED);
        System.out.printf("%-34s %10s %10s %10s %8s%n", "", "straight", "Parley", "added", "most");
        boolean first = row(
                "to the first token, median",
                direct,
                through,
                Times::firstToken,
                0.5,
                Optional.of(MOST_ADDED_TO_FIRST_TOKEN));
        row("to the first token, 95th", direct, through, Times::firstToken, 0.95, Optional.empty());
        boolean whole = row(
                "to the stored answer, median", direct, through, Times::whole, 0.5, Optional.of(MOST_ADDED_TO_WHOLE));
        row("to the stored answer, 95th", direct, through, Times::whole, 0.95, Optional.empty());
        double steps = Figures.ofNanos(bare).at(0.5);
        double answer =
                Figures.ofNanos(through.stream().map(Times::whole).toList()).at(0.5);
        System.out.printf(
                "The durable steps alone (two commits, two quorum queues), median: %.2f; the stored answer takes %.1f times that%n",
                steps, answer / steps);
        return first && whole;
    }

    private static boolean row(
            String name,
            List<Times> direct,
            List<Times> through,
            java.util.function.ToLongFunction<Times> which,
            double quantile,
            Optional<Double> most) {
        double straight = Figures.ofNanos(
                        direct.stream().map(which::applyAsLong).toList())
                .at(quantile);
        double parley = Figures.ofNanos(through.stream().map(which::applyAsLong).toList())
                .at(quantile);
        double added = parley - straight;
        boolean met = most.map(bound -> added <= bound).orElse(true);
        System.out.printf(
                "%-34s %10.2f %10.2f %10.2f %8s%s%n",
                name, straight, parley, added, most.map(Object::toString).orElse(""), met ? "" : "  MISSED");
        return met;
    }

    private static Times straight(WebClient http, URI model, String prompt) throws IOException {
        byte[] body = Json.bytes(
                Map.of("contents", List.of(Map.of("role", "user", "parts", List.of(Map.of("text", prompt))))));
        long start = System.nanoTime();
        long first = 0;
        try (HttpClientResponse response = http.post()
                        .uri(model)
                        .header(API_KEY, "fake-1")
                        .header(HeaderValues.CONTENT_TYPE_JSON)
                        .submit(body);
                BufferedReader reader =
                        new BufferedReader(new InputStreamReader(response.inputStream(), StandardCharsets.UTF_8))) {
            for (String line; (line = reader.readLine()) != null; ) {
                if (first == 0 && line.startsWith("data:")) {
                    first = System.nanoTime();
                }
            }
            return new Times(first - start, System.nanoTime() - start);
        }
    }

    private static Times through(ParleyClient client, String prompt) throws IOException, InterruptedException {
        String chat = client.newChat();
        try (ParleyClient.Events events = client.events(chat)) {
            long start = System.nanoTime();
            client.post("/api/chats/" + chat + "/messages", Map.of("content", prompt));
            // The result takes another way and now and then overtakes the live text, which is then not shown any more.
            ParleyClient.Event first = events.await("answer.delta", "answer.completed");
            ParleyClient.Event whole =
                    first.name().equals("answer.completed") ? first : events.await("answer.completed");
            return new Times(first.at() - start, whole.at() - start);
        }
    }
}
