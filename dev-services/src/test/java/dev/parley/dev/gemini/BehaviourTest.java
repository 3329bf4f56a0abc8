package dev.parley.dev.gemini;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BehaviourTest {
    @Test
    void aMarkerIsReadFromTheMiddleOfAText() {
        Behaviour read = Behaviour.ofPrompt("Tell me [[fake first=800ms chunk=0.05s chunks=20 size=4000 status=429"
                        + " quota=day retry=12.5s without=retryInfo,quotaFailure times=2]] a story")
                .orElseThrow();

        assertThat(read)
                .isEqualTo(new Behaviour(
                        Optional.of(Duration.ofMillis(800)),
                        Optional.of(Duration.ofMillis(50)),
                        OptionalInt.of(20),
                        OptionalInt.of(4_000),
                        Optional.empty(),
                        Optional.empty(),
                        OptionalInt.empty(),
                        Optional.of(new Fault.Status(
                                429,
                                Fault.Quota.DAY,
                                Duration.ofMillis(12_500),
                                Set.of(Fault.Piece.RETRY_INFO, Fault.Piece.QUOTA_FAILURE),
                                Optional.empty())),
                        OptionalInt.of(2)));
    }

    @Test
    void aTextWithoutMarkerAsksForNothing() {
        assertThat(Behaviour.ofPrompt("a [[link]] to [fake], and [[faked]]")).isEmpty();
        assertThat(Behaviour.ofPrompt("[[fake]]")).contains(Behaviour.NORMAL);
        assertThat(Behaviour.withoutMarker("one [[fake short]] two")).isEqualTo("one  two");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "first=800ms chunk=50ms chunks=20 size=4000",
                "status=429 quota=day retry=12.5s without=quotaFailure,retryInfo times=3",
                "status=400 reason=API_KEY_INVALID",
                "error=503",
                "reset=before",
                "hang=middle at=3",
                "cut=clean",
                "cut=abrupt",
                "blocked=SAFETY",
                "finish=RECITATION",
                "empty",
                "malformed",
                "line=2000000",
                "answer=\"two words\" gate=door at=0"
            })
    void whatIsShownOfABehaviourReadsBackAsTheSame(String words) {
        Behaviour behaviour = Behaviour.ofWords(words);
        assertThat(Behaviour.ofJson(new ObjectMapper().valueToTree(behaviour.fields())))
                .isEqualTo(behaviour);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "first=soon; first",
                "first=5; first",
                "chunk=2h; chunk",
                "chunks=0; chunks",
                "chunks=many; chunks",
                "size=10000001; size",
                "status=200; status",
                "status=429 quota=year; quota",
                "quota=day; quota",
                "status=500 retry=1s; retry",
                "status=429 without=soul; without",
                "without=details; without",
                "status=403 reason=lower; reason",
                "finish=STOP reason=X; reason",
                "reset=later; reset",
                "hang=; marker",
                "hang; hang",
                "cut=off; cut",
                "blocked=safety; blocked",
                "status=500 reset=before; reset",
                "times=0; times",
                "at=-1; at",
                "size=5 short; short",
                "size=5 answer=x; answer",
                "answer=\"\"; answer",
                "gate=a/b; gate",
                "empty=maybe; empty",
                "first=1s first=2s; first",
                "colour=red; colour",
                "first=1s =3; marker"
            })
    void aWrongWordIsNamed(String words, String field) {
        InvalidBehaviour wrong = catchThrowableOfType(InvalidBehaviour.class, () -> Behaviour.ofWords(words));
        assertThat(wrong).isNotNull();
        assertThat(wrong.field()).isEqualTo(field);
        assertThat(wrong).hasMessageStartingWith(field + ": ");
    }

    @Test
    void twoMarkersAreOneTooMany() {
        assertThat(catchThrowableOfType(
                                InvalidBehaviour.class, () -> Behaviour.ofPrompt("[[fake short]] [[fake short]]"))
                        .field())
                .isEqualTo("marker");
    }
}
