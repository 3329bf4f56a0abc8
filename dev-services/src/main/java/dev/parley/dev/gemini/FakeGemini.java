package dev.parley.dev.gemini;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.helidon.common.tls.Tls;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;

/**
 * A server that speaks Google's Gemini API well enough for Google's own client, streams plausible answers, and misbehaves when
 * told to: by a marker in the text of the last user turn ({@code [[fake status=429 retry=12.5s times=2]]}), by a rule for all
 * calls or those of one key, or by its quota. See the module's README for all of it.
 *
 * <p>Thread-safe, and nothing is shared between two of them. Closing takes well under a second, whatever calls hang in it.
 */
public final class FakeGemini implements AutoCloseable {
    /** The real API takes 20 MB. */
    private static final int LARGEST_PAYLOAD = 20 * 1024 * 1024;

    private static final int MOST_CONNECTIONS = 20_000;
    private static final int MOST_CALLS = 10_000;
    private static final Duration GRACE = Duration.ofMillis(100);
    private static final String HTTPS = "https";

    private final Options options;
    private final Ledger ledger;
    private final Waits waits;
    private final Connections connections = new Connections();
    private final Optional<Certificates> certificates;
    private final WebServer server;

    private FakeGemini(Options options) {
        this.options = options;
        this.ledger = new Ledger(options, System::nanoTime);
        this.waits = new Waits(options.longestHang());
        this.certificates = options.httpsPort().isPresent()
                ? Optional.of(Certificates.create(
                        options.certificateNames(), Clock.systemUTC().instant()))
                : Optional.empty();
        ObjectMapper json = JsonMapper.builder().build();
        var builder = WebServer.builder()
                .shutdownHook(false)
                .address(address(options.bind()))
                .port(options.port())
                .connectionOptions(connections)
                .maxPayloadSize(LARGEST_PAYLOAD)
                .maxTcpConnections(MOST_CONNECTIONS)
                .maxConcurrentRequests(MOST_CALLS)
                .shutdownGracePeriod(GRACE)
                .routing(routing -> routing(routing, json));
        certificates.ifPresent(made -> builder.putSocket(
                HTTPS,
                ListenerConfig.builder()
                        .name(HTTPS)
                        .address(address(options.bind()))
                        .port(options.httpsPort().getAsInt())
                        .tls(Tls.builder().sslContext(made.context()).build())
                        .connectionOptions(connections)
                        .maxPayloadSize(LARGEST_PAYLOAD)
                        .maxTcpConnections(MOST_CONNECTIONS)
                        .maxConcurrentRequests(MOST_CALLS)
                        .shutdownGracePeriod(GRACE)
                        .routing(routing -> routing(routing, json))
                        .build()));
        this.server = builder.build();
    }

    /**
     * Starts a server and returns once it listens.
     *
     * @throws RuntimeException when a port is taken
     */
    public static FakeGemini start(Options options) {
        var gemini = new FakeGemini(options);
        try {
            gemini.server.start();
        } catch (RuntimeException e) {
            gemini.close();
            throw e;
        }
        return gemini;
    }

    private void routing(HttpRouting.Builder routing, ObjectMapper json) {
        routing.register("/v1beta/models", new GeminiService(options, json, ledger, waits, connections))
                .register("/admin", new AdminService(this, ledger, json))
                .error(
                        ApiError.Refusal.class,
                        (_, response, refusal) ->
                                Generation.send(response, refusal.error(), Generation.Form.WHOLE, json));
    }

    /** Where it listens for HTTP, without a path: {@code http://127.0.0.1:port}. */
    public URI baseUri() {
        return URI.create("http://" + shown() + ":" + server.port());
    }

    /**
     * Where it listens for HTTPS. Its certificate also holds localhost and the names of the options.
     *
     * @throws IllegalStateException when it was started without HTTPS
     */
    public URI httpsUri() {
        made();
        return URI.create("https://" + shown() + ":" + server.port(HTTPS));
    }

    /**
     * The certificate, as PEM, of the authority that signed the HTTPS certificate: what a client has to trust.
     *
     * @throws IllegalStateException when it was started without HTTPS
     */
    public String certificate() {
        return made().authorityPem();
    }

    /** Puts a behaviour in force for all calls, in place of the last one. A rule with {@code times} removes itself. */
    public void behave(Behaviour behaviour) {
        ledger.rule(Optional.empty(), behaviour);
    }

    /** The same from text, as in a marker: {@code behave("status=503 times=2")}. */
    public void behave(String words) {
        behave(Behaviour.ofWords(words));
    }

    /** Puts a behaviour in force for the calls of one key; it comes before the rule for all. */
    public void behaveForKey(String apiKey, Behaviour behaviour) {
        ledger.rule(Optional.of(apiKey), behaviour);
    }

    /** Removes all rules. */
    public void clearBehaviour() {
        ledger.clearRules();
    }

    /** Opens a gate, for the calls that are held at it and for those to come. */
    public void release(String gate) {
        waits.open(gate);
    }

    /** How many calls are held at a gate now. */
    public int held(String gate) {
        return waits.held().getOrDefault(gate, 0);
    }

    /** What happened since the start or the last reset. */
    public Report report() {
        return ledger.report(waits.held());
    }

    /** Forgets all counts, quota windows and rules, lets held calls go on, and closes all gates. */
    public void reset() {
        ledger.reset();
        waits.reset();
    }

    @Override
    public void close() {
        waits.close();
        connections.closeAll();
        server.stop();
    }

    private Certificates made() {
        return certificates.orElseThrow(() -> new IllegalStateException("The fake Gemini was started without HTTPS"));
    }

    private String shown() {
        return options.bind().equals("0.0.0.0") ? "127.0.0.1" : options.bind();
    }

    private static InetAddress address(String bind) {
        try {
            return InetAddress.getByName(bind);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("bind: unknown address " + bind, e);
        }
    }

    /** Runs it alone until the process is ended; without arguments on port 8090, with a wrong one it tells of them. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        CommandLine line;
        try {
            line = CommandLine.parse(arguments);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage() + "\n\n" + CommandLine.USAGE);
            System.exit(2);
            return;
        }
        try (FakeGemini gemini = start(line.options())) {
            Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(gemini::close));
            if (line.certificate().isPresent()) {
                Files.writeString(line.certificate().get(), gemini.certificate());
            }
            System.out.println("Fake Gemini at " + gemini.baseUri()
                    + (line.options().httpsPort().isPresent() ? " and " + gemini.httpsUri() : ""));
            Thread.currentThread().join();
        }
    }
}
