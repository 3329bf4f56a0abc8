package dev.parley.api.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.runtime.Meters;
import io.helidon.metrics.api.Metrics;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SendGuardTest {
    private static SendGuard guard(Duration patience) {
        return SendGuard.start(patience, new Meters(Metrics.createMeterRegistry()));
    }

    @Test
    void aReaderWhoTakesNothingIsLetGo() throws Exception {
        try (SendGuard guard = guard(Duration.ofMillis(200));
                ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket reader = new Socket(server.getInetAddress(), server.getLocalPort());
                Socket accepted = server.accept()) {
            CompletableFuture<Boolean> interruptedAfterwards = new CompletableFuture<>();
            CompletableFuture<IOException> thrown = new CompletableFuture<>();
            Thread.ofVirtual().start(() -> {
                byte[] bytes = new byte[100_000];
                try {
                    OutputStream out = guard.over(accepted.getOutputStream());
                    while (true) {
                        out.write(bytes);
                    }
                } catch (IOException e) {
                    thrown.complete(e);
                    interruptedAfterwards.complete(Thread.currentThread().isInterrupted());
                }
            });
            assertThat(thrown.get(60, TimeUnit.SECONDS)).isInstanceOf(IOException.class);
            assertThat(accepted.isClosed()).isTrue();
            assertThat(interruptedAfterwards.get(60, TimeUnit.SECONDS))
                    .as("the interrupt is for the write alone")
                    .isFalse();
            assertThat(reader.isClosed()).isFalse();
        }
    }

    @Test
    void whatIsWrittenGoesOutWholeAndInPieces() throws Exception {
        List<Integer> pieces = new ArrayList<>();
        ByteArrayOutputStream all = new ByteArrayOutputStream() {
            @Override
            public synchronized void write(byte[] bytes, int offset, int length) {
                pieces.add(length);
                super.write(bytes, offset, length);
            }
        };
        byte[] bytes = new byte[SendGuard.PIECE * 2 + 5];
        bytes[bytes.length - 1] = 7;
        try (SendGuard guard = guard(Duration.ofMinutes(1));
                OutputStream out = guard.over(all)) {
            out.write(1);
            out.write(bytes, 0, bytes.length);
            out.flush();
        }
        assertThat(pieces).containsExactly(SendGuard.PIECE, SendGuard.PIECE, 5);
        assertThat(all.toByteArray()).hasSize(bytes.length + 1).startsWith(1).endsWith(7);
    }
}
