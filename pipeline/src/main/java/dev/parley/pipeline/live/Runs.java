package dev.parley.pipeline.live;

import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.redis.Script;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SetArgs;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * The runs of answers in Redis: which run may write (lease), what it has written (text), what came out of it (result)
 * and which tries are obsolete (floor). Each step is one atomic script, one round trip. Thread-safe.
 */
public final class Runs {
    /** How long a dead worker's run keeps others away. Renewed three times in that span. */
    public static final Duration LEASE = Duration.ofSeconds(10);

    public static final Duration RENEW_EVERY = LEASE.dividedBy(3);
    /** Long after any stream; a text that nobody finished is then forgotten. */
    private static final Duration TEXT_LIFE = Duration.ofHours(1);
    /** Longer than the API can be away while a redelivered twin may come; it is deleted once the API has stored it. */
    private static final Duration RESULT_LIFE = Duration.ofDays(2);
    /** Longer than an obsolete request can still be under way in the wait queues (a week at most, by configuration). */
    private static final Duration FLOOR_LIFE = Duration.ofDays(8);
    /** Run ids are UUIDs, so the text begins after 36 bytes. */
    private static final int RUN_LENGTH = 36;

    private static final Script BEGIN = Script.resource(Runs.class, "begin.lua");
    private static final Script APPEND = Script.resource(Runs.class, "append.lua");
    private static final Script RENEW = Script.resource(Runs.class, "renew.lua");
    private static final Script RELEASE = Script.resource(Runs.class, "release.lua");
    private static final Script SETTLE = Script.resource(Runs.class, "settle.lua");
    private static final Script REVOKE = Script.resource(Runs.class, "revoke.lua");

    private final Redis redis;

    public Runs(Redis redis) {
        this.redis = redis;
    }

    /** What {@link #askToBegin} found. */
    public sealed interface Begin {
        /** The lease is this run's. */
        record Begun() implements Begin {}

        /** Another worker runs this try; its lease ends after this time unless renewed. */
        record Busy(Duration leaseLeft) implements Begin {}

        /** The model has already finished this try; publish this instead of paying again. */
        record Finished(AnswerUpdate.Completed result) implements Begin {}

        /** A cancel or a newer try has replaced this one. */
        record Obsolete() implements Begin {}
    }

    /**
     * Takes the lease for a run.
     *
     * @return waits for the reply, for callers with something to do until it is there; throws {@code RedisUnavailable}, and
     *     then nobody knows and the caller goes on without a lease
     */
    public Supplier<Begin> askToBegin(AnswerRef answer, String run) {
        UUID id = answer.answerId();
        CompletableFuture<List<String>> reply = redis.async(
                BEGIN,
                ScriptOutputType.MULTI,
                List.of(LiveKeys.lease(id), LiveKeys.text(id), LiveKeys.result(id), LiveKeys.floor(id)),
                List.of(run, Long.toString(answer.order()), millis(LEASE)));
        return () -> begin(redis.await(reply));
    }

    private static Begin begin(List<String> reply) {
        return switch (reply.getFirst()) {
            case "begun" -> new Begin.Begun();
            case "busy" -> new Begin.Busy(Duration.ofMillis(Math.max(0, Long.parseLong(reply.get(1)))));
            case "finished" -> new Begin.Finished(Json.read(reply.get(1), AnswerUpdate.Completed.class));
            case "obsolete" -> new Begin.Obsolete();
            default -> throw new IllegalStateException("begin.lua said " + reply.getFirst());
        };
    }

    /** What an append came to. */
    public enum Append {
        WRITTEN,
        /** Another run writes now, or the try is obsolete: stop. */
        LOST,
        /** Redis does not have the text before this piece: write all of it from offset 0. */
        GAP
    }

    /**
     * Adds a piece to the run's text and tells the viewers. Repeating a piece changes nothing.
     *
     * @param offset of the piece in the run's text, in UTF-16 code units
     * @param bytesBefore length of the run's text before the piece, in UTF-8 bytes
     */
    public CompletableFuture<Append> append(AnswerRef answer, String run, int offset, long bytesBefore, String text) {
        UUID id = answer.answerId();
        long stored = offset == 0 ? 0 : RUN_LENGTH + bytesBefore;
        return redis.<Long>async(
                        APPEND,
                        ScriptOutputType.INTEGER,
                        List.of(LiveKeys.lease(id), LiveKeys.text(id), LiveKeys.floor(id)),
                        List.of(
                                run,
                                Long.toString(answer.order()),
                                millis(LEASE),
                                millis(TEXT_LIFE),
                                Long.toString(stored),
                                text,
                                LiveKeys.chatChannel(answer.chatId()),
                                event(new LiveEvent.Delta(id, run, offset, text))))
                .thenApply(reply -> reply == -1 ? Append.LOST : reply == -2 ? Append.GAP : Append.WRITTEN);
    }

