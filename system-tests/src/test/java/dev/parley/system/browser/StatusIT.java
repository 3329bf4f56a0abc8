package dev.parley.system.browser;

import static dev.parley.system.browser.Tab.expect;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The honest status line: what is the case with an answer that is not there yet, until when, and what can be done. */
@ExtendWith(OnStage.class)
class StatusIT {
    @Test
    void aFollowUpSaysThatItWaitsForTheAnswerBeforeIt(Stage stage, Tab tab) {
        tab.send("[[fake gate=first at=1]] The first");
        expect(tab.answer("generating")).isVisible();
        tab.send("The second");
        expect(tab.answer("queued").getByTestId("status-line")).containsText("Waits for the answer above");
        tab.awaitHeld("first");
        stage.gemini().release("first");
        expect(tab.answers("completed")).hasCount(2);
        expect(tab.find("status-line")).hasCount(0);
    }

    @Test
    void anAnswerWithoutQuotaCountsDownAndComesByItself(Tab tab) {
        tab.find("model").selectOption(Stage.OTHER_MODEL);
        // Both keys of the fake are told to wait.
        tab.send("[[fake status=429 quota=minute retry=12s times=2]] Please");
        Locator line = tab.answer("queued").getByTestId("status-line");
        expect(line).containsText("Waits for its turn under the quota · next in line · expected in about");
        expect(line.getByTestId("wait")).isVisible();
        expect(line.getByTestId("cancel")).isVisible();
        expect(line).containsText(Pattern.compile("expected (in a few seconds|any moment)"));
        expect(tab.answer("completed")).isVisible();
        tab.find("details-button").click();
        expect(tab.find("details")).containsText(Stage.OTHER_MODEL);
    }

    @Test
    void aRetryingAnswerSaysWhyAndCountsDown(Tab tab) {
        tab.send("[[fake status=503 times=3]] Please");
        Locator line = tab.answer("retrying").getByTestId("status-line");
        expect(line).containsText("Attempt 2 of 2");
        expect(line).containsText(Pattern.compile("next try in (1:00:00|59:\\d\\d|5\\d:\\d\\d)"));
        expect(line.getByTestId("wait")).isVisible();
        String seen = line.locator("p").first().innerText();
        assertThat(seen.split(" · ")).as("attempt, reason and time").hasSize(3);
        expect(line.locator("p").first()).not().hasText(seen);
        tab.page().reload();
        expect(tab.answer("retrying").getByTestId("status-line")).containsText("Attempt 2 of 2");
        tab.answer("retrying").getByTestId("retry").click();
        expect(tab.answer("completed")).isVisible();
    }

    @Test
    void aRetryingAnswerCanBeCancelled(Tab tab) {
        tab.send("[[fake status=503]] Again");
        expect(tab.answer("retrying")).isVisible();
        tab.answer("retrying").getByTestId("cancel").click();
        expect(tab.answer("cancelled").getByTestId("status-line")).containsText("Cancelled");
        tab.page().reload();
        expect(tab.answer("cancelled")).isVisible();
    }

    @Test
    void anAnswerThatFailsSaysWhyInPlainWordsAndCanBeTriedAgain(Tab tab) {
        tab.send("[[fake status=400 times=1]] Refused");
        Locator failed = tab.answer("failed").getByTestId("status-line");
        expect(failed).isVisible();
        assertThat(failed.innerText())
                .matches("(?s).*[a-z]+ [a-z]+.*")
                .doesNotContain("urn:", "{", "INVALID_ARGUMENT", "Exception", "400");
        failed.getByTestId("retry").click();
        expect(tab.answer("completed")).isVisible();
    }

    @Test
    void afterTwoFailedAnswersTheNextIsGivenAsIfNothingHadBeen(Tab tab) {
        tab.send("[[fake status=400]] The first that fails");
        expect(tab.answers("failed")).hasCount(1);
        tab.send("[[fake status=400]] The second that fails");
        expect(tab.answers("failed")).hasCount(2);
        tab.send("[[fake short]] The one that goes well");
        expect(tab.answer("completed")).containsText("The one that goes well");
    }

    @Test
    void whatTheModelRefusesSaysSo(Tab tab) {
        tab.send("[[fake blocked=PROHIBITED_CONTENT]] Blocked");
        Locator failed = tab.answer("failed").getByTestId("status-line");
        expect(failed).isVisible();
        assertThat(failed.innerText()).doesNotContain("urn:", "PROHIBITED_CONTENT");
    }

    @Test
    void anAnswerThatIsWrittenOutOfSightDoesNotSayThatItIsSeen(Stage stage, Tab tab) {
        tab.send("[[fake gate=unseen at=12 size=1500]] Go on without me");
        tab.awaitHeld("unseen");
        Locator line = tab.find("status-line");
        expect(line).containsText("Writing…");
        tab.offline(true);
        expect(line).containsText("No connection right now");
        expect(line).containsText("The answer is being written all the same, and is here when you are back.");
        expect(line).not().containsText("Writing…");
        stage.gemini().release("unseen");
        tab.offline(false);
        expect(tab.answer("completed")).isVisible();
        expect(line).hasCount(0);
    }

    @Test
    void whoIsOfflineIsToldAndToldWhenItIsOver(Tab tab) {
        expect(tab.find("fake")).isVisible();
        expect(tab.find("health")).isEmpty();
        tab.offline(true);
        expect(tab.find("health")).containsText("You are offline.");
        expect(tab.find("health")).containsText("What you write is kept");
        tab.offline(false);
        expect(tab.find("health")).isEmpty();
    }
}
