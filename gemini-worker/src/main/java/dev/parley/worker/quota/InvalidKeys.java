package dev.parley.worker.quota;

import java.util.List;

/** A keys file has mistakes. Each problem is one line that names the place and never a key. */
public final class InvalidKeys extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    InvalidKeys(List<String> problems) {
        super(String.join("\n", problems));
        this.problems = List.copyOf(problems);
    }

    public List<String> problems() {
        return problems;
    }
}
