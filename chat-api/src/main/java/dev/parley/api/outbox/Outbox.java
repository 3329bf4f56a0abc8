package dev.parley.api.outbox;

/** Where requests go on their way to the broker. Both methods are called after the commit, and a crash may lose the call. */
public interface Outbox {
    /** Publishes what has just been accepted, if that is possible without waiting. */
    void hand(OutboxEntry accepted);

    /** Something else is due: a released follow-up, a retry. */
    void wake();
}
