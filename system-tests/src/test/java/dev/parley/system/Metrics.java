package dev.parley.system;

import dev.parley.local.process.ServiceProcess;
import java.util.Arrays;
import java.util.List;

/** A page of metrics, read as Prometheus would. */
record Metrics(List<String> lines) {
    static Metrics of(ServiceProcess service) {
        return new Metrics(service.metrics().lines().toList());
    }

    /** The samples of a series that have all these labels, each as in {@code route="/api/chats"}. */
    private List<String> samples(String name, String... labels) {
        return lines.stream()
                .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
                .filter(line -> Arrays.stream(labels).allMatch(line::contains))
                .toList();
    }

    boolean has(String name, String... labels) {
        return !samples(name, labels).isEmpty();
    }

    double sum(String name, String... labels) {
        return samples(name, labels).stream()
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }
}
