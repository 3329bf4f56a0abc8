package dev.parley.worker.gemini;

import dev.parley.worker.gemini.CallOutcome.Cancelled;
import dev.parley.worker.gemini.CallOutcome.Transient;
import dev.parley.worker.gemini.CallOutcome.Transient.Kind;
import dev.parley.worker.gemini.CallWatch.Abort;
import dev.parley.worker.key.ApiKey;
import io.helidon.common.buffers.DataReader;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.HttpMediaType;
import io.helidon.webclient.api.HttpClientResponse;
import io.helidon.webclient.api.Proxy;
import io.helidon.webclient.http1.Http1Client;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;

/** One call to the model, from the connection to the outcome. Used once, by one thread. */
final class Call {
    private static final HeaderName API_KEY = HeaderNames.create("x-goog-api-key");
    /** Errors of Google's APIs are a few hundred bytes; a load balancer's page says nothing beyond its status. */
    private static final int LONGEST_ERROR = 64 * 1024;
    /** How long the end of a response is waited for when the answer is already whole. */
    private static final Duration DRAIN = Duration.ofSeconds(1);

    private final Http1Client http;
    private final GeminiOptions options;
    private final String model;
    private final URI uri;
    private final Answer answer;
    private final DeltaListener listener;
    private final CallWatch watch;
    private RuntimeException trouble;

    Call(Http1Client http, GeminiOptions options, String model, URI uri, DeltaListener listener, CallWatch watch) {
        this.http = http;
        this.options = options;
        this.model = model;
        this.uri = uri;
        this.listener = listener;
        this.watch = watch;
        this.answer = new Answer(model, options.maxAnswerChars(), listener);
    }

    CallOutcome run(Line line, ApiKey key, byte[] body) {
        watch.enter(Abort.FIRST_BYTE_TIMEOUT, options.firstByteTimeout(), line::shut);
        Optional<HttpClientResponse> sent = io(() -> send(line, key, body));
        if (sent.isEmpty()) {
            return broken();
        }
        try (HttpClientResponse response = sent.get()) {
            int status = response.status().code();
            if (status != 200) {
                Optional<byte[]> error = io(() -> readError(response));
                return error.<CallOutcome>map(
                                bytes -> Classifier.classify(ApiError.ofBody(status, bytes), model, "HTTP"))
                        .orElseGet(this::broken);
            }
            if (!isEventStream(response)) {
                return unreadable("HTTP 200 that is no event stream");
            }
            return read(response);
        }
    }

    private HttpClientResponse send(Line line, ApiKey key, byte[] body) {
        return http.post()
                .uri(uri)
                .connection(line)
                // The line leads to the model already; WebClient would add a proxy's headers to the model's request.
                .proxy(Proxy.noProxy())
                .header(API_KEY, key.secret())
                .header(HeaderValues.CONTENT_TYPE_JSON)
                .header(HeaderNames.ACCEPT, "text/event-stream")
                .submit(body);
    }

    private CallOutcome read(HttpClientResponse response) {
        SseParser events = new SseParser(options.maxLineBytes(), answer::accept);
        InputStream in = response.inputStream();
        byte[] buffer = new byte[8192];
        boolean draining = false;
        while (!answer.failed()) {
            if (answer.decided() && !draining) {
                draining = true;
                watch.enter(Abort.DRAIN_TIMEOUT, DRAIN);
            }
            Optional<Integer> count = io(() -> readSome(in, buffer));
            if (count.isEmpty()) {
                return answer.outcome(broken());
            }
            if (count.get() < 0) {
                events.end();
                return answer.outcome(new Transient(
                        Kind.CUT_STREAM, true, Sentences.CUT, "the stream ended without a finish reason"));
            }
            if (!events.feed(buffer, count.get())) {
                return answer.outcome(unreadable("a line above %d bytes".formatted(options.maxLineBytes())));
            }
        }
        return answer.outcome(broken());
    }

    private static byte[] readError(HttpClientResponse response) {
        InputStream in = response.inputStream();
        ByteArrayOutputStream body = new ByteArrayOutputStream(1024);
        byte[] buffer = new byte[4096];
        int count;
        while (body.size() < LONGEST_ERROR && (count = readSome(in, buffer)) >= 0) {
            body.write(buffer, 0, count);
        }
        return body.toByteArray();
    }

    private static int readSome(InputStream in, byte[] buffer) {
        try {
            return in.read(buffer);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isEventStream(HttpClientResponse response) {
        return response.headers()
                .contentType()
                .map(HttpMediaType::text)
                .filter(type -> type.startsWith("text/event-stream"))
                .isPresent();
    }

    /** Runs what talks to the socket, and only that, so that a listener's exception is never taken for the network's. */
    private <T> Optional<T> io(Supplier<T> step) {
        try {
            return Optional.of(step.get());
        } catch (RuntimeException e) {
            trouble = e;
            return Optional.empty();
        }
    }

    /** Why the connection gave no more. */
    private CallOutcome broken() {
        Optional<Abort> aborted = watch.aborted();
        if (aborted.isPresent()) {
            return GeminiClient.aborted(aborted.get(), true, answer.textSoFar());
        }
        if (Thread.currentThread().isInterrupted()) {
            return new Cancelled(true, answer.textSoFar());
        }
        return switch (trouble) {
            case Line.TooLarge _ -> unreadable("a response above %d bytes".formatted(options.maxResponseBytes()));
            case DataReader.InsufficientDataAvailableException _ -> lost("closed by the other side");
            case UncheckedIOException e -> lost(e.getCause().getClass().getSimpleName());
            case null -> unreadable("nothing");
            // Broken HTTP shows as IllegalStateException, IllegalArgumentException and others.
            default -> unreadable(trouble.getClass().getSimpleName());
        };
    }

    private static Transient lost(String diagnosis) {
        return new Transient(Kind.CONNECTION_LOST, true, Sentences.CUT, "connection lost: " + diagnosis);
    }

    private static Transient unreadable(String diagnosis) {
        return new Transient(Kind.UNREADABLE, true, Sentences.UNREADABLE, "unreadable: " + diagnosis);
    }
}
