package dev.parley.pipeline.redis;

import io.lettuce.core.RedisCommandTimeoutException;
import java.util.concurrent.TimeoutException;

/** Redis is away or too slow; the caller goes on without its help. */
public final class RedisUnavailable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param cause may be null */
    public RedisUnavailable(String message, Throwable cause) {
        super(message, cause);
    }

    /** Whether it was connected and no answer came in time; what was asked for may have been done. */
    public boolean timedOut() {
        return getCause() instanceof RedisCommandTimeoutException || getCause() instanceof TimeoutException;
    }
}
