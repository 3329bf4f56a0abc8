package dev.parley.worker.gemini;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.parley.pipeline.message.Json;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What Google's APIs say of an error (https://cloud.google.com/apis/design/errors), each part of which may be missing.
 *
 * @param code the HTTP status, or that of the error inside a stream
 * @param status such as {@code RESOURCE_EXHAUSTED}, else empty
 * @param message for people; it may hold the key or the prompt, so it is looked at and never passed on
 * @param reasons of ErrorInfo, such as {@code API_KEY_INVALID}
 * @param quotaIds of QuotaFailure
 */
record ApiError(
        int code,
        String status,
        String message,
        List<String> reasons,
        List<String> quotaIds,
        Optional<Duration> retryDelay) {
    private static final Duration LONGEST_DELAY = Duration.ofDays(1);
    private static final Map<String, Integer> CODES = Map.of(
            "INVALID_ARGUMENT", 400,
            "FAILED_PRECONDITION", 400,
            "UNAUTHENTICATED", 401,
            "PERMISSION_DENIED", 403,
            "NOT_FOUND", 404,
            "RESOURCE_EXHAUSTED", 429,
            "INTERNAL", 500,
            "UNAVAILABLE", 503,
            "DEADLINE_EXCEEDED", 504);

    /** From the body of an HTTP error, which may be anything, as proxies and load balancers write it too. */
    static ApiError ofBody(int httpStatus, byte[] body) {
        try {
            JsonNode root = Json.mapper().readTree(body);
            // A stream without alt=sse is an array, and so is its error.
            JsonNode first = root != null && root.isArray() ? root.path(0) : root;
            return first == null ? bare(httpStatus) : of(httpStatus, first.path("error"));
        } catch (JsonProcessingException e) {
            return bare(httpStatus);
        } catch (IOException e) {
            throw new IllegalStateException("reading an array does no I/O", e);
        }
    }

    /** From an error inside a stream, which has no HTTP status of its own; unknown ones count as the server's. */
    static ApiError inStream(JsonNode error) {
        int code = error.path("code").asInt(0);
        if (code < 400 || code > 599) {
            code = CODES.getOrDefault(error.path("status").asText(), 500);
        }
        return of(code, error);
    }

    /** Code and status, without anything that was written by hand. */
    String label() {
        return status.isEmpty() ? Integer.toString(code) : code + " " + status;
    }

    private static ApiError bare(int code) {
        return new ApiError(code, "", "", List.of(), List.of(), Optional.empty());
    }

    private static ApiError of(int code, JsonNode error) {
        List<String> reasons = new ArrayList<>();
        List<String> quotaIds = new ArrayList<>();
        Optional<Duration> delay = Optional.empty();
        for (JsonNode detail : error.path("details")) {
            if (detail.path("reason").isTextual()) {
                reasons.add(detail.path("reason").asText());
            }
            for (JsonNode violation : detail.path("violations")) {
                quotaIds.add(violation.path("quotaId").asText());
            }
            delay = delay.or(() -> duration(detail.path("retryDelay").asText()));
        }
        String status = error.path("status").asText();
        return new ApiError(
                code,
                status.matches("[A-Z_]{1,40}") ? status : "",
                error.path("message").asText(),
                reasons,
                quotaIds,
                delay);
    }

    /** Protobuf's JSON form of a duration, as {@code 45.8s}. */
    private static Optional<Duration> duration(String text) {
        if (!text.matches("\\d{1,9}(\\.\\d{1,9})?s")) {
            return Optional.empty();
        }
        BigDecimal seconds = new BigDecimal(text.substring(0, text.length() - 1));
        Duration delay = Duration.ofNanos(seconds.movePointRight(9).longValue());
        return Optional.of(delay.compareTo(LONGEST_DELAY) > 0 ? LONGEST_DELAY : delay);
    }
}
