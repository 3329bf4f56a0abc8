package dev.parley.worker.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.worker.gemini.CallOutcome.Failed;
import dev.parley.worker.gemini.CallOutcome.Final;
import dev.parley.worker.gemini.CallOutcome.KeyTrouble;
import dev.parley.worker.gemini.CallOutcome.Transient;
import java.nio.charset.StandardCharsets;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClassifierTest {
    private static Failed classify(int status, String body) {
        byte[] bytes = body.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        return Classifier.classify(ApiError.ofBody(status, bytes), "some-model", "HTTP");
    }

    @Test
    void everyStatusHasAClassAndASentence() {
        IntStream.rangeClosed(100, 599).filter(status -> status != 200).forEach(status -> {
            Failed failed = classify(status, "<html>an odd page</html>");
            assertThat(failed.failure().detail()).endsWith(".");
            assertThat(failed.diagnosis()).isEqualTo("HTTP " + status);
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "null", "[]", "{}", "{'error':null}", "{'error':'text'}", "[{'error':{'code':429}}]", "{"})
    void aLimitWithoutAReadableBodyIsStillALimit(String body) {
        assertThat(classify(429, body)).isInstanceOfSatisfying(KeyTrouble.class, trouble -> {
            assertThat(trouble.retryDelay()).isEmpty();
            assertThat(trouble.perDay()).isFalse();
        });
    }

    @ParameterizedTest
    @CsvSource({"-5s", "45.8", "1e9s", "99999999999s", "soon", "''"})
    void aDelayThatIsNoneIsNotBelieved(String delay) {
        assertThat(classify(429, "{'error':{'details':[{'retryDelay':'" + delay + "'}]}}"))
                .isInstanceOfSatisfying(KeyTrouble.class, trouble -> assertThat(trouble.retryDelay())
                        .isEmpty());
    }

    @Test
    void anExpiredKeyIsTheKeysFaultAndACountryIsNot() {
        assertThat(classify(400, "{'error':{'status':'INVALID_ARGUMENT','details':[{'reason':'API_KEY_EXPIRED'}]}}"))
                .isInstanceOf(KeyTrouble.class);
        assertThat(classify(400, "{'error':{'status':'FAILED_PRECONDITION'}}"))
                .isInstanceOfSatisfying(
                        Final.class, failed -> assertThat(failed.failure()).isEqualTo(Sentences.NOT_OFFERED));
    }

    @Test
    void aConversationThatIsTooLongIsSaidSo() {
        assertThat(classify(400, "{'error':{'message':'The input token count (9) exceeds the maximum'}}"))
                .isInstanceOfSatisfying(
                        Final.class, failed -> assertThat(failed.failure()).isEqualTo(Sentences.CONVERSATION_TOO_LONG));
    }

    @ParameterizedTest
    @CsvSource({
        "SAFETY, answer-blocked",
        "BLOCKLIST, answer-blocked",
        "PROHIBITED_CONTENT, answer-blocked",
        "SPII, answer-blocked",
        "IMAGE_SAFETY, answer-blocked",
        "IMAGE_PROHIBITED_CONTENT, answer-blocked",
        "RECITATION, answer-recitation",
        "IMAGE_RECITATION, answer-recitation",
        "LANGUAGE, answer-language",
        "OTHER, answer-stopped",
        "MALFORMED_FUNCTION_CALL, answer-stopped",
        "A_REASON_YET_TO_COME, answer-stopped",
    })
    void everyReasonToStopHasASentenceThatSaysWhatToDo(String finishReason, String type) {
        Final stopped = Classifier.stopped(finishReason);
        assertThat(stopped.failure().type()).isEqualTo("urn:parley:problem:" + type);
        assertThat(stopped.failure().detail()).containsAnyOf("Another", "another", "other words");
    }

    @Test
    void aRedirectIsNotFollowedAndPasses() {
        assertThat(classify(302, "")).isInstanceOf(Transient.class);
    }

    @Test
    void nothingThatTheOtherSideWroteByHandIsPassedOn() {
        assertThat(classify(403, "{'error':{'status':'secret words','message':'api_key:AIzaSecret suspended'}}")
                        .toString())
                .doesNotContain("AIzaSecret", "secret words");
    }
}