    /** Marks the beginning of a run for the viewers: empties the text and says so. */
    public CompletableFuture<Append> start(AnswerRef answer, String run) {
        UUID id = answer.answerId();
        return redis.<Long>async(
                        APPEND,
                        ScriptOutputType.INTEGER,
                        List.of(LiveKeys.lease(id), LiveKeys.text(id), LiveKeys.floor(id)),
                        List.of(
                                run,
                                Long.toString(answer.order()),
                                millis(LEASE),
                                millis(TEXT_LIFE),
                                "0",
                                "",
                                LiveKeys.chatChannel(answer.chatId()),
                                event(new LiveEvent.Started(id, run, answer.attempt()))))
                .thenApply(reply -> reply == -1 ? Append.LOST : Append.WRITTEN);
    }

    private static String event(LiveEvent event) {
        return Json.text(event);
    }

    /** Keeps the lease alive. @return completes with false when the run must stop */
    public CompletableFuture<Boolean> renew(AnswerRef answer, String run) {
        UUID id = answer.answerId();
        return redis.<Long>async(
                        RENEW,
                        ScriptOutputType.INTEGER,
                        List.of(LiveKeys.lease(id), LiveKeys.floor(id)),
                        List.of(run, Long.toString(answer.order()), millis(LEASE)))
                .thenApply(held -> held == 1);
    }

    /** Lets another worker begin at once. */
    public CompletableFuture<Void> release(AnswerRef answer, String run) {
        return redis.<Long>async(
                        RELEASE, ScriptOutputType.INTEGER, List.of(LiveKeys.lease(answer.answerId())), List.of(run))
                .thenApply(reply -> null);
    }

    /** Keeps a finished result, so that a redelivered twin is not paid for again. */
    public CompletableFuture<Void> keepResult(AnswerUpdate.Completed result) {
        String key = LiveKeys.result(result.answer().answerId());
        String value = result.answer().order() + " " + Json.text(result);
        return redis.async(commands -> commands.set(key, value, SetArgs.Builder.px(RESULT_LIFE)))
                .thenApply(ok -> null);
    }

    /**
     * The answer's round is over and stored: its later tries are obsolete, and its lease, text and result are not needed
     * any more. Keeps Redis small however long redelivered twins may still come.
     */
    public CompletableFuture<Void> settle(AnswerRef answer) {
        UUID id = answer.answerId();
        return redis.<Long>async(
                        SETTLE,
                        ScriptOutputType.INTEGER,
                        List.of(LiveKeys.floor(id), LiveKeys.lease(id), LiveKeys.text(id), LiveKeys.result(id)),
                        List.of(Long.toString(AnswerRef.orderOfRound(answer.round() + 1)), millis(FLOOR_LIFE)))
                .thenApply(reply -> null);
    }

    /** A newer try has been published; this one and older ones are obsolete should they be delivered again. */
    public CompletableFuture<Void> supersede(AnswerRef newer) {
        return revoke(newer.answerId(), newer.order());
    }

    /** Makes every try of the answer below this order obsolete and stops it where it runs. */
    public CompletableFuture<Void> revoke(UUID answer, long order) {
        return redis.<Long>async(
                        REVOKE,
                        ScriptOutputType.INTEGER,
                        List.of(LiveKeys.floor(answer)),
                        List.of(Long.toString(order), millis(FLOOR_LIFE), LiveKeys.REVOKED_CHANNEL, answer.toString()))
                .thenApply(reply -> null);
    }

    /** The texts so far of those answers that have a run. @throws RedisUnavailable */
    public Map<UUID, LiveText> texts(Collection<UUID> answers) {
        if (answers.isEmpty()) {
            return Map.of();
        }
        List<UUID> ids = List.copyOf(answers);
        String[] keys = ids.stream().map(LiveKeys::text).toArray(String[]::new);
        var values = redis.call(commands -> commands.mget(keys));
        Map<UUID, LiveText> texts = new HashMap<>();
        for (int i = 0; i < ids.size(); i++) {
            UUID id = ids.get(i);
            Optional.ofNullable(values.get(i).getValueOrElse(null))
                    .filter(value -> value.length() >= RUN_LENGTH)
                    .ifPresent(value ->
                            texts.put(id, new LiveText(value.substring(0, RUN_LENGTH), value.substring(RUN_LENGTH))));
        }
        return texts;
    }

    /** Those answers that a worker is calling the model for right now. @throws RedisUnavailable */
    public Set<UUID> running(Collection<UUID> answers) {
        Map<UUID, CompletableFuture<Boolean>> questions = new HashMap<>();
        for (UUID answer : answers) {
            CompletableFuture<String> lease = redis.async(commands -> commands.get(LiveKeys.lease(answer)));
            CompletableFuture<String> writer =
                    redis.async(commands -> commands.getrange(LiveKeys.text(answer), 0, RUN_LENGTH - 1L));
            // A lease alone is a worker that still waits for its turn; a text alone is what a dead run left.
            questions.put(answer, lease.thenCombine(writer, (holder, run) -> run.equals(holder)));
        }
        return questions.entrySet().stream()
                .filter(question -> redis.await(question.getValue()))
                .map(Map.Entry::getKey)
                .collect(Collectors.toUnmodifiableSet());
    }

    /** UTF-8 bytes of a text, as {@link #append} counts them. */
    public static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    private static String millis(Duration duration) {
        return Long.toString(duration.toMillis());
    }
}
