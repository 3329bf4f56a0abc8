package dev.parley.api.live;

import dev.parley.api.chat.Chat;
import dev.parley.api.event.ChatEvent;
import dev.parley.api.message.Message;
import dev.parley.pipeline.live.LiveEvent;
import dev.parley.pipeline.live.LiveText;
import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.message.Json;
import dev.parley.pipeline.redis.RedisUnavailable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * One connection's view of a chat: a snapshot first, then every change, each character of live text exactly once. Knows
 * nothing of the transport. Used by the connection's thread only.
 */
final class EventStream {
    /** Where the events go. */
    interface Sink {
        /**
         * @param id for Last-Event-ID, where the event has one
         * @param data JSON in one line
         */
        void event(Optional<String> id, String name, String data);

        void comment(String text);

        /** Lets go of everything above, which may wait here for what follows at once. */
        void flush();
    }

    /** A chat as it is stored now. @param next cursor for older messages */
    record Stored(Chat chat, List<Message> messages, Map<UUID, List<UUID>> versions, Optional<String> next) {}

    private record Snapshot(
            Chat chat,
            List<Message> messages,
            Map<UUID, List<UUID>> versions,
            Optional<String> next,
            List<Live> live) {}

    private record Live(UUID answerId, String run, int offset, String text) {}

    private record Started(UUID answerId, String run, int attempt) {}

    private record Notice(String type, String detail) {}

    private final Viewer viewer;
    private final EventHub hub;
    private final Runs runs;
    private final Supplier<Optional<Stored>> chat;
    private final Sink sink;
    private final Positions positions = new Positions();
    private boolean told;

    EventStream(Viewer viewer, EventHub hub, Runs runs, Supplier<Optional<Stored>> chat, Sink sink) {
        this.viewer = viewer;
        this.hub = hub;
        this.runs = runs;
        this.chat = chat;
        this.sink = sink;
    }

    /** Runs until the chat is gone, the service stops, or the sink throws because the reader has left. */
    void run(Stored first, Optional<EventId> resume) throws InterruptedException {
        snapshot(first, resume);
        while (true) {
            if (viewer.idle()) {
                sink.flush();
            }
            switch (viewer.next()) {
                case Viewer.Signal.Happened(HubEvent.Live(LiveEvent event)) -> live(event);
                // Another branch is another conversation.
                case Viewer.Signal.Happened(HubEvent.Stored stored)
                when stored.name().equals(ChatEvent.BranchChanged.NAME) -> viewer.resync();
                case Viewer.Signal.Happened(HubEvent.Stored stored) -> {
                    stored.answer().ifPresent(stored.ended() ? positions::end : positions::pending);
                    sink.event(Optional.empty(), stored.name(), stored.data());
                    if (stored.name().equals("chat.deleted")) {
                        return;
                    }
                }
                case Viewer.Signal.Resync() -> {
                    Optional<Stored> now = chat.get();
                    if (now.isEmpty()) {
                        return;
                    }
                    snapshot(now.get(), Optional.empty());
                }
                case Viewer.Signal.Quiet() -> sink.comment("still here");
                case Viewer.Signal.Ended() -> {
                    return;
                }
            }
        }
    }

    private void snapshot(Stored stored, Optional<EventId> resume) {
        positions.clear();
        // What is still on its way of answers that are stored already comes too late.
        stored.messages().stream()
                .filter(message -> !message.pending())
                .map(Message::id)
                .forEach(positions::end);
        List<UUID> pending = stored.messages().stream()
                .filter(Message::pending)
                .map(Message::id)
                .toList();
        List<Live> live = new ArrayList<>();
        for (Map.Entry<UUID, LiveText> text : runningTexts(pending).entrySet()) {
            UUID answer = text.getKey();
            String run = text.getValue().run();
            String whole = text.getValue().text();
            int offset = resume.filter(
                            id -> id.answer().equals(answer) && id.run().equals(run) && id.offset() <= whole.length())
                    .map(EventId::offset)
                    .orElse(0);
            live.add(new Live(answer, run, offset, whole.substring(offset)));
            positions.sent(answer, run, whole.length());
        }
        Optional<String> id = live.isEmpty()
                ? Optional.empty()
                : Optional.of(id(live.getLast().answerId(), live.getLast().run(), end(live.getLast())));
        List<Message> messages = stored.messages().stream()
                .map(message -> live.stream().anyMatch(each -> each.answerId().equals(message.id()))
                        ? message.generating()
                        : message)
                .toList();
        sink.event(
                id,
                "snapshot",
                Json.text(new Snapshot(stored.chat(), messages, stored.versions(), stored.next(), live)));
        if (hub.live() == told) {
            told = !told;
            sink.event(
                    Optional.empty(),
                    "notice",
                    Json.text(
                            told
                                    ? new Notice("live-unavailable", "Answers arrive whole for now, not word by word.")
                                    : new Notice("live-restored", "Answers arrive word by word again.")));
        }
    }

    private static int end(Live live) {
        return live.offset() + live.text().length();
    }

    private void live(LiveEvent event) {
        switch (event) {
            case LiveEvent.Started started -> {
                if (positions.begin(started.answerId(), started.run())) {
                    sink.event(
                            Optional.of(id(started.answerId(), started.run(), 0)),
                            "answer.started",
                            Json.text(new Started(started.answerId(), started.run(), started.attempt())));
                }
            }
            case LiveEvent.Delta delta -> {
                switch (positions.next(delta)) {
                    case Positions.Step.Send(LiveEvent.Delta piece) -> send(piece);
                    case Positions.Step.Skip() -> {}
                    case Positions.Step.Gap() ->
                        Optional.ofNullable(texts(List.of(delta.answerId())).get(delta.answerId()))
                                .flatMap(whole -> positions.missing(delta.answerId(), whole))
                                .ifPresent(this::send);
                }
            }
        }
    }

    private void send(LiveEvent.Delta delta) {
        int end = delta.offset() + delta.text().length();
        positions.sent(delta.answerId(), delta.run(), end);
        sink.event(
                Optional.of(id(delta.answerId(), delta.run(), end)),
                "answer.delta",
                Json.text(new Live(delta.answerId(), delta.run(), delta.offset(), delta.text())));
    }

    private static String id(UUID answer, String run, int offset) {
        return new EventId(answer, run, offset).toString();
    }

    /** Without what dead or failed runs have left. */
    private Map<UUID, LiveText> runningTexts(List<UUID> answers) {
        try {
            return runs.texts(runs.running(answers));
        } catch (RedisUnavailable e) {
            return Map.of();
        }
    }

    private Map<UUID, LiveText> texts(List<UUID> answers) {
        try {
            return runs.texts(answers);
        } catch (RedisUnavailable e) {
            return Map.of();
        }
    }
}
