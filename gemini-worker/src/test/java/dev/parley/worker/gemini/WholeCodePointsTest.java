package dev.parley.worker.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WholeCodePointsTest {
    private final WholeCodePoints points = new WholeCodePoints();

    @Test
    void aPairSplitBetweenPiecesStaysOnePair() {
        assertThat(points.add("a\ud83d")).isEqualTo("a");
        assertThat(points.add("\ude00b")).isEqualTo("😀b");
        assertThat(points.end()).isEmpty();
    }

    @Test
    void halvesThatStayAloneAreReplaced() {
        assertThat(points.add("a\ude00b\ud83dc\ud83d")).isEqualTo("a\uFFFDb\uFFFDc");
        assertThat(points.add("")).isEmpty();
        assertThat(points.end()).isEqualTo("\uFFFD");
        assertThat(points.end()).isEmpty();
    }

    @Test
    void whatPostgresqlCannotStoreIsReplaced() {
        assertThat(points.add("a\0b")).isEqualTo("a\uFFFDb");
    }
}
