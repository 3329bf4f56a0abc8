package dev.parley.worker.key;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** An API key that cannot be printed by accident: its text form is a short hash, enough to tell keys apart in a log. */
public final class ApiKey {
    private final String secret;
    private final String hash;

    /**
     * @param secret the key itself; visible ASCII without spaces, as it travels in a header
     * @throws IllegalArgumentException when it is not that
     */
    public ApiKey(String secret) {
        if (secret == null || secret.isEmpty() || !secret.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            // Says nothing of the value: the message may reach a log.
            throw new IllegalArgumentException("an API key is empty or has characters that cannot stand in a header");
        }
        this.secret = secret;
        this.hash = hash(secret);
    }

    public String secret() {
        return secret;
    }

    /** The first eight hex digits of the key's SHA-256, stable over restarts. */
    public String hash() {
        return hash;
    }

    private static String hash(String secret) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(secret.getBytes(StandardCharsets.US_ASCII));
            return HexFormat.of().formatHex(digest, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ApiKey key && key.secret.equals(secret);
    }

    @Override
    public int hashCode() {
        return secret.hashCode();
    }

    @Override
    public String toString() {
        return "key:" + hash;
    }
}
