package dev.parley.api.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.live.LiveEvent;
import dev.parley.pipeline.live.LiveText;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class PositionsTest {
    private final Positions positions = new Positions();
    private final UUID answer = UUID.randomUUID();

    private LiveEvent.Delta delta(String run, int offset, String text) {
        return new LiveEvent.Delta(answer, run, offset, text);
    }

    @Test
    void aPieceThatFollowsIsSentAsItIs() {
        positions.sent(answer, "r", 3);
        assertThat(positions.next(delta("r", 3, "xyz"))).isEqualTo(new Positions.Step.Send(delta("r", 3, "xyz")));
    }

    @Test
    void whatWasSentIsCutOff() {
        positions.sent(answer, "r", 3);
        assertThat(positions.next(delta("r", 1, "bcd"))).isEqualTo(new Positions.Step.Send(delta("r", 3, "d")));
        assertThat(positions.next(delta("r", 0, "abc"))).isEqualTo(new Positions.Step.Skip());
    }

    @Test
    void aPieceThatLeavesAGapIsReplacedByWhatIsMissing() {
        positions.sent(answer, "r", 3);
        assertThat(positions.next(delta("r", 5, "f"))).isEqualTo(new Positions.Step.Gap());
        assertThat(positions.missing(answer, new LiveText("r", "abcdef"))).contains(delta("r", 3, "def"));
        assertThat(positions.missing(answer, new LiveText("r", "abc"))).isEmpty();
    }

    @Test
    void aNewRunIsTakenFromItsBeginningOnly() {
        positions.sent(answer, "r", 3);
        assertThat(positions.next(delta("s", 0, "A"))).isEqualTo(new Positions.Step.Send(delta("s", 0, "A")));
        assertThat(positions.next(delta("s", 4, "E"))).isEqualTo(new Positions.Step.Gap());
        assertThat(positions.missing(answer, new LiveText("s", "ABCDE"))).contains(delta("s", 0, "ABCDE"));
    }

    @Test
    void whatComesAfterTheEndIsDroppedUntilTheAnswerIsQueuedAgain() {
        positions.sent(answer, "r", 3);
        positions.end(answer);
        assertThat(positions.next(delta("r", 3, "late"))).isEqualTo(new Positions.Step.Skip());
        positions.pending(answer);
        assertThat(positions.begin(answer, "s")).isTrue();
        assertThat(positions.next(delta("s", 0, "A"))).isInstanceOf(Positions.Step.Send.class);
    }

    @Test
    void theBeginningOfARunThatComesAfterItsEndIsDropped() {
        positions.end(answer);
        assertThat(positions.begin(answer, "r")).isFalse();
        assertThat(positions.next(delta("r", 0, "late"))).isEqualTo(new Positions.Step.Skip());
    }

    @Test
    void whatIsLateOfAFailedRunIsDroppedAndTheNextRunShown() {
        positions.begin(answer, "r");
        positions.pending(answer);
        assertThat(positions.next(delta("r", 0, "late"))).isEqualTo(new Positions.Step.Skip());
        assertThat(positions.begin(answer, "s")).isTrue();
        assertThat(positions.next(delta("s", 0, "A"))).isInstanceOf(Positions.Step.Send.class);
    }

    @Test
    void howeverPiecesOverlapRepeatOrGetLostEachCharacterGoesOutOnceAndInOrder() {
        Random random = new Random(7);
        for (int round = 0; round < 500; round++) {
            Positions each = new Positions();
            StringBuilder text = new StringBuilder();
            StringBuilder shown = new StringBuilder();
            for (int step = 0; step < 40; step++) {
                int from = text.isEmpty() ? 0 : random.nextInt(text.length() + 1);
                for (int i = random.nextInt(4); i > 0; i--) {
                    text.append((char) ('a' + random.nextInt(26)));
                }
                if (random.nextInt(5) == 0 || from == text.length()) {
                    continue;
                }
                Positions.Step next = each.next(delta("r", from, text.substring(from)));
                if (next instanceof Positions.Step.Gap) {
                    each.missing(answer, new LiveText("r", text.toString()))
                            .ifPresent(piece -> show(each, shown, piece));
                } else if (next instanceof Positions.Step.Send(LiveEvent.Delta piece)) {
                    show(each, shown, piece);
                }
                assertThat(text.toString()).isEqualTo(shown.toString());
            }
        }
    }

    private void show(Positions each, StringBuilder shown, LiveEvent.Delta piece) {
        assertThat(piece.offset()).isEqualTo(shown.length());
        shown.append(piece.text());
        each.sent(answer, piece.run(), shown.length());
    }
}
