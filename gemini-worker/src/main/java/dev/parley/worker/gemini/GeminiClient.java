package dev.parley.worker.gemini;

import dev.parley.pipeline.message.GenerationRequest;
import dev.parley.worker.gemini.CallOutcome.Cancelled;
import dev.parley.worker.gemini.CallOutcome.Final;
import dev.parley.worker.gemini.CallOutcome.Transient;
import dev.parley.worker.gemini.CallOutcome.Transient.Kind;
import dev.parley.worker.gemini.CallWatch.Abort;
import dev.parley.worker.key.ApiKey;
import io.helidon.common.media.type.ParserMode;
import io.helidon.common.socket.SocketOptions;
import io.helidon.common.tls.Tls;
import io.helidon.webclient.api.DefaultDnsResolver;
import io.helidon.webclient.api.Proxy;
import io.helidon.webclient.api.WebClient;
import io.helidon.webclient.http1.Http1Client;
import java.net.ConnectException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;

/**
 * Calls Gemini's streaming API, directly or through a proxy, and says what became of the call. It never retries: what a
 * failure costs is the caller's to decide. Thread-safe; a call blocks its thread, which should be a virtual one.
 */
public final class GeminiClient implements AutoCloseable {
    private static final Pattern MODEL = Pattern.compile("(?:models/)?([A-Za-z0-9][A-Za-z0-9._-]{0,127})");
    private static final Pattern PROXY_STATUS = Pattern.compile("wrong HTTP response code: (\\d{3})");

    private final GeminiOptions options;
    private final String models;
    private final ScheduledThreadPoolExecutor timer;
    private final WebClient webClient;
    private final Http1Client http;
    private final Lines lines;
    private final WayOut wayOut;
    private final Cancellation closing = new Cancellation();

    private GeminiClient(GeminiOptions options) {
        this.options = options;
        this.models = options.baseUri().toString().replaceAll("/+$", "") + "/v1beta/models/";
        Tls tls = Trust.tls(options.secure(), options.extraTrust());
        // Only a backstop behind CallWatch, which ends every call before this does. None at all would make Helidon's
        // monitor
        // give up a connection that nobody used for a tenth of a second, and the call that just takes it with it.
        Duration socketTimeout = options.totalTimeout().plus(options.keepAlive());
        this.webClient = WebClient.builder()
                .servicesDiscoverServices(false)
                .shareConnectionCache(false)
                .followRedirects(false)
                .relativeUris(true)
                .sendExpectContinue(false)
                .mediaTypeParserMode(ParserMode.RELAXED)
                .tls(tls)
                .proxy(Proxy.noProxy())
                .dnsResolver(
                        options.proxy().isPresent()
                                ? new TargetNames(options.baseUri().getHost())
                                : DefaultDnsResolver.create())
                .readTimeout(socketTimeout)
                .connectTimeout(options.connectTimeout())
                .socketOptions(SocketOptions.builder()
                        .tcpNoDelay(true)
                        .connectTimeout(options.connectTimeout())
                        .readTimeout(socketTimeout)
                        .build())
                .build();
        this.http = webClient.client(Http1Client.PROTOCOL);
        this.lines = new Lines(
                webClient,
                options,
                options.proxy().map(GeminiClient::connectProxy).orElseGet(Proxy::noProxy),
                tls,
                socketTimeout);
        this.timer = new ScheduledThreadPoolExecutor(
                1, Thread.ofPlatform().daemon().name("gemini-timer").factory());
        timer.setRemoveOnCancelPolicy(true);
        this.wayOut = new WayOut(options.proxy(), options.baseUri(), options.connectTimeout());
        long period = Math.max(1, options.keepAlive().toMillis() / 2);
        timer.scheduleWithFixedDelay(lines::sweep, period, period, TimeUnit.MILLISECONDS);
    }

    /**
     * Opens no connection yet.
     *
     * @throws IllegalArgumentException when the options cannot work
     */
    public static GeminiClient open(GeminiOptions options) {
        return new GeminiClient(options);
    }

    /** Whether calls get through the proxy; ask it before a call, as a call made in vain may cost a turn. */
    public WayOut wayOut() {
        return wayOut;
    }

    /**
     * Asks for an answer and hands its text on as it comes. Within {@code totalTimeout} it returns an outcome; it throws
     * only what the listener throws. Cancelling, from any thread, ends it promptly wherever it waits, and so does an
     * interrupt, which stays set.
     */
    public CallOutcome stream(
            ApiKey key, GenerationRequest request, DeltaListener listener, Cancellation cancellation) {
        return stream(key, request, listener, cancellation, () -> true);
    }

