package dev.parley.worker.gemini;

import java.net.URI;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * How to reach the model, and the bounds of a call.
 *
 * @param baseUri http or https, without query; {@code /v1beta/models/…} is appended
 * @param proxy {@code http://[user:password@]host:port}, spoken to with CONNECT; the far end resolves the target's name
 * @param connectTimeout for a whole new connection: name, TCP, CONNECT and TLS
 * @param firstByteTimeout from the request sent to the first byte of the response
 * @param idleTimeout longest pause between bytes of a response
 * @param totalTimeout for the whole call, whatever it does
 * @param maxConnections most calls at once; as many connections are kept at most
 * @param keepAlive how long an unused connection is kept
 * @param maxLineBytes longest line, and longest event, of the stream
 * @param maxResponseBytes largest response, headers and framing included
 * @param maxAnswerChars longest answer, in UTF-16 units
 * @param extraTrust PEM certificates trusted besides the platform's, for tests and private exits
 */
public record GeminiOptions(
        URI baseUri,
        Optional<URI> proxy,
        Duration connectTimeout,
        Duration firstByteTimeout,
        Duration idleTimeout,
        Duration totalTimeout,
        int maxConnections,
        Duration keepAlive,
        int maxLineBytes,
        long maxResponseBytes,
        int maxAnswerChars,
        Optional<String> extraTrust) {

    public GeminiOptions {
        Objects.requireNonNull(extraTrust);
        requireHttp("base URI", baseUri, true);
        proxy.ifPresent(uri -> requireHttp("proxy", uri, false));
        requirePositive("connectTimeout", connectTimeout);
        requirePositive("firstByteTimeout", firstByteTimeout);
        requirePositive("idleTimeout", idleTimeout);
        requirePositive("totalTimeout", totalTimeout);
        requirePositive("keepAlive", keepAlive);
        if (maxConnections < 1 || maxLineBytes < 1 || maxResponseBytes < 1 || maxAnswerChars < 1) {
            throw new IllegalArgumentException("the bounds of a Gemini call must be positive");
        }
    }

    /**
     * Bounds that suit the public API: a thinking model may be silent for a minute or more before its first token, and
     * the longest answers (65,536 tokens) stay far below a million characters.
     */
    public static GeminiOptions of(URI baseUri) {
        return new GeminiOptions(
                baseUri,
                Optional.empty(),
                Duration.ofSeconds(10),
                Duration.ofSeconds(120),
                Duration.ofSeconds(60),
                Duration.ofMinutes(10),
                256,
                Duration.ofSeconds(60),
                1 << 20,
                64L << 20,
                1_000_000,
                Optional.empty());
    }

    public GeminiOptions withProxy(URI uri) {
        return new GeminiOptions(
                baseUri,
                Optional.of(uri),
                connectTimeout,
                firstByteTimeout,
                idleTimeout,
                totalTimeout,
                maxConnections,
                keepAlive,
                maxLineBytes,
                maxResponseBytes,
                maxAnswerChars,
                extraTrust);
    }

    public GeminiOptions withTimeouts(Duration connect, Duration firstByte, Duration idle, Duration total) {
        return new GeminiOptions(
                baseUri,
                proxy,
                connect,
                firstByte,
                idle,
                total,
                maxConnections,
                keepAlive,
                maxLineBytes,
                maxResponseBytes,
                maxAnswerChars,
                extraTrust);
    }

    public GeminiOptions withConnections(int most, Duration keptFor) {
        return new GeminiOptions(
                baseUri,
                proxy,
                connectTimeout,
                firstByteTimeout,
                idleTimeout,
                totalTimeout,
                most,
                keptFor,
                maxLineBytes,
                maxResponseBytes,
                maxAnswerChars,
                extraTrust);
    }

    public GeminiOptions withBounds(int lineBytes, long responseBytes, int answerChars) {
        return new GeminiOptions(
                baseUri,
                proxy,
                connectTimeout,
                firstByteTimeout,
                idleTimeout,
                totalTimeout,
                maxConnections,
                keepAlive,
                lineBytes,
                responseBytes,
                answerChars,
                extraTrust);
    }

    public GeminiOptions withExtraTrust(String pem) {
        return new GeminiOptions(
                baseUri,
                proxy,
                connectTimeout,
                firstByteTimeout,
                idleTimeout,
                totalTimeout,
                maxConnections,
                keepAlive,
                maxLineBytes,
                maxResponseBytes,
                maxAnswerChars,
                Optional.of(pem));
    }

    /** Without the proxy's user and password. */
    @Override
    public String toString() {
        return "GeminiOptions[%s via %s]"
                .formatted(
                        baseUri,
                        proxy.map(uri -> uri.getHost() + ":" + port(uri)).orElse("no proxy"));
    }

    boolean secure() {
        return baseUri.getScheme().equalsIgnoreCase("https");
    }

    /** The port that is meant, also where the URI leaves it out. */
    static int port(URI uri) {
        if (uri.getPort() > 0) {
            return uri.getPort();
        }
        return uri.getScheme().equalsIgnoreCase("https") ? 443 : 80;
    }

    private static void requireHttp(String name, URI uri, boolean alsoHttps) {
        String scheme = uri.getScheme();
        boolean known = "http".equalsIgnoreCase(scheme) || alsoHttps && "https".equalsIgnoreCase(scheme);
        if (!known || uri.getHost() == null || uri.getRawQuery() != null || uri.getRawFragment() != null) {
            // The value is left out: a proxy's may hold a password.
            throw new IllegalArgumentException(
                    "the Gemini %s must be %s://host[:port]".formatted(name, alsoHttps ? "http(s)" : "http"));
        }
    }

    private static void requirePositive(String name, Duration value) {
        // A day is far beyond any sense and keeps every conversion to an int of milliseconds safe.
        if (!value.isPositive() || value.compareTo(Duration.ofDays(1)) > 0) {
            throw new IllegalArgumentException("%s must be above 0 and at most a day".formatted(name));
        }
    }
}
