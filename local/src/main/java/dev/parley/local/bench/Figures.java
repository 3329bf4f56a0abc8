package dev.parley.local.bench;

import java.util.Arrays;
import java.util.List;

/** Durations of one kind, in milliseconds. */
record Figures(double[] sorted) {
    static Figures ofNanos(List<Long> nanos) {
        double[] millis = nanos.stream().mapToDouble(each -> each / 1e6).toArray();
        Arrays.sort(millis);
        return new Figures(millis);
    }

    double at(double quantile) {
        return sorted[(int) Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))];
    }

    double median() {
        return at(0.5);
    }
}
