package dev.parley.pipeline.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LifecycleTest {
    private final List<String> closed = new ArrayList<>();
    private final Lifecycle lifecycle = new Lifecycle();

    @Test
    void whatWasOpenedLastIsClosedFirst() {
        lifecycle.opened("a", () -> closed.add("a"));
        lifecycle.opened("b", () -> closed.add("b"));
        lifecycle.opened("c", () -> closed.add("c"));
        lifecycle.close();
        assertThat(closed).containsExactly("c", "b", "a");
    }

    @Test
    void aComponentThatFailsToCloseDoesNotKeepTheOthersOpen() {
        lifecycle.opened("a", () -> closed.add("a"));
        lifecycle.opened("b", () -> {
            throw new IllegalStateException("stuck");
        });
        lifecycle.opened("c", () -> closed.add("c"));
        lifecycle.close();
        assertThat(closed).containsExactly("c", "a");
    }

    @Test
    void closingTwiceClosesOnce() {
        lifecycle.opened("a", () -> closed.add("a"));
        lifecycle.close();
        lifecycle.close();
        assertThat(closed).containsExactly("a");
    }

    @Test
    void whatIsOpenedAfterTheCloseIsClosedAtOnceAndItsOpenerStops() {
        lifecycle.close();
        assertThatThrownBy(() -> lifecycle.opened("late", () -> closed.add("late")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("late");
        assertThat(closed).containsExactly("late");
    }

    @Test
    void theComponentItselfIsHandedBack() {
        AutoCloseable component = () -> {};
        assertThat(lifecycle.opened("same", component)).isSameAs(component);
        lifecycle.close();
    }
}
