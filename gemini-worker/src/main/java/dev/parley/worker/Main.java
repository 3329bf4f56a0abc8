package dev.parley.worker;

import dev.parley.pipeline.runtime.Logs;
import dev.parley.pipeline.runtime.Service;
import java.util.Map;

/** Starts a worker from the environment. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        Service.run("gemini-worker", System.getenv(), Main::open);
    }

    private static GeminiWorker open(Map<String, String> variables) {
        WorkerSettings settings = WorkerSettings.read(variables);
        Logs.configure(settings.logLevel(), settings.logFormat());
        return GeminiWorker.open(settings);
    }
}
