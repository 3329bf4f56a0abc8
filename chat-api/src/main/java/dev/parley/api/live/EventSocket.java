package dev.parley.api.live;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import dev.parley.api.http.Bodies;
import dev.parley.api.http.Cors;
import dev.parley.api.http.Problem;
import dev.parley.api.http.SendGuard;
import dev.parley.api.user.Users;
import dev.parley.pipeline.message.Json;
import io.helidon.http.HeaderNames;
import io.helidon.http.Headers;
import io.helidon.http.HttpPrologue;
import io.helidon.webserver.websocket.WsRouting;
import io.helidon.websocket.WsListener;
import io.helidon.websocket.WsSession;
import io.helidon.websocket.WsUpgradeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;

/**
 * {@code GET /api/ws}: the events of many chats over one WebSocket, the same as over SSE. One connection; each chat that it
 * watches is one virtual thread, whose bounded queue waits while the socket takes nothing.
 */
public final class EventSocket implements WsListener {
    private static final System.Logger LOG = System.getLogger(EventSocket.class.getName());
    public static final String PATH = "/api/ws";
    /** More than a page has open. */
    private static final int MOST_CHATS = 32;

    private static final int MOST_CHARACTERS = 4_096;
    private static final int TOO_BIG = 1009;

    /** What a browser asks for; either {@code subscribe} or {@code unsubscribe} or {@code ping}. */
    private record Wish(
            Optional<UUID> subscribe,
            Optional<UUID> unsubscribe,
            Optional<String> lastEventId,
            Optional<Boolean> ping) {}

    /** What it is sent. @param data JSON, as it goes out */
    private record Frame(Optional<UUID> chat, Optional<String> id, String event, Optional<String> data) {
        static Frame of(UUID chat, String event) {
            return new Frame(Optional.of(chat), Optional.empty(), event, Optional.empty());
        }

        String text() {
            ObjectNode json = Json.mapper().createObjectNode();
            chat.ifPresent(of -> json.put("chat", of.toString()));
            id.ifPresent(of -> json.put("id", of));
            json.put("event", event);
            data.ifPresent(of -> json.putRawValue("data", new RawValue(of)));
            return Json.text(json);
        }
    }

    private final Users users;
    private final ChatStreams streams;
    private final Cors cors;
    private final SendGuard guard;
    private final ReentrantLock sending = new ReentrantLock();
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<UUID, ChatStreams.Open> watched = new HashMap<>();
    private final StringBuilder partial = new StringBuilder();
    private boolean closed;
    private UUID user;

    private EventSocket(Users users, ChatStreams streams, Cors cors, SendGuard guard) {
        this.users = users;
        this.streams = streams;
        this.cors = cors;
        this.guard = guard;
    }

    /** @param cors foreign origins that may connect; browsers do not keep others from it by themselves */
    public static WsRouting.Builder routing(Users users, ChatStreams streams, Cors cors, SendGuard guard) {
        return WsRouting.builder().endpoint(PATH, () -> new EventSocket(users, streams, cors, guard));
    }

    @Override
    public Optional<Headers> onHttpUpgrade(HttpPrologue prologue, Headers headers) throws WsUpgradeException {
        if (!cors.allows(headers.first(HeaderNames.ORIGIN), headers.first(HeaderNames.HOST))) {
            throw new WsUpgradeException("a foreign origin");
        }
        try {
            user = users.of(headers);
        } catch (Problem e) {
            throw new WsUpgradeException("not signed in");
        }
        return Optional.empty();
    }

