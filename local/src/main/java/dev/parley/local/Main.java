package dev.parley.local;

import dev.parley.pipeline.runtime.Service;

/** All of Parley in one process on one machine: what {@code ./parley run} starts. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        Service.run("parley", System.getenv(), LocalParley::open);
    }
}
