package dev.parley.dev.net;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * TCP ports for servers whose port must be known before they start.
 *
 * <p>Asking the kernel for any port (port 0) and letting go of it again is not enough: it may give the same one to the next who asks,
 * before the first server listens, and any outgoing connection may take it meanwhile. So ports come from below the range that
 * connections go out from (32768 and up on Linux, 49152 and up elsewhere), and one program never gets the same port twice. Two programs at
 * once may still draw the same one of the {@value #COUNT}; whoever starts a server tries again then.
 *
 * <p>Thread-safe.
 */
public final class FreePorts {
    private static final int FIRST = 10_000;
    private static final int COUNT = 20_000;
    private static final Set<Integer> GIVEN = new HashSet<>();

    private FreePorts() {}

    /**
     * A port that nothing listens on and that nobody in this program was given before.
     *
     * @throws IllegalStateException when no port is left
     */
    public static synchronized int next() {
        int start = ThreadLocalRandom.current().nextInt(COUNT);
        for (int step = 0; step < COUNT; step++) {
            int port = FIRST + (start + step) % COUNT;
            if (!GIVEN.contains(port) && isFree(port)) {
                GIVEN.add(port);
                return port;
            }
        }
        throw new IllegalStateException("No port from " + FIRST + " to " + (FIRST + COUNT - 1) + " is free.");
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }
}
