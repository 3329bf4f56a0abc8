package dev.parley.pipeline.redis;

/** Redis is away or too slow; the caller goes on without its help. */
public final class RedisUnavailable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param cause may be null */
    public RedisUnavailable(String message, Throwable cause) {
        super(message, cause);
    }
}
