package dev.parley.dev.gemini;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a fake Gemini is started. Immutable; begin with {@link #defaults()}.
 *
 * @param bind the address to listen on
 * @param port the HTTP port, 0 for any free one
 * @param httpsPort the HTTPS port, 0 for any free one, absent for no HTTPS
 * @param certificateNames DNS names in the certificate beside localhost and 127.0.0.1
 * @param models the models that exist, the first being the one for main use
 * @param behaviour the pace and shape of answers when neither marker nor admin rule says otherwise
 * @param keys API key to project, whose keys share a quota; empty lets every key in, each a project of its own
 * @param quota the limit to enforce for each project; absent lets everything through
 * @param window the window over which the report counts, that of the quota if there is one
 * @param longestHang when a hung or held call is given up, so that no call outlives its test for ever
 */
public record Options(
        String bind,
        int port,
        OptionalInt httpsPort,
        List<String> certificateNames,
        List<String> models,
        Behaviour behaviour,
        Map<String, String> keys,
        Optional<Quota> quota,
        Duration window,
        Duration longestHang) {

    /** The model Parley uses unless it is told otherwise. */
    public static final String DEFAULT_MODEL = "gemini-3.8-flash";

    public Options {
        certificateNames = List.copyOf(certificateNames);
        models = List.copyOf(models);
        keys = Map.copyOf(keys);
        if (models.isEmpty()) {
            throw new IllegalArgumentException("models: at least one is needed");
        }
        if (quota.isPresent()) {
            window = quota.get().window();
        }
        windowInBounds(window);
        if (longestHang.isNegative() || longestHang.isZero()) {
            throw new IllegalArgumentException("longestHang: must be positive");
        }
    }

    /** Any free ports on 127.0.0.1, HTTP and HTTPS, every key, no quota, no delay. */
    public static Options defaults() {
        return new Options(
                "127.0.0.1",
                0,
                OptionalInt.of(0),
                List.of("gemini.test"),
                List.of(
                        DEFAULT_MODEL,
                        "gemini-3.8-pro",
                        "gemini-2.5-flash",
                        "gemini-2.5-flash-lite",
                        "gemini-2.5-pro",
                        "gemini-2.0-flash"),
                Behaviour.NORMAL,
                Map.of(),
                Optional.empty(),
                Duration.ofMinutes(1),
                Duration.ofMinutes(10));
    }

    public Options withBind(String address) {
        return new Options(
                address, port, httpsPort, certificateNames, models, behaviour, keys, quota, window, longestHang);
    }

    public Options withPort(int number) {
        return new Options(
                bind, number, httpsPort, certificateNames, models, behaviour, keys, quota, window, longestHang);
    }

    public Options withHttpsPort(int number) {
        return new Options(
                bind,
                port,
                OptionalInt.of(number),
                certificateNames,
                models,
                behaviour,
                keys,
                quota,
                window,
                longestHang);
    }

    public Options withoutHttps() {
        return new Options(
                bind, port, OptionalInt.empty(), certificateNames, models, behaviour, keys, quota, window, longestHang);
    }

    public Options withCertificateNames(List<String> names) {
        return new Options(bind, port, httpsPort, names, models, behaviour, keys, quota, window, longestHang);
    }

    public Options withModels(List<String> names) {
        return new Options(bind, port, httpsPort, certificateNames, names, behaviour, keys, quota, window, longestHang);
    }

    public Options withBehaviour(Behaviour usual) {
        return new Options(bind, port, httpsPort, certificateNames, models, usual, keys, quota, window, longestHang);
    }

    /** Only these keys are valid, each with the project whose quota it uses. */
    public Options withKeys(Map<String, String> projectByKey) {
        return new Options(
                bind, port, httpsPort, certificateNames, models, behaviour, projectByKey, quota, window, longestHang);
    }

    public Options withQuota(Quota limit) {
        return new Options(
                bind,
                port,
                httpsPort,
                certificateNames,
                models,
                behaviour,
                keys,
                Optional.of(limit),
                window,
                longestHang);
    }

    /** The window of the report when no quota is enforced. */
    public Options withWindow(Duration length) {
        return new Options(
                bind, port, httpsPort, certificateNames, models, behaviour, keys, quota, length, longestHang);
    }

    public Options withLongestHang(Duration longest) {
        return new Options(bind, port, httpsPort, certificateNames, models, behaviour, keys, quota, window, longest);
    }

    static void windowInBounds(Duration window) {
        if (window.compareTo(Duration.ofMillis(1)) < 0 || window.compareTo(Duration.ofDays(1)) > 0) {
            throw new IllegalArgumentException("window: must be from 1 ms to 1 day, not " + window);
        }
    }
}