    /**
     * As above, for a call that may only be sent for so long.
     *
     * @param allowed asked once there is a connection, which can take seconds; if not, nothing is sent and the outcome is
     *     {@link Kind#TOO_LATE}. The connection is kept for the next call
     */
    public CallOutcome stream(
            ApiKey key,
            GenerationRequest request,
            DeltaListener listener,
            Cancellation cancellation,
            BooleanSupplier allowed) {
        Matcher model = MODEL.matcher(request.model());
        if (!model.matches()) {
            return new Final(Sentences.modelNotFound(request.model()), false, "model name with odd characters");
        }
        URI uri = URI.create(models + model.group(1) + ":streamGenerateContent?alt=sse");
        byte[] body = RequestBody.of(request).bytes();

        CallWatch watch =
                new CallWatch(timer, options.totalTimeout(), options.idleTimeout(), List.of(cancellation, closing));
        Line line = null;
        boolean sound = false;
        try {
            if (watch.aborted().isPresent()) {
                return new Cancelled(false, "");
            }
            line = lines.take(watch);
            if (!allowed.getAsBoolean()) {
                // Unused, so the next call has its connection at once: with a slow proxy none would be sent otherwise.
                line.releaseResource();
                sound = true;
                return new Transient(
                        Kind.TOO_LATE, false, Sentences.UNREACHABLE, "connected after the permission to call was over");
            }
            listener.onSending();
            CallOutcome outcome = new Call(http, options, model.group(1), uri, listener, watch).run(line, key, body);
            heed(outcome);
            // A stream without its end was cut by somebody, and WebClient may show a broken connection as an orderly
            // end.
            sound = !(outcome instanceof Transient passing && passing.kind() == Kind.CUT_STREAM);
            return outcome;
        } catch (Lines.NoLine e) {
            CallOutcome outcome = watch.aborted().map(why -> notConnected(why)).orElseGet(() -> unconnected(e));
            heed(outcome);
            return outcome;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Cancelled(false, "");
        } finally {
            // First the watch, so that nothing closes a line that already serves another call.
            watch.close();
            if (line != null) {
                lines.giveBack(line, sound && watch.aborted().isEmpty());
            }
        }
    }

    /** A look at the proxy tells whether it is to blame; the call's own fate is decided without it. */
    private void heed(CallOutcome outcome) {
        switch (outcome) {
            case Transient passing -> {
                switch (passing.kind()) {
                    case PROXY_FAILED -> wayOut.refused(passing.diagnosis());
                    case CONNECT_TIMEOUT, CONNECTION_LOST, CUT_STREAM -> wayOut.broke();
                    default -> {}
                }
            }
            case CallOutcome.Finished finished -> wayOut.proven();
            default -> {}
        }
    }

    private CallOutcome notConnected(Abort why) {
        return why == Abort.CONNECT_TIMEOUT && options.proxy().isPresent()
                ? new Transient(Kind.CONNECT_TIMEOUT, false, Sentences.PROXY_AWAY, "connect timeout at the proxy")
                : aborted(why, false, "");
    }

    /** Ends running calls as cancelled, then closes every connection. */
    @Override
    public void close() {
        closing.cancel("the client is closed");
        wayOut.close();
        lines.close();
        timer.shutdownNow();
        webClient.closeResource();
    }

    /** Connections kept for the next call, for tests. */
    int idleConnections() {
        return lines.idleCount();
    }

    static CallOutcome aborted(Abort why, boolean requestSent, String textSoFar) {
        return switch (why) {
            case CANCELLED -> new Cancelled(requestSent, textSoFar);
            case CONNECT_TIMEOUT -> timeout(Kind.CONNECT_TIMEOUT, requestSent);
            case FIRST_BYTE_TIMEOUT -> timeout(Kind.FIRST_BYTE_TIMEOUT, requestSent);
            // After a drain timeout the answer is there, so this outcome is never looked at.
            case IDLE_TIMEOUT, DRAIN_TIMEOUT -> timeout(Kind.IDLE_TIMEOUT, requestSent);
            case TOTAL_TIMEOUT -> timeout(Kind.TOTAL_TIMEOUT, requestSent);
        };
    }

    private static Transient timeout(Kind kind, boolean requestSent) {
        return new Transient(
                kind,
                requestSent,
                kind == Kind.CONNECT_TIMEOUT ? Sentences.UNREACHABLE : Sentences.TIMEOUT,
                kind.name().toLowerCase(Locale.ROOT).replace('_', ' '));
    }

    private CallOutcome unconnected(Lines.NoLine noLine) {
        if (noLine.why().isEmpty()) {
            return unconnected(Kind.CONNECT_TIMEOUT, "all %d connections in use".formatted(options.maxConnections()));
        }
        Throwable why = noLine.why().get();
        Throwable root = why;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        if (options.proxy().isEmpty()) {
            return unconnected(Kind.CONNECT_FAILED, root.getClass().getSimpleName());
        }
        // WebClient tells a refused tunnel by the text of an exception alone.
        Matcher refused = PROXY_STATUS.matcher(String.valueOf(why.getMessage()));
        if (refused.find()) {
            return unconnected(Kind.PROXY_FAILED, "proxy answered " + refused.group(1));
        }
        boolean beyondProxy = chain(why, SSLException.class) && !chain(why, ConnectException.class);
        return unconnected(
                beyondProxy ? Kind.CONNECT_FAILED : Kind.PROXY_FAILED,
                root.getClass().getSimpleName());
    }

    private static boolean chain(Throwable e, Class<? extends Throwable> type) {
        for (Throwable each = e; each != null; each = each.getCause()) {
            if (type.isInstance(each)) {
                return true;
            }
        }
        return false;
    }

    private static Transient unconnected(Kind kind, String diagnosis) {
        return new Transient(
                kind,
                false,
                kind == Kind.PROXY_FAILED ? Sentences.PROXY_AWAY : Sentences.UNREACHABLE,
                "not connected: " + diagnosis);
    }

    private static Proxy connectProxy(URI uri) {
        Proxy.Builder proxy = Proxy.builder()
                .type(Proxy.ProxyType.HTTP)
                .host(uri.getHost())
                .port(GeminiOptions.port(uri))
                // Also for http targets: otherwise WebClient forwards instead of tunnelling.
                .forceHttpConnect(true);
        if (uri.getUserInfo() != null) {
            // getUserInfo has decoded what the URI had to escape.
            int colon = uri.getUserInfo().indexOf(':');
            proxy.username(colon < 0 ? uri.getUserInfo() : uri.getUserInfo().substring(0, colon));
            proxy.password((colon < 0 ? "" : uri.getUserInfo().substring(colon + 1)).toCharArray());
        }
        return proxy.build();
    }
}
