package dev.parley.api.live;

import dev.parley.pipeline.live.LiveEvent;
import dev.parley.pipeline.live.LiveText;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * What one connection has been sent of each running answer, so that every character goes out exactly once: a piece that
 * overlaps is cut, one that leaves a gap is replaced by the text from Redis. Not thread-safe.
 */
final class Positions {
    private record Position(String run, int offset) {}

    private final Map<UUID, Position> positions = new HashMap<>();
    private final Set<UUID> ended = new HashSet<>();
    private final Map<UUID, String> overRuns = new HashMap<>();

    /** The text was sent up to here. */
    void sent(UUID answer, String run, int offset) {
        positions.put(answer, new Position(run, offset));
    }

    /**
     * A run begins.
     *
     * @return false when a snapshot has shown the run already, or when the answer or that run is over: the news of its
     *     end takes another way, over the broker and the database, and may come before the news of its beginning
     */
    boolean begin(UUID answer, String run) {
        Position known = positions.get(answer);
        if (over(answer, run) || (known != null && known.run().equals(run))) {
            return false;
        }
        sent(answer, run, 0);
        return true;
    }

    /** The answer is final: what still comes of any run is late, until the answer is queued again. */
    void end(UUID answer) {
        positions.remove(answer);
        ended.add(answer);
    }

    /** The answer is queued or will be tried again: the run so far is over, another may begin. */
    void pending(UUID answer) {
        ended.remove(answer);
        Optional.ofNullable(positions.remove(answer)).ifPresent(position -> overRuns.put(answer, position.run()));
    }

    private boolean over(UUID answer, String run) {
        return ended.contains(answer) || run.equals(overRuns.get(answer));
    }

    /** Everything is forgotten, as before a snapshot. */
    void clear() {
        positions.clear();
        ended.clear();
        overRuns.clear();
    }

    /** What to do with a piece. */
    sealed interface Step {
        record Send(LiveEvent.Delta delta) implements Step {}

        /** Text is missing in between. */
        record Gap() implements Step {}

        record Skip() implements Step {}
    }

    Step next(LiveEvent.Delta delta) {
        if (over(delta.answerId(), delta.run())) {
            return new Step.Skip();
        }
        Position position = positions.get(delta.answerId());
        boolean sameRun = position != null && position.run().equals(delta.run());
        if (!sameRun) {
            return delta.offset() == 0 ? new Step.Send(delta) : new Step.Gap();
        }
        int end = delta.offset() + delta.text().length();
        if (end <= position.offset()) {
            return new Step.Skip();
        }
        if (delta.offset() > position.offset()) {
            return new Step.Gap();
        }
        return new Step.Send(rest(delta.answerId(), delta.run(), delta.offset(), delta.text(), position.offset()));
    }

    /** What of the whole text is still to be sent; empty when nothing is. */
    Optional<LiveEvent.Delta> missing(UUID answer, LiveText whole) {
        Position position = positions.get(answer);
        boolean sameRun = position != null && position.run().equals(whole.run());
        int offset = sameRun ? position.offset() : 0;
        return sameRun && whole.text().length() <= offset
                ? Optional.empty()
                : Optional.of(rest(answer, whole.run(), 0, whole.text(), offset));
    }

    private static LiveEvent.Delta rest(UUID answer, String run, int offset, String text, int from) {
        return new LiveEvent.Delta(answer, run, from, text.substring(from - offset));
    }
}
