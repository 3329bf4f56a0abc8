package dev.parley.worker.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.message.AnswerUpdate.Usage;
import dev.parley.worker.gemini.CallOutcome.Cancelled;
import dev.parley.worker.gemini.CallOutcome.Final;
import dev.parley.worker.gemini.CallOutcome.Finished;
import dev.parley.worker.gemini.CallOutcome.KeyTrouble;
import dev.parley.worker.gemini.CallOutcome.Transient;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the fake does not say but the real model may. */
class AnswerTest {
    private static final CallOutcome UNFINISHED = new Cancelled(true, "unfinished");

    private final List<String> deltas = new ArrayList<>();
    private final Answer answer = new Answer("asked-model", 1_000, deltas::add);

    private Answer hear(String... chunks) {
        for (String chunk : chunks) {
            answer.accept(chunk.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
        }
        return answer;
    }

    @Test
    void thoughtsAreCountedButNotShown() {
        hear(
                "{'candidates':[{'content':{'parts':[{'thought':true,'text':'hm'},{'text':'yes'}]}}]}",
                "{'candidates':[{'finishReason':'STOP'}],'modelVersion':'m-1',"
                        + "'usageMetadata':{'promptTokenCount':3,'candidatesTokenCount':4,'thoughtsTokenCount':50}}");
        assertThat(answer.outcome(UNFINISHED)).isInstanceOfSatisfying(Finished.class, finished -> {
            assertThat(finished.text()).isEqualTo("yes");
            assertThat(finished.usage()).isEqualTo(new Usage(3, 54));
            assertThat(finished.model()).isEqualTo("m-1");
        });
        assertThat(deltas).containsExactly("yes");
    }

    @Test
    void anEscapedPairSplitBetweenEventsArrivesWhole() {
        hear(
                "{'candidates':[{'content':{'parts':[{'text':'a\\ud83d'}]}}]}",
                "{'candidates':[{'content':{'parts':[{'text':'\\ude00b'}]},'finishReason':'STOP'}]}");
        assertThat(deltas).containsExactly("a", "😀b");
        assertThat(answer.outcome(UNFINISHED)).isInstanceOfSatisfying(Finished.class, f -> assertThat(f.text())
                .isEqualTo("a😀b"));
    }

    @Test
    void withoutAFinishReasonNothingIsFinished() {
        hear("{'candidates':[{'content':{'parts':[{'text':'a'}]}}]}", "{'usageMetadata':{'promptTokenCount':3}}");
        assertThat(answer.outcome(UNFINISHED)).isSameAs(UNFINISHED);
    }

    @Test
    void onlyBlanksAreAnEmptyAnswer() {
        hear("{'candidates':[{'content':{'parts':[{'text':' \\n'}]},'finishReason':'STOP'}]}");
        assertThat(answer.outcome(UNFINISHED)).isInstanceOfSatisfying(Final.class, f -> assertThat(f.failure())
                .isEqualTo(Sentences.EMPTY));
    }

    @Test
    void theLimitUsedUpByThoughtsIsSaidSo() {
        hear("{'candidates':[{'finishReason':'MAX_TOKENS'}]}");
        assertThat(answer.outcome(UNFINISHED)).isInstanceOfSatisfying(Final.class, f -> assertThat(f.failure())
                .isEqualTo(Sentences.EMPTY_AT_LIMIT));
    }

    @Test
    void anErrorInTheStreamOutranksTheTextBeforeIt() {
        hear(
                "{'candidates':[{'content':{'parts':[{'text':'a'}]}}]}",
                "{'error':{'status':'RESOURCE_EXHAUSTED','details':[{'retryDelay':'1.5s'}]}}",
                "{'candidates':[{'content':{'parts':[{'text':'b'}]},'finishReason':'STOP'}]}");
        assertThat(answer.outcome(UNFINISHED)).isInstanceOfSatisfying(KeyTrouble.class, k -> assertThat(k.retryDelay())
                .hasValueSatisfying(d -> assertThat(d.toMillis()).isEqualTo(1500)));
        assertThat(deltas).containsExactly("a");
    }

    @Test
    void whatIsNoChunkIsUnreadable() {
        hear("[1]");
        assertThat(answer.outcome(UNFINISHED)).isInstanceOf(Transient.class);
    }
}
