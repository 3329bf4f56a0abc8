package dev.parley.dev.server;

import java.io.IOException;
import java.nio.file.Path;

/** A program of its own that starts the three servers, says where they are, and stays until its input ends. */
final class Parent {
    private Parent() {}

    public static void main(String[] arguments) throws IOException {
        try (DevServices services = DevServices.start(Path.of(arguments[0]), DevServices.Options.forTests())) {
            System.out.println(services.postgres().url());
            System.out.println(services.redis().url());
            System.out.println(services.rabbit().url());
            System.out.flush();
            while (System.in.read() >= 0) {
                // whoever started us may talk; only the end counts
            }
        }
    }
}
