package dev.parley.worker.gemini;

import dev.parley.pipeline.message.AnswerUpdate.Usage;
import dev.parley.pipeline.message.Failure;
import java.time.Duration;
import java.util.Optional;

/** What became of one call to the model. */
public sealed interface CallOutcome {
    /**
     * A finish reason was seen, so the text is whole.
     *
     * @param text never empty
     * @param model the version that answered, as the model names itself; else the one asked for
     * @param notice for the user when the answer was cut at the token limit
     */
    record Finished(String text, FinishReason reason, Usage usage, String model, Optional<Failure> notice)
            implements CallOutcome {}

    enum FinishReason {
        STOP,
        MAX_TOKENS
    }

    /**
     * The call was cancelled, or its thread interrupted.
     *
     * @param requestSent whether it may have cost quota
     * @param textSoFar what the listener has heard
     */
    record Cancelled(boolean requestSent, String textSoFar) implements CallOutcome {}

    /** No answer. */
    sealed interface Failed extends CallOutcome {
        /** For the user: without internals or secrets. */
        Failure failure();

        /**
         * Whether any of the request may have left this machine. When not, a retry spends no attempt: nothing can have
         * been paid for.
         */
        boolean requestSent();

        /** For logs and metrics: a few words such as {@code HTTP 503 UNAVAILABLE}; no content, key or address. */
        String diagnosis();
    }

    /**
     * The key's fault: another one may work at once.
     *
     * @param retryDelay how long the model asks to wait; empty when it did not say
     * @param perDay the day's quota is spent, which outranks {@code retryDelay}: cool until midnight Pacific
     */
    record KeyTrouble(
            Remedy remedy,
            Reason reason,
            Optional<Duration> retryDelay,
            boolean perDay,
            Failure failure,
            String diagnosis)
            implements Failed {
        public enum Remedy {
            COOL,
            /** Until an operator has looked: raise an alert. */
            DISABLE
        }

        /** Stable codes, for alerts and metrics. */
        public enum Reason {
            RATE_LIMITED,
            DAILY_QUOTA,
            INVALID_KEY,
            ACCOUNT_EXHAUSTED,
            KEY_FORBIDDEN
        }

        @Override
        public boolean requestSent() {
            return true;
        }
    }

    /** In passing: the same request may work later. */
    record Transient(Kind kind, boolean requestSent, Failure failure, String diagnosis) implements Failed {
        public enum Kind {
            /** 500, and statuses that say nothing better. */
            SERVER_ERROR,
            /** 502. */
            BAD_GATEWAY,
            /** 503. */
            OVERLOADED,
            /** 504, or 408: the model's side gave up waiting. */
            UPSTREAM_TIMEOUT,
            /** No connection to the model: refused, name unknown, TLS failed. */
            CONNECT_FAILED,
            /** No tunnel: the proxy is away or refused it. */
            PROXY_FAILED,
            /** Neither within the connect timeout. */
            CONNECT_TIMEOUT,
            /** Connected when the permission to call under the quota was over already. */
            TOO_LATE,
            /** Sent, and no byte came back in time. */
            FIRST_BYTE_TIMEOUT,
            /** The stream paused for too long. */
            IDLE_TIMEOUT,
            /** The whole call took too long. */
            TOTAL_TIMEOUT,
            /** The connection broke after the request was sent. */
            CONNECTION_LOST,
            /** The stream ended in order but without a finish reason. */
            CUT_STREAM,
            /** What came back is not what Gemini sends, or is larger than the bounds allow. */
            UNREADABLE
        }
    }

    /** Trying again will not help. */
    record Final(Failure failure, boolean requestSent, String diagnosis) implements Failed {}
}
