package dev.parley.api.message;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TitleTest {
    @Test
    void theFirstLineThatSaysSomethingIsTheTitle() {
        assertThat(Title.of("\n  \n  Hello there  \nsecond")).isEqualTo("Hello there");
        assertThat(Title.of("x".repeat(60))).isEqualTo("x".repeat(60));
    }

    @Test
    void aLongLineEndsAfterAWord() {
        String title = Title.of("word ".repeat(20));
        assertThat(title).isEqualTo("word ".repeat(11) + "word…");
        assertThat(title.codePointCount(0, title.length())).isLessThanOrEqualTo(60);
    }

    @Test
    void aLongWordIsCutBetweenWholeCharacters() {
        String title = Title.of("😀".repeat(80));
        assertThat(title).isEqualTo("😀".repeat(59) + "…");
        assertThat(Title.of("a " + "b".repeat(100))).isEqualTo("a " + "b".repeat(57) + "…");
    }
}
