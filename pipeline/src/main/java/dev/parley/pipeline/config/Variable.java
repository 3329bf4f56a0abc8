package dev.parley.pipeline.config;

import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/** Every environment variable of Parley; the README's table has the same names, units and defaults. */
public enum Variable {
    DATABASE_URL,
    DATABASE_POOL_SIZE,
    REDIS_URL,
    RABBITMQ_URL,
    GEMINI_API_KEYS,
    GEMINI_BASE_URL,
    GEMINI_FAKE,
    GEMINI_MODEL_TEXT,
    KEYS_MAX_PER_MINUTE,
    KEYS_MAX_PER_DAY,
    KEYS_MAX_TOKENS_PER_MINUTE,
    KEYS_COOLDOWN_SECONDS,
    QUEUE_RETRY_DELAYS,
    QUEUE_MAX_RETRIES,
    REQUEST_QUEUE,
    RESPONSE_QUEUE,
    WORKER_PREFETCH_COUNT,
    HTTP_PROXY,
    CORS_ORIGINS,
    MESSAGE_MAX_CHARACTERS,
    LOG_LEVEL,
    LOG_FORMAT,
    AUTH_MODE,
    SERVER_HOST,
    SERVER_PORT,
    OBSERVE_HOST,
    OBSERVE_PORT,
    SHUTDOWN_GRACE_SECONDS,
    UI_FOLDER;

    /** Prefixes that are Parley's own: an unknown name under them is a typing error, not another program's variable. */
    private static final Set<String> OWN_PREFIXES = Set.of("GEMINI_", "KEYS_", "QUEUE_", "WORKER_", "MESSAGE_");

    private static final Set<String> NAMES =
            Arrays.stream(values()).map(Enum::name).collect(Collectors.toSet());

    static boolean looksLikeTypingError(String name) {
        String plain = name.endsWith("_FILE") ? name.substring(0, name.length() - "_FILE".length()) : name;
        // Kubernetes injects <SERVICE>_SERVICE_HOST, <SERVICE>_PORT_… for services that may share a prefix.
        return !NAMES.contains(plain)
                && OWN_PREFIXES.stream().anyMatch(name::startsWith)
                && !name.contains("_SERVICE_")
                && !name.contains("_PORT");
    }
}
