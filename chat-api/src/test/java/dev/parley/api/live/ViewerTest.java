package dev.parley.api.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.live.LiveEvent;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ViewerTest {
    private static final Duration QUIET = Duration.ofSeconds(15);

    private final Viewer viewer = new Viewer(UUID.randomUUID(), QUIET);

    private static HubEvent event(int n) {
        return new HubEvent.Live(new LiveEvent.Delta(new UUID(0, 1), "run", n, "x"));
    }

    @Test
    void eventsComeInTheirOrder() throws InterruptedException {
        viewer.offer(List.of(event(1)));
        viewer.offer(List.of(event(2)));
        assertThat(viewer.next()).isEqualTo(new Viewer.Signal.Happened(event(1)));
        assertThat(viewer.next()).isEqualTo(new Viewer.Signal.Happened(event(2)));
    }

    @Test
    void aLongSilenceIsToldOnceAndEventsBeginItAnew() throws InterruptedException {
        long soon = System.nanoTime() + QUIET.toNanos() / 2;
        long late = System.nanoTime() + 2 * QUIET.toNanos();
        viewer.tick(soon);
        viewer.offer(List.of(event(1)));
        viewer.tick(late);
        assertThat(viewer.next()).isEqualTo(new Viewer.Signal.Happened(event(1)));
        viewer.tick(soon);
        viewer.tick(late);
        assertThat(viewer.next()).isEqualTo(new Viewer.Signal.Quiet());
        viewer.offer(List.of(event(2)));
        assertThat(viewer.next()).isEqualTo(new Viewer.Signal.Happened(event(2)));
    }

    @Test
    void aReaderThatFallsBehindBeginsAnewAndMissesNothingAfterThat() throws InterruptedException {
        for (int i = 0; i < 10_000; i++) {
            viewer.offer(List.of(event(i)));
        }
        assertThat(viewer.next()).isEqualTo(new Viewer.Signal.Resync());
        // From the moment the snapshot may be read, everything is kept again.
        viewer.offer(List.of(event(10_000)));
        assertThat(viewer.next()).isEqualTo(new Viewer.Signal.Happened(event(10_000)));
    }

    @Test
    void anEndOvertakesWhatIsQueued() throws InterruptedException {
        viewer.offer(List.of(event(1)));
        viewer.end();
        assertThat(viewer.next()).isEqualTo(new Viewer.Signal.Ended());
    }
}
