package dev.parley.pipeline.runtime;

import io.helidon.logging.common.HelidonMdc;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.logging.LogManager;
import java.util.logging.Logger;

/** How a service logs: one JSON object a line for machines, or plain lines for people. */
public final class Logs {
    public enum Format {
        JSON,
        TEXT
    }

    public enum Level {
        ERROR("SEVERE"),
        WARN("WARNING"),
        INFO("INFO"),
        DEBUG("FINE"),
        TRACE("FINEST");

        private final String jul;

        Level(String jul) {
            this.jul = jul;
        }
    }

    private static final String COMMON = """
            handlers=io.helidon.logging.jul.HelidonConsoleHandler
            .level=WARNING
            dev.parley.level=%s
            """;
    private static final String JSON = """
            io.helidon.logging.jul.HelidonConsoleHandler.formatter=io.helidon.logging.jul.HelidonJsonFormatter
            io.helidon.logging.jul.HelidonJsonFormatter.fields=time:%1$tFT%1$tT.%1$tL%1$tz,level:%4$s,message:%5$s,exception:%6$s,thread:!thread!,logger:%3$s,request:%X{request},chat:%X{chat},answer:%X{answer},attempt:%X{attempt}
            """;
    private static final String TEXT = """
            io.helidon.logging.jul.HelidonConsoleHandler.formatter=io.helidon.logging.jul.HelidonFormatter
            java.util.logging.SimpleFormatter.format=%1$tT %4$-7s %5$s%6$s%n
            """;

    /** Must exist when a level is set for it, or loggers made before would not hear of that. */
    private static final Logger OURS = Logger.getLogger("dev.parley");

    private Logs() {}

    /** Sets the logging of the whole process. */
    public static void configure(Level level, Format format) {
        String settings = COMMON.formatted(level.jul) + (format == Format.JSON ? JSON : TEXT);
        try {
            LogManager.getLogManager()
                    .readConfiguration(new ByteArrayInputStream(settings.getBytes(StandardCharsets.UTF_8)));
            OURS.setLevel(java.util.logging.Level.parse(level.jul));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs something whose log lines carry these ids, and takes them off afterwards. */
    public static <E extends Exception> void with(Map<String, String> ids, Action<E> action) throws E {
        ids.forEach(HelidonMdc::set);
        try {
            action.run();
        } finally {
            ids.keySet().forEach(HelidonMdc::remove);
        }
    }

    /** An action that may throw. */
    @FunctionalInterface
    public interface Action<E extends Exception> {
        void run() throws E;
    }
}
