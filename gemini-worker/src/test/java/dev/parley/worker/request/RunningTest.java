package dev.parley.worker.request;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.message.AnswerRef;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class RunningTest {
    private static final AnswerRef ANSWER = new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 1, 1);

    private final List<String> sent = new ArrayList<>();

    @Test
    void aLeaseIsRenewedWhileItIsHeldAndNeverAfterItsRelease() {
        new Running().with(ANSWER, held -> {
            held.keep(run -> sent.add("renew " + run));
            held.holds("one");
            held.keep(run -> sent.add("renew " + run));
            held.letGo(run -> sent.add("release " + run));
            held.letGo(run -> sent.add("release " + run));
            held.keep(run -> sent.add("renew " + run));
            assertThat(held.run()).isEmpty();
        });
        assertThat(sent).containsExactly("renew one", "release one");
    }

    @Test
    void aReleaseWaitsForTheRenewalThatIsBeingSent() throws Exception {
        CountDownLatch renewing = new CountDownLatch(1);
        new Running().with(ANSWER, held -> {
            held.holds("one");
            Thread keeper = Thread.ofVirtual()
                    .start(() -> held.keep(run -> {
                        renewing.countDown();
                        // Long enough for the release to overtake, if it could.
                        for (int i = 0; i < 1_000; i++) {
                            Thread.yield();
                        }
                        sent.add("renew " + run);
                    }));
            try {
                renewing.await();
                held.letGo(run -> sent.add("release " + run));
                keeper.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        assertThat(sent).containsExactly("renew one", "release one");
    }
}
