package dev.parley.local.bench;

import dev.parley.local.LocalParley;
import dev.parley.local.client.ParleyClient;
import java.net.URI;
import java.util.Map;

/**
 * Starts everything in a throw-away folder, chats a little and stops, while the JVM notes what a start and a first answer
 * need. {@code ./parley run} does this once per build and gives what was noted to every start (JEP 483, JEP 514).
 */
public final class Rehearsal {
    /** The first answer needs most of the classes; the others what only comes with a second one. */
    private static final int MESSAGES = 3;

    private Rehearsal() {}

    public static void main(String[] args) throws Exception {
        System.exit(Bench.run("", Rehearsal::chat) ? 0 : 1);
    }

    private static boolean chat(LocalParley parley) throws Exception {
        ParleyClient client = new ParleyClient(URI.create("http://127.0.0.1:" + parley.port()));
        String chat = client.newChat();
        try (ParleyClient.Events events = client.events(chat)) {
            for (int i = 0; i < MESSAGES; i++) {
                client.post("/api/chats/" + chat + "/messages", Map.of("content", "rehearsal " + i));
                events.await("answer.completed");
            }
        }
        return true;
    }
}