    @Override
    public void onMessage(WsSession session, String text, boolean last) {
        if (partial.length() + text.length() > MOST_CHARACTERS) {
            session.close(TOO_BIG, "a message may have " + MOST_CHARACTERS + " characters at most");
            return;
        }
        partial.append(text);
        if (!last) {
            return;
        }
        String whole = partial.toString();
        partial.setLength(0);
        try {
            Wish wish = Bodies.read(whole.getBytes(StandardCharsets.UTF_8), Wish.class);
            if (wish.subscribe().isPresent()) {
                subscribe(session, wish.subscribe().get(), wish.lastEventId().flatMap(EventId::parse));
            } else if (wish.unsubscribe().isPresent()) {
                unsubscribe(wish.unsubscribe().get());
            } else if (wish.ping().isPresent()) {
                send(session, new Frame(Optional.empty(), Optional.empty(), "pong", Optional.empty()));
            } else {
                throw Problem.invalid("body", "Give \"subscribe\", \"unsubscribe\" or \"ping\".");
            }
        } catch (Problem e) {
            send(session, problem(Optional.empty(), e));
        }
    }

    private void subscribe(WsSession session, UUID chat, Optional<EventId> resume) {
        lock.lock();
        try {
            if (closed || watched.containsKey(chat)) {
                return;
            }
            if (watched.size() >= MOST_CHATS) {
                throw Problem.of(
                        409,
                        "too-many-subscriptions",
                        "Too many chats",
                        "One connection watches %d chats at most.".formatted(MOST_CHATS));
            }
            ChatStreams.Open open = streams.open(user, chat);
            watched.put(chat, open);
            Thread.ofVirtual().name("socket-stream").start(() -> run(session, chat, open, resume));
        } catch (Problem e) {
            send(session, problem(Optional.of(chat), e));
        } finally {
            lock.unlock();
        }
    }

    private void run(WsSession session, UUID chat, ChatStreams.Open open, Optional<EventId> resume) {
        try (open) {
            open.run(new Sink(session, chat), resume);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.log(Level.WARNING, "a stream over a socket broke", e);
        } finally {
            if (forget(chat, open)) {
                // The chat is gone or this instance stops: the browser decides what to do.
                send(session, Frame.of(chat, "ended"));
            }
        }
    }

    private boolean forget(UUID chat, ChatStreams.Open open) {
        lock.lock();
        try {
            return watched.remove(chat, open);
        } finally {
            lock.unlock();
        }
    }

    private void unsubscribe(UUID chat) {
        lock.lock();
        try {
            Optional.ofNullable(watched.remove(chat)).ifPresent(ChatStreams.Open::end);
        } finally {
            lock.unlock();
        }
    }

    private static Frame problem(Optional<UUID> chat, Problem problem) {
        return new Frame(chat, Optional.empty(), "problem", Optional.of(Json.text(problem.body(Optional.empty()))));
    }

    private void send(WsSession session, Frame frame) {
        String text = frame.text();
        sending.lock();
        try {
            for (int from = 0, to; from < text.length(); from = to) {
                // Never inside a code point: half of one cannot be sent.
                int end = Math.min(text.length(), from + SendGuard.PIECE);
                to = end < text.length() && Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end;
                String piece = text.substring(from, to);
                boolean last = to == text.length();
                guard.send(() -> session.send(piece, last));
            }
        } catch (IllegalStateException | UncheckedIOException | IOException e) {
            LOG.log(Level.DEBUG, "a socket is closed");
        } finally {
            sending.unlock();
        }
    }

    private final class Sink implements EventStream.Sink {
        private final WsSession session;
        private final UUID chat;

        private Sink(WsSession session, UUID chat) {
            this.session = session;
            this.chat = chat;
        }

        @Override
        public void event(Optional<String> id, String name, String data) {
            send(session, new Frame(Optional.of(chat), id, name, Optional.of(data)));
        }

        @Override
        public void comment(String text) {
            send(session, Frame.of(chat, "quiet"));
        }

        /** Each frame has gone by itself, as the socket's streams share it. */
        @Override
        public void flush() {}
    }

    @Override
    public void onClose(WsSession session, int status, String reason) {
        endAll();
    }

    @Override
    public void onError(WsSession session, Throwable failure) {
        LOG.log(Level.DEBUG, "a socket broke: {0}", failure.getMessage());
        endAll();
    }

    private void endAll() {
        lock.lock();
        try {
            closed = true;
            watched.values().forEach(ChatStreams.Open::end);
            watched.clear();
        } finally {
            lock.unlock();
        }
    }
}
