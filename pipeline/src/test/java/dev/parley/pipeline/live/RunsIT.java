package dev.parley.pipeline.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.dev.server.SharedServers;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.message.AnswerUpdate;
import dev.parley.pipeline.redis.Redis;
import dev.parley.pipeline.redis.RedisUnavailable;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RunsIT {
    private final Redis redis = Redis.open(URI.create(SharedServers.freshRedis()), Duration.ofSeconds(10));
    private final Runs runs = new Runs(redis);
    private final AnswerRef answer = new AnswerRef(UUID.randomUUID(), UUID.randomUUID(), 1, 1);
    private final UUID id = answer.answerId();
    private final String run = UUID.randomUUID().toString();
    private final String twin = UUID.randomUUID().toString();

    @AfterEach
    void close() {
        redis.close();
    }

    private Runs.Begin begin(AnswerRef answer, String run) {
        return runs.askToBegin(answer, run).get();
    }

    private Runs.Append append(String run, int offset, String before, String text) {
        return runs.append(answer, run, offset, Runs.bytes(before), text).join();
    }

    private AnswerUpdate.Completed result(AnswerRef answer) {
        return new AnswerUpdate.Completed(
                answer, run, "text", "m", new AnswerUpdate.Usage(1, 2), Optional.empty(), Instant.EPOCH);
    }

    @Test
    void aTwinIsKeptAwayUntilTheLeaseIsReleased() {
        assertThat(begin(answer, run)).isInstanceOf(Runs.Begin.Begun.class);
        assertThat(begin(answer, run)).isInstanceOf(Runs.Begin.Begun.class);
        assertThat(begin(answer, twin))
                .isInstanceOfSatisfying(Runs.Begin.Busy.class, busy -> assertThat(busy.leaseLeft())
                        .isPositive());
        runs.release(answer, twin).join();
        assertThat(begin(answer, twin)).isInstanceOf(Runs.Begin.Busy.class);
        runs.release(answer, run).join();
        assertThat(begin(answer, twin)).isInstanceOf(Runs.Begin.Begun.class);
    }

    @Test
    void aFinishedTryIsGivenBackInsteadOfBegunAgain() {
        runs.keepResult(result(answer)).join();
        assertThat(begin(answer, twin))
                .isInstanceOfSatisfying(Runs.Begin.Finished.class, finished -> assertThat(finished.result())
                        .isEqualTo(result(answer)));
    }

    @Test
    void theResultOfAnEarlierRoundIsNoAnswerToALaterOne() {
        runs.keepResult(result(answer)).join();
        AnswerRef later = new AnswerRef(answer.chatId(), id, 2, 1);
        assertThat(begin(later, twin)).isInstanceOf(Runs.Begin.Begun.class);
    }

    @Test
    void aRevokedTryNeitherBeginsNorWritesNorKeepsItsLease() {
        begin(answer, run);
        assertThat(append(run, 0, "", "so far")).isEqualTo(Runs.Append.WRITTEN);
        runs.revoke(id, AnswerRef.orderOfRound(2)).join();
        assertThat(append(run, 6, "so far", "!")).isEqualTo(Runs.Append.LOST);
        assertThat(runs.renew(answer, run).join()).isFalse();
        assertThat(begin(answer, run)).isInstanceOf(Runs.Begin.Obsolete.class);
        assertThat(begin(new AnswerRef(answer.chatId(), id, 2, 1), run)).isNotInstanceOf(Runs.Begin.Obsolete.class);
    }

    @Test
    void theFloorNeverSinks() {
        runs.revoke(id, 3_000).join();
        runs.revoke(id, 2_000).join();
        assertThat(begin(new AnswerRef(answer.chatId(), id, 2, 5), run)).isInstanceOf(Runs.Begin.Obsolete.class);
    }

    @Test
    void piecesJoinToTheTextWithWholeCodePoints() {
        begin(answer, run);
        runs.start(answer, run).join();
        append(run, 0, "", "a😀");
        append(run, 3, "a😀", "ж");
        assertThat(runs.texts(List.of(id))).containsEntry(id, new LiveText(run, "a😀ж"));
        assertThat(runs.running(List.of(id))).containsExactly(id);
    }

    @Test
    void aRepeatedPieceChangesNothing() {
        begin(answer, run);
        append(run, 0, "", "one");
        append(run, 3, "one", "two");
        assertThat(append(run, 3, "one", "two")).isEqualTo(Runs.Append.WRITTEN);
        assertThat(runs.texts(List.of(id)).get(id).text()).isEqualTo("onetwo");
    }

    @Test
    void afterRedisLostItsDataThePieceIsRefusedAndTheWholeTextTaken() {
        begin(answer, run);
        append(run, 0, "", "one");
        redis.call(commands -> commands.flushdb());
        assertThat(append(run, 3, "one", "two")).isEqualTo(Runs.Append.GAP);
        assertThat(append(run, 0, "", "onetwo")).isEqualTo(Runs.Append.WRITTEN);
        assertThat(runs.texts(List.of(id)).get(id).text()).isEqualTo("onetwo");
    }

    @Test
    void aNewRunReplacesWhatADeadOneLeft() {
        begin(answer, run);
        append(run, 0, "", "half an ans");
        runs.release(answer, run).join();
        begin(answer, twin);
        assertThat(runs.running(List.of(id))).isEmpty();
        runs.start(answer, twin).join();
        assertThat(runs.texts(List.of(id))).containsEntry(id, new LiveText(twin, ""));
        assertThat(append(run, 11, "half an ans", "wer")).isEqualTo(Runs.Append.LOST);
    }

    @Test
    void aLeaseWithoutTextIsAWorkerThatStillWaits() {
        begin(answer, run);
        assertThat(runs.running(List.of(id))).isEmpty();
    }

    @Test
    void aSettledRoundLeavesNothingButTheFloor() {
        begin(answer, run);
        append(run, 0, "", "text");
        runs.keepResult(result(answer)).join();
        runs.settle(answer).join();
        assertThat(runs.texts(List.of(id))).isEmpty();
        assertThat(begin(answer, twin)).isInstanceOf(Runs.Begin.Obsolete.class);
        assertThat(redis.<Long>call(commands -> commands.exists(LiveKeys.result(id))))
                .isZero();
        assertThat(begin(new AnswerRef(answer.chatId(), id, 2, 1), run)).isInstanceOf(Runs.Begin.Begun.class);
    }

    @Test
    void withoutRedisEverythingFailsAtOnce() {
        try (Redis nowhere = Redis.open(URI.create("redis://127.0.0.1:1/0"), Duration.ofSeconds(5))) {
            assertThat(nowhere.connected()).isFalse();
            assertThatThrownBy(() -> new Runs(nowhere).askToBegin(answer, run).get())
                    .isInstanceOf(RedisUnavailable.class);
            assertThat(nowhere.check().up()).isFalse();
        }
    }

    @Test
    void aLateWordOfAnEarlierRoundTakesNothingFromTheLaterOne() {
        AnswerRef later = new AnswerRef(answer.chatId(), id, 2, 1);
        runs.settle(answer).join();
        begin(later, twin);
        assertThat(runs.append(later, twin, 0, 0, "new text").join()).isEqualTo(Runs.Append.WRITTEN);
        runs.keepResult(result(later)).join();
        runs.settle(answer).join();
        assertThat(runs.texts(List.of(id)).get(id).text()).isEqualTo("new text");
        runs.release(later, twin).join();
        assertThat(begin(later, run)).isInstanceOf(Runs.Begin.Finished.class);
        runs.settle(later).join();
        assertThat(runs.texts(List.of(id))).isEmpty();
    }
}
