package dev.parley.worker.key;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * An API key that cannot be printed by accident: its text form is a short hash, enough to tell keys apart in a log.
 *
 * @param secret the key itself; visible ASCII without spaces, as it travels in a header
 */
public record ApiKey(String secret) {
    public ApiKey {
        if (secret == null || secret.isEmpty() || !secret.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            // Says nothing of the value: the message may reach a log.
            throw new IllegalArgumentException("an API key is empty or has characters that cannot stand in a header");
        }
    }

    /** The first eight hex digits of the key's SHA-256, stable over restarts. */
    public String hash() {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(secret.getBytes(StandardCharsets.US_ASCII));
            return HexFormat.of().formatHex(digest, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return "key:" + hash();
    }
}
