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

    /** The text was sent up to here. */
    void sent(UUID answer, String run, int offset) {
        ended.remove(answer);
        positions.put(answer, new Position(run, offset));
    }

    /** Whether something of this run was sent and nothing has replaced it. */
    boolean knows(UUID answer, String run) {
        return Optional.ofNullable(positions.get(answer))
                .filter(position -> position.run().equals(run))
                .isPresent();
    }

    /** The answer is final: what still comes of its run is late. */
    void end(UUID answer) {
        positions.remove(answer);
        ended.add(answer);
    }

    /** Everything is forgotten, as before a snapshot. */
    void clear() {
        positions.clear();
        ended.clear();
    }

    /** What to do with a piece. */
    sealed interface Step {
        record Send(LiveEvent.Delta delta) implements Step {}

        /** Text is missing in between. */
        record Gap() implements Step {}

        record Skip() implements Step {}
    }

    Step next(LiveEvent.Delta delta) {
        if (ended.contains(delta.answerId())) {
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
