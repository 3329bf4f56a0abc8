package dev.parley.worker.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SseParserTest {
    private final List<String> events = new ArrayList<>();
    private final SseParser parser = new SseParser(100, event -> events.add(new String(event, StandardCharsets.UTF_8)));

    private boolean feed(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return parser.feed(bytes, bytes.length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r", "\r\n"})
    void everyCutOfEveryLineEndingGivesTheSameEvents(String newline) {
        String text =
                ("\uFEFF: a comment|data: one|data: zwei ü😀||event: x|id: 7|data:three|||data||: end|data: four||")
                        .replace("|", newline);
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int cut = 0; cut <= bytes.length; cut++) {
            List<String> heard = new ArrayList<>();
            SseParser cutParser = new SseParser(100, event -> heard.add(new String(event, StandardCharsets.UTF_8)));
            byte[] rest = Arrays.copyOfRange(bytes, cut, bytes.length);
            assertThat(cutParser.feed(bytes, cut)).isTrue();
            assertThat(cutParser.feed(rest, rest.length)).isTrue();
            assertThat(heard).as("cut at %d", cut).containsExactly("one\nzwei ü😀", "three", "", "four");
        }
    }

    @Test
    void fieldsThatOnlyBeginLikeDataAreIgnored() {
        feed("database: x\ndat: y\ndata:  two spaces\n\n");
        assertThat(events).containsExactly(" two spaces");
    }

    @Test
    void anEventWithoutItsBlankLineCountsAtTheEndButHalfALineDoesNot() {
        feed("data: whole\n");
        parser.end();
        feed("data: half");
        parser.end();
        assertThat(events).containsExactly("whole");
    }

    @Test
    void aLineAboveTheBoundIsRefusedAlsoWithoutItsEnd() {
        assertThat(feed("data: " + "x".repeat(94) + "\n\n")).isTrue();
        assertThat(feed("data: " + "x".repeat(60))).isTrue();
        assertThat(feed("x".repeat(60))).isFalse();
    }

    @Test
    void anEventOfManyLinesAboveTheBoundIsRefused() {
        assertThat(feed("data: " + "x".repeat(60) + "\n")).isTrue();
        assertThat(feed("data: " + "x".repeat(60) + "\n")).isFalse();
    }
}
