package dev.parley.dev.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FreePortsTest {
    @Test
    void noPortIsGivenTwiceThoughNobodyListensOnItYet() throws Exception {
        Set<Integer> given = new HashSet<>();
        for (int asked = 0; asked < 1_000; asked++) {
            int port = FreePorts.next();
            assertThat(given.add(port)).as("port %d for the first time", port).isTrue();
            assertThat(port).isBetween(1_024, 32_767);
        }
        int port = FreePorts.next();
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            assertThat(socket.getLocalPort()).isEqualTo(port);
        }
    }
}
