package dev.parley.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.api.health.CheckResult;
import dev.parley.api.support.ApiClient;
import dev.parley.api.support.ApiClient.Answer;
import dev.parley.api.support.ApiServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OutageIT {
    private ApiServer server;
    private ApiClient api;

    @BeforeEach
    void open() {
        server = new ApiServer(Map.of());
        api = server.client();
    }

    @AfterEach
    void close() {
        server.close();
    }

    @Test
    void withoutADatabaseRequestsMayComeBackLater() {
        assertThat(api.post("/api/chats", "{}").status()).isEqualTo(201);
        server.loseDatabase();
        for (Answer answer : new Answer[] {
            api.get("/api/chats"),
            api.post("/api/chats", "{}"),
            api.post("/api/chats/00000000-0000-7000-8000-000000000001/messages", "{\"content\":\"x\"}"),
            api.get("/api/prompts")
        }) {
            assertThat(answer.problem()).isEqualTo("503 database-unavailable");
            assertThat(answer.header("Retry-After")).isPresent();
            assertThat(answer.text()).doesNotContain("jdbc").doesNotContain("Hikari");
        }
        assertThat(api.get("/api/models").status()).isEqualTo(200);
    }

    @Test
    void healthTellsWhatIsDown() {
        assertThat(api.get("/api/health").text("/status")).isEqualTo("healthy");
        assertThat(api.get("/api/health/live").status()).isEqualTo(200);
        assertThat(api.get("/api/health/ready").status()).isEqualTo(200);
        assertThat(api.get("/api/health/started").status()).isEqualTo(200);
    }

    @Test
    void aPartThatIsDownDegradesAndWithoutTheDatabaseNothingWorks() {
        server.health.put("redis", CheckResult.down("Redis does not answer"));
        Answer degraded = api.get("/api/health");
        assertThat(degraded.status()).isEqualTo(200);
        assertThat(degraded.text("/status")).isEqualTo("degraded");
        assertThat(degraded.text("/checks/redis/detail")).isEqualTo("Redis does not answer");
        assertThat(api.get("/api/health/ready").status()).isEqualTo(200);
        try (ApiServer other = new ApiServer(Map.of())) {
            other.health.put("postgres", CheckResult.down("PostgreSQL does not answer"));
            Answer unhealthy = other.client().get("/api/health");
            assertThat(unhealthy.status()).isEqualTo(503);
            assertThat(unhealthy.text("/status")).isEqualTo("unhealthy");
            assertThat(other.client().get("/api/health/ready").status()).isEqualTo(503);
            assertThat(other.client().get("/api/health/live").status()).isEqualTo(200);
        }
    }

    @Test
    void aBodyOverOneMebibyteIsRefusedBeforeItIsRead() throws IOException {
        // By hand, as the JDK's client only reads a response after it has sent all of a body.
        String head = """
                POST /api/chats HTTP/1.1\r
                Host: localhost\r
                Content-Type: application/json\r
                Content-Length: 1048577\r
                \r
                """;
        String response = raw(head.getBytes(StandardCharsets.US_ASCII));
        assertThat(response)
                .startsWith("HTTP/1.1 413 ")
                .contains("application/problem+json")
                .contains("urn:parley:problem:payload-too-large");
    }

    @Test
    void aChunkedBodyOverOneMebibyteIsRefusedToo() throws IOException {
        String head = """
                POST /api/chats HTTP/1.1\r
                Host: localhost\r
                Content-Type: application/json\r
                Transfer-Encoding: chunked\r
                \r
                100001\r
                """;
        String response = raw((head + "x".repeat(0x100001) + "\r\n0\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        assertThat(response).startsWith("HTTP/1.1 413 ").contains("urn:parley:problem:payload-too-large");
        // Just below it, in chunks, it is only a title that is too long.
        byte[] json = ("{\"title\":\"" + "x".repeat(1_000_000) + "\"}").getBytes(StandardCharsets.US_ASCII);
        assertThat(api.call(
                                "POST",
                                "/api/chats",
                                BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(json)),
                                "Content-Type",
                                "application/json")
                        .problem())
                .isEqualTo("400 invalid-request title");
    }

    @Test
    void whatIsNotHttpIsAProblemToo() throws IOException {
        for (String line : List.of("GET /api/chats%zz HTTP/1.1", "GET /api/chats?cursor=%zz HTTP/1.1", "nonsense")) {
            assertThat(raw((line + "\r\nHost: x\r\n\r\n").getBytes(StandardCharsets.US_ASCII)))
                    .as(line)
                    .startsWith("HTTP/1.1 400 ")
                    .contains("application/problem+json");
        }
    }

    /** Sends the bytes and reads until the server ends its response or the connection. */
    private String raw(byte[] bytes) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
            InputStream in = socket.getInputStream();
            StringBuilder text = new StringBuilder();
            for (int c = in.read(); c >= 0; c = in.read()) {
                text.append((char) c);
                if (c == '}') {
                    break;
                }
            }
            return text.toString();
        }
    }
}
