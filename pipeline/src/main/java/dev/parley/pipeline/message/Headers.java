package dev.parley.pipeline.message;

/** Our own headers on the broker's messages. Attempts and reasons are kept here, never in the broker's bookkeeping. */
public final class Headers {
    public static final String ATTEMPT = "x-parley-attempt";
    /** On a dead letter that we have published: the type of the {@link Failure}. */
    public static final String REASON = "x-parley-reason";
    /** On a dead letter that we have published: when, as RFC 3339. */
    public static final String DIED = "x-parley-died";

    /** On a request that was in flight when its worker was lost: how often, before this copy of it was made. */
    public static final String CRASHES = "x-parley-crashes";
    /** The {@link #REASON} of a request that was in flight in too many crashes. */
    public static final String POISON = Failure.URN + "request-failed";

    private Headers() {}
}
