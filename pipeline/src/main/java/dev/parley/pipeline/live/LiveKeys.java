package dev.parley.pipeline.live;

import java.util.UUID;

/** The names under which running answers live in Redis. The hash tag keeps an answer's keys on one cluster node. */
public final class LiveKeys {
    private LiveKeys() {}

    /** Holds the id of the run that may write, and expires unless that run renews it. */
    static String lease(UUID answer) {
        return "parley:{" + answer + "}:lease";
    }

    /** Holds the run's id followed by its text so far. */
    static String text(UUID answer) {
        return "parley:{" + answer + "}:text";
    }

    /** Holds the finished result until the API has surely stored it. */
    static String result(UUID answer) {
        return "parley:{" + answer + "}:result";
    }

    /** Holds the smallest order a try must have to be worth running. */
    static String floor(UUID answer) {
        return "parley:{" + answer + "}:floor";
    }

    public static final String CHAT_CHANNEL_PREFIX = "parley:chat:";

    /** The channel on which a chat's viewers hear of it. */
    public static String chatChannel(UUID chat) {
        return CHAT_CHANNEL_PREFIX + chat;
    }

    /** The channel on which workers hear that tries became obsolete: {@code <answer>:<floor>}. */
    public static final String REVOKED_CHANNEL = "parley:revoked";
}
