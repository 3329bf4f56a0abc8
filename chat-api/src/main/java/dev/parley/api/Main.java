package dev.parley.api;

import dev.parley.pipeline.config.Environment;
import dev.parley.pipeline.runtime.Logs;
import dev.parley.pipeline.runtime.Service;
import java.util.Map;

/** Starts the API from the environment. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        Service.run("chat-api", System.getenv(), Main::open);
    }

    private static ChatApi open(Map<String, String> variables) {
        ApiSettings settings = ApiSettings.from(new Environment(variables));
        Logs.configure(settings.logLevel(), settings.logFormat());
        return ChatApi.open(settings);
    }
}
