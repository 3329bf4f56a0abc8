package dev.parley.pipeline.message;

/**
 * Why an answer failed or has to wait, as the user reads it.
 *
 * @param type stable, {@code urn:parley:problem:<name>}
 * @param title a few words
 * @param detail what happened and what to do, in a sentence without internals or secrets
 */
public record Failure(String type, String title, String detail) {
    public static final String URN = "urn:parley:problem:";

    public static Failure of(String name, String title, String detail) {
        return new Failure(URN + name, title, detail);
    }
}
