package dev.parley.local.bench;

import dev.parley.local.LocalParley;
import java.util.concurrent.TimeUnit;

/** What the page costs in a browser. The measuring is {@code ui/bench/page.js}, as browsers are driven best from there. */
final class Page {
    private static final long LONGEST_MINUTES = 15;

    private Page() {}

    static boolean run(LocalParley parley) throws Exception {
        Process bench = new ProcessBuilder("node", "ui/bench/page.js", "http://127.0.0.1:" + parley.port())
                .inheritIO()
                .start();
        try {
            if (!bench.waitFor(LONGEST_MINUTES, TimeUnit.MINUTES)) {
                System.err.println(
                        "parley: the page's bench has not ended within %d minutes".formatted(LONGEST_MINUTES));
            }
            return !bench.isAlive() && bench.exitValue() == 0;
        } finally {
            bench.destroy();
        }
    }
}
