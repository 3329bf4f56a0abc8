package dev.parley.api.live;

import dev.parley.api.message.Runs;
import dev.parley.pipeline.live.LiveText;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.pipeline.redis.RedisUnavailable;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** What Redis knows of the workers' runs; without Redis nothing runs, as far as the page can see. Thread-safe. */
public final class LiveRuns implements Runs {
    private final dev.parley.pipeline.live.Runs runs;

    public LiveRuns(dev.parley.pipeline.live.Runs runs) {
        this.runs = runs;
    }

    @Override
    public Set<UUID> running(Collection<UUID> answers) {
        try {
            return runs.running(answers);
        } catch (RedisUnavailable e) {
            return Set.of();
        }
    }

    @Override
    public Optional<String> textSoFar(UUID answer) {
        try {
            return Optional.ofNullable(runs.texts(List.of(answer)).get(answer)).map(LiveText::text);
        } catch (RedisUnavailable e) {
            return Optional.empty();
        }
    }

    @Override
    public void revoke(UUID answer, int belowRound) {
        runs.revoke(answer, AnswerRef.orderOfRound(belowRound));
    }
}
