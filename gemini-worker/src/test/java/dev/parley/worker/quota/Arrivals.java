package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongFunction;
import java.util.stream.Collectors;

/** The provider's view: when calls arrived, and whether any rolling window held too many. Thread-safe. */
final class Arrivals {
    private record Call(long at, int tokens) {}

    private final Map<String, List<Call>> byLane = new ConcurrentHashMap<>();

    void add(String lane, long time) {
        add(lane, time, 0);
    }

    void add(String lane, long time, int tokens) {
        byLane.compute(lane, (name, calls) -> {
            List<Call> list = calls == null ? new ArrayList<>() : calls;
            list.add(new Call(time, tokens));
            return list;
        });
    }

    int total() {
        return byLane.values().stream().mapToInt(List::size).sum();
    }

    List<Long> of(String lane) {
        return byLane.getOrDefault(lane, List.of()).stream().map(Call::at).toList();
    }

    private List<Call> sorted(String lane) {
        return byLane.get(lane).stream()
                .sorted(Comparator.comparingLong(Call::at))
                .toList();
    }

    void assertNeverOver(int limit, long window) {
        byLane.keySet().forEach(lane -> {
            List<Call> sorted = sorted(lane);
            for (int i = limit; i < sorted.size(); i++) {
                assertThat(sorted.get(i).at() - sorted.get(i - limit).at())
                        .as("from call %d to call %d of %s", i - limit, i, lane)
                        .isGreaterThanOrEqualTo(window);
            }
        });
    }

    /** A call that alone is over the limit counts as the limit. */
    void assertTokensNeverOver(int limit, long window) {
        byLane.keySet().forEach(lane -> {
            List<Call> sorted = sorted(lane);
            long sum = 0;
            int first = 0;
            for (Call call : sorted) {
                sum += Math.min(limit, call.tokens());
                while (call.at() - sorted.get(first).at() >= window) {
                    sum -= Math.min(limit, sorted.get(first++).tokens());
                }
                assertThat(sum).as("tokens of %s up to %d", lane, call.at()).isLessThanOrEqualTo(limit);
            }
        });
    }

    /** The most calls of a lane in one of the periods that this tells apart. */
    int mostOf(LongFunction<Object> period) {
        return byLane.values().stream()
                .flatMap(calls -> calls.stream()
                        .collect(Collectors.groupingBy(call -> period.apply(call.at()), Collectors.counting()))
                        .values()
                        .stream())
                .mapToInt(Long::intValue)
                .max()
                .orElse(0);
    }
}
