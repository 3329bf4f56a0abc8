package dev.parley.dev.gemini;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The arguments of a fake Gemini that runs alone.
 *
 * @param certificate where to write the authority's certificate
 */
record CommandLine(Options options, Optional<Path> certificate) {
    static final String USAGE = """
            --port=8090                        HTTP port, 0 for any
            --https-port=8493                  HTTPS port, 0 for any; no HTTPS without it
            --bind=127.0.0.1                   address to listen on
            --names=gemini.test,other.test     names in the certificate
            --certificate=ca.pem               file to write the authority's certificate to
            --keys=project=key,key             the keys that are valid; every key without it
            --quota=10/60s                     calls of a project in any window
            --behaviour="first=300ms chunk=30ms"  pace, shape or fault of every call
            """;

    /** @throws IllegalArgumentException naming the argument at fault */
    static CommandLine parse(String... arguments) {
        Optional<Path> certificate = Optional.empty();
        Options options = Options.defaults().withoutHttps().withPort(8090);
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            String value = pair.length == 2 ? pair[1] : "";
            options = switch (pair[0]) {
                case "--port" -> options.withPort(port(pair[0], value));
                case "--https-port" -> options.withHttpsPort(port(pair[0], value));
                case "--bind" -> options.withBind(value);
                case "--names" -> options.withCertificateNames(Arrays.asList(value.split(",")));
                case "--keys" -> options.withKeys(keys(value));
                case "--quota" -> options.withQuota(quota(value));
                case "--behaviour" -> options.withBehaviour(Behaviour.ofWords(value));
                case "--certificate" -> {
                    certificate = Optional.of(Path.of(value));
                    yield options;
                }
                default -> throw new IllegalArgumentException(pair[0] + ": unknown argument");
            };
        }
        if (certificate.isPresent() && options.httpsPort().isEmpty()) {
            throw new IllegalArgumentException("--certificate: needs --https-port");
        }
        return new CommandLine(options, certificate);
    }

    private static int port(String name, String value) {
        return Behaviour.number(name, value, 0, 65_535);
    }

    /** {@code group=key} puts a key into a group, a bare key is a group of its own: the form of GEMINI_API_KEYS. */
    private static Map<String, String> keys(String list) {
        var projects = new LinkedHashMap<String, String>();
        for (String entry : list.split(",")) {
            int equals = entry.indexOf('=');
            String key = entry.substring(equals + 1).strip();
            if (key.isEmpty()) {
                throw new IllegalArgumentException("--keys: an empty key");
            }
            projects.put(
                    key,
                    equals < 0 ? Ledger.mask(key) : entry.substring(0, equals).strip());
        }
        return projects;
    }

    private static Quota quota(String text) {
        String[] parts = text.split("/", 2);
        return new Quota(
                Behaviour.number("--quota", parts[0], 1, 1_000_000),
                parts.length == 1
                        ? Duration.ofMinutes(1)
                        : Behaviour.duration("--quota", parts[1], Duration.ofDays(1)));
    }
}
