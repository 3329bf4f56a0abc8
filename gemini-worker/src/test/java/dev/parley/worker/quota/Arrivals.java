package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The provider's view: when calls arrived, and whether any rolling window held too many. Thread-safe. */
final class Arrivals {
    private final Map<String, List<Long>> byGroup = new ConcurrentHashMap<>();

    void add(String group, long time) {
        byGroup.compute(group, (name, times) -> {
            List<Long> list = times == null ? new ArrayList<>() : times;
            list.add(time);
            return list;
        });
    }

    int total() {
        return byGroup.values().stream().mapToInt(List::size).sum();
    }

    List<Long> of(String group) {
        return byGroup.getOrDefault(group, List.of());
    }

    void assertNeverOver(int limit, long window) {
        byGroup.forEach((group, times) -> {
            List<Long> sorted = times.stream().sorted().toList();
            for (int i = limit; i < sorted.size(); i++) {
                assertThat(sorted.get(i) - sorted.get(i - limit))
                        .as("from call %d to call %d of %s", i - limit, i, group)
                        .isGreaterThanOrEqualTo(window);
            }
        });
    }
}
