package dev.parley.api.live;

import java.util.Optional;
import java.util.UUID;

/** The id of a live event, which a browser sends back as Last-Event-ID: {@code answer:run:offset}. */
record EventId(UUID answer, String run, int offset) {
    /** Nothing when the text is no such id: then the client simply gets everything. */
    static Optional<EventId> parse(String text) {
        String[] parts = text.split(":", -1);
        if (parts.length != 3) {
            return Optional.empty();
        }
        try {
            int offset = Integer.parseInt(parts[2]);
            return offset < 0
                    ? Optional.empty()
                    : Optional.of(new EventId(UUID.fromString(parts[0]), parts[1], offset));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    @Override
    public String toString() {
        return answer + ":" + run + ":" + offset;
    }
}
