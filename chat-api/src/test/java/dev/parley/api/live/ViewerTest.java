package dev.parley.api.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.pipeline.live.LiveEvent;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ViewerTest {
    private final Viewer viewer = new Viewer(UUID.randomUUID());

    private static HubEvent event(int n) {
        return new HubEvent.Live(new LiveEvent.Delta(new UUID(0, 1), "run", n, "x"));
    }

    @Test
    void eventsComeInTheirOrder() throws InterruptedException {
        viewer.offer(List.of(event(1)));
        viewer.offer(List.of(event(2)));
        assertThat(viewer.next(0)).isEqualTo(new Viewer.Signal.Happened(event(1)));
        assertThat(viewer.next(0)).isEqualTo(new Viewer.Signal.Happened(event(2)));
        assertThat(viewer.next(0)).isEqualTo(new Viewer.Signal.Quiet());
    }

    @Test
    void aReaderThatFallsBehindBeginsAnewAndMissesNothingAfterThat() throws InterruptedException {
        for (int i = 0; i < 10_000; i++) {
            viewer.offer(List.of(event(i)));
        }
        assertThat(viewer.next(0)).isEqualTo(new Viewer.Signal.Resync());
        // From the moment the snapshot may be read, everything is kept again.
        viewer.offer(List.of(event(10_000)));
        assertThat(viewer.next(0)).isEqualTo(new Viewer.Signal.Happened(event(10_000)));
    }

    @Test
    void anEndOvertakesWhatIsQueued() throws InterruptedException {
        viewer.offer(List.of(event(1)));
        viewer.end();
        assertThat(viewer.next(0)).isEqualTo(new Viewer.Signal.Ended());
    }
}
