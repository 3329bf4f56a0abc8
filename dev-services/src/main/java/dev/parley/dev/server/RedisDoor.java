package dev.parley.dev.server;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** One command to Redis over a connection of its own: enough to ask whether it answers and to empty a database, without a client library. */
final class RedisDoor {
    private static final int TIMEOUT_MILLIS = 5_000;

    private RedisDoor() {}

    /**
     * @param password may be empty
     * @return the reply's first line, such as {@code +PONG}
     * @throws IOException when Redis does not answer, or answers with an error
     */
    static String ask(int port, String password, int database, String command) throws IOException {
        List<String> commands = new ArrayList<>();
        if (!password.isEmpty()) {
            commands.add("AUTH " + password);
        }
        commands.add("SELECT " + database);
        commands.add(command);
        try (Socket socket = new Socket()) {
            socket.setSoTimeout(TIMEOUT_MILLIS);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
            BufferedReader replies =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            String reply = "";
            for (String one : commands) {
                socket.getOutputStream().write((one + "\r\n").getBytes(StandardCharsets.US_ASCII));
                reply = replies.readLine();
                if (reply == null || reply.startsWith("-")) {
                    throw new IOException("Redis answered " + reply);
                }
            }
            return reply;
        }
    }
}
