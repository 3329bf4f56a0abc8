package dev.parley.pipeline.broker;

/** What came of walking through a queue. */
public sealed interface Walk {
    /**
     * @param seen messages that were looked at
     * @param removed of them
     * @param left in the queue afterwards, as far as the walker knows: what came meanwhile is not counted
     */
    record Done(int seen, int removed, long left) implements Walk {}

    /** Somebody else walks through the same queue. */
    record Busy() implements Walk {}

    /** The broker is away, or went away. What was removed before that stays removed. */
    record Away() implements Walk {}

    /** What is to become of a message. */
    enum Step {
        KEEP,
        REMOVE,
        /** Keep this one and look at no more. */
        STOP
    }
}
