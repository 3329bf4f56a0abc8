package dev.parley.dev.gemini;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.parley.dev.gemini.Fault.Piece;
import java.math.BigDecimal;
import java.time.Duration;

/** The error bodies of the real API: {@code {error: {code, message, status, details}}}, as answers seen in the wild have them. */
record ApiError(int code, ObjectNode body) {
    static final String API_KEY_INVALID = "API_KEY_INVALID";

    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final String TYPE = "type.googleapis.com/google.rpc.";
    private static final String SERVICE = "generativelanguage.googleapis.com";

    /** Ends the handling of a request with this error. */
    static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient ApiError error;

        Refusal(ApiError error) {
            super(error.body().toString(), null, false, false);
            this.error = error;
        }

        ApiError error() {
            return error;
        }
    }

    Refusal refusal() {
        return new Refusal(this);
    }

    static ApiError missingKey() {
        return of(
                403,
                "PERMISSION_DENIED",
                "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or"
                        + " other form of API consumer identity to call this API.");
    }

    static ApiError invalidKey() {
        return with(of(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), API_KEY_INVALID);
    }

    static ApiError invalid(String message) {
        return of(400, "INVALID_ARGUMENT", message);
    }

    static ApiError invalid(String field, String description) {
        ApiError error = of(400, "INVALID_ARGUMENT", description);
        ObjectNode violation =
                error.detail("BadRequest").putArray("fieldViolations").addObject();
        if (!field.isEmpty()) {
            violation.put("field", field);
        }
        violation.put("description", description);
        return error;
    }

    static ApiError unknownModel(String model, String method) {
        return of(
                404,
                "NOT_FOUND",
                "models/" + model + " is not found for API version v1beta, or is not supported for " + method
                        + ". Call ModelService.ListModels to see the list of available models and their supported"
                        + " methods.");
    }

    /** The error that a fault asks for. */
    static ApiError of(Fault.Status fault, String model, int limit) {
        ApiError error =
                switch (fault.code()) {
                    case 429 -> exhausted(fault, model, limit);
                    case 400 ->
                        fault.reason().filter(API_KEY_INVALID::equals).isPresent()
                                ? invalidKey()
                                : of(400, "INVALID_ARGUMENT", "Request contains an invalid argument.");
                    case 402 ->
                        of(
                                402,
                                "FAILED_PRECONDITION",
                                "Your prepayment credits are depleted. Please go to AI Studio to manage your project and"
                                        + " billing.");
                    case 403 ->
                        of(
                                403,
                                "PERMISSION_DENIED",
                                "Your API key was reported as leaked. Please use another API key.");
                    case 404 -> unknownModel(model, "generateContent");
                    case 500 ->
                        of(
                                500,
                                "INTERNAL",
                                "An internal error has occurred. Please retry or report in"
                                        + " https://developers.generativeai.google/guide/troubleshooting");
                    case 502 -> of(502, "UNAVAILABLE", "Bad gateway.");
                    case 503 -> of(503, "UNAVAILABLE", "The model is overloaded. Please try again later.");
                    case 504 -> of(504, "DEADLINE_EXCEEDED", "The request timed out. Please try again.");
                    default -> throw new IllegalArgumentException("no error for status " + fault.code());
                };
        if (fault.reason().isPresent() && !fault.reason().get().equals(API_KEY_INVALID)) {
            error = with(error, fault.reason().get());
        }
        if (fault.without().contains(Piece.DETAILS)) {
            error.error().remove("details");
        }
        return error;
    }

    private static ApiError exhausted(Fault.Status fault, String model, int limit) {
        boolean daily = fault.quota() == Fault.Quota.DAY;
        String metric = SERVICE + "/generate_content_free_tier_requests";
        boolean delay = !fault.without().contains(Piece.RETRY_INFO);
        ApiError error = of(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota, please check your plan and billing details. For more information on this"
                        + " error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n* Quota exceeded for"
                        + " metric: " + metric + ", limit: " + limit + ", model: " + model
                        + (delay ? "\nPlease retry in " + seconds(fault.retry()) + "." : ""));
        error.detail("Help")
                .putArray("links")
                .addObject()
                .put("description", "Learn more about Gemini API quotas")
                .put("url", "https://ai.google.dev/gemini-api/docs/rate-limits");
        if (!fault.without().contains(Piece.QUOTA_FAILURE)) {
            ObjectNode violation =
                    error.detail("QuotaFailure").putArray("violations").addObject();
            violation.put("quotaMetric", metric);
            violation.put(
                    "quotaId",
                    daily
                            ? "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
                            : "GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
            violation.putObject("quotaDimensions").put("location", "global").put("model", model);
            violation.put("quotaValue", Integer.toString(limit));
        }
        if (delay) {
            error.detail("RetryInfo").put("retryDelay", seconds(fault.retry()));
        }
        return error;
    }

    /** Durations travel as seconds with a unit: "45s", "45.8s". */
    static String seconds(Duration duration) {
        return BigDecimal.valueOf(duration.toNanos(), 9).stripTrailingZeros().toPlainString() + "s";
    }

    private static ApiError with(ApiError error, String reason) {
        ObjectNode info = error.detail("ErrorInfo");
        info.put("reason", reason).put("domain", "googleapis.com");
        info.putObject("metadata").put("service", SERVICE);
        error.detail("LocalizedMessage")
                .put("locale", "en-US")
                .put("message", error.error().path("message").asText());
        return error;
    }

    private static ApiError of(int code, String status, String message) {
        ObjectNode body = JSON.objectNode();
        body.putObject("error").put("code", code).put("message", message).put("status", status);
        return new ApiError(code, body);
    }

    private ObjectNode error() {
        return (ObjectNode) body.get("error");
    }

    private ObjectNode detail(String type) {
        ArrayNode details = error().has("details") ? (ArrayNode) error().get("details") : error().putArray("details");
        return details.addObject().put("@type", TYPE + type);
    }
}
