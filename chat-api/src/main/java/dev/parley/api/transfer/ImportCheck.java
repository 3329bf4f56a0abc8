package dev.parley.api.transfer;

import dev.parley.api.http.Fields;
import dev.parley.api.http.Problem;
import dev.parley.api.message.Message.Role;
import dev.parley.api.message.Message.Status;
import dev.parley.api.transfer.ChatFile.Entry;
import dev.parley.pipeline.message.Failure;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;

/** Makes a file's messages fit to be stored: checked, with new ids, and with an answer to each question. */
final class ImportCheck {
    static final int MOST_MESSAGES = 20_000;
    private static final int MAX_CONTENT = 1_000_000;
    private static final int MAX_MODEL = 100;

    /**
     * A message as it is stored.
     *
     * @param createdAt where the file does not say, the time of the import
     */
    record Checked(
            UUID id,
            Optional<UUID> parentId,
            Role role,
            String content,
            Status status,
            Optional<Failure> error,
            Optional<String> model,
            Optional<Integer> inputTokens,
            Optional<Integer> outputTokens,
            Instant createdAt,
            Optional<Instant> completedAt) {}

    /** @param head empty when there are no messages */
    record Tree(List<Checked> messages, Optional<UUID> head) {}

    private final Supplier<UUID> ids;
    private final Instant now;
    private final Map<UUID, Checked> byOldId = new HashMap<>();
    private final List<Checked> checked = new ArrayList<>();
    private final Set<UUID> answered = new HashSet<>();

    private ImportCheck(Supplier<UUID> ids, Instant now) {
        this.ids = ids;
        this.now = now;
    }

    /** @throws Problem 400 that names the field */
    static Tree check(ChatFile file, Supplier<UUID> ids, Instant now) {
        if (!file.format().equals(Optional.of(ChatFile.FORMAT))) {
            throw Problem.invalid("format", "\"format\" must be \"%s\".".formatted(ChatFile.FORMAT));
        }
        if (!file.version().equals(Optional.of(ChatFile.VERSION))) {
            throw Problem.invalid(
                    "version", "\"version\" must be %d, the one that is known here.".formatted(ChatFile.VERSION));
        }
        List<Entry> messages = Fields.required("messages", file.messages());
        if (messages.size() > MOST_MESSAGES) {
            throw Problem.invalid(
                    "messages",
                    "\"messages\" has %d entries; %d are allowed.".formatted(messages.size(), MOST_MESSAGES));
        }
        return new ImportCheck(ids, now).tree(messages, file.head());
    }

    private Tree tree(List<Entry> messages, Optional<UUID> head) {
        for (int i = 0; i < messages.size(); i++) {
            add("messages[%d].".formatted(i), messages.get(i));
        }
        Optional<Checked> end = head.map(id -> Optional.ofNullable(byOldId.get(id))
                        .orElseThrow(() -> Problem.invalid("head", "\"head\" must be the id of one of the messages.")))
                .or(() -> checked.isEmpty() ? Optional.empty() : Optional.of(checked.getLast()));
        Map<UUID, UUID> added = new HashMap<>();
        for (Checked question : List.copyOf(checked)) {
            if (question.role() == Role.USER && !answered.contains(question.id())) {
                added.put(question.id(), unanswered(question).id());
            }
        }
        return new Tree(checked, end.map(last -> added.getOrDefault(last.id(), answer(last))));
    }

    /** A branch ends with an answer. */
    private UUID answer(Checked last) {
        return last.role() == Role.ASSISTANT
                ? last.id()
                : checked.stream()
                        .filter(message -> message.parentId().equals(Optional.of(last.id())))
                        .reduce((first, second) -> second)
                        .orElseThrow()
                        .id();
    }

    private void add(String field, Entry entry) {
        UUID old = Fields.required(field + "id", entry.id());
        Role role = Fields.required(field + "role", entry.role());
        String content =
                Fields.bounded(field + "content", Fields.required(field + "content", entry.content()), MAX_CONTENT);
        if (role == Role.USER && content.isBlank()) {
            throw Problem.invalid(field + "content", "\"%scontent\" must not be empty.".formatted(field));
        }
        entry.model().ifPresent(model -> Fields.text(field + "model", model, MAX_MODEL));
        entry.usage().ifPresent(usage -> {
            Fields.between(field + "usage.inputTokens", usage.inputTokens(), 0, Integer.MAX_VALUE);
            Fields.between(field + "usage.outputTokens", usage.outputTokens(), 0, Integer.MAX_VALUE);
        });
        Optional<Checked> parent = entry.parentId().map(id -> Optional.ofNullable(byOldId.get(id))
                .orElseThrow(() -> Problem.invalid(
                        field + "parentId", "\"%sparentId\" must be the id of a message before it.".formatted(field))));
        Role before = role == Role.USER ? Role.ASSISTANT : Role.USER;
        if (parent.map(Checked::role).orElse(Role.ASSISTANT) != before) {
            throw Problem.invalid(
                    field + "role", "\"%srole\": questions and answers must take turns.".formatted(field));
        }
        Status status = role == Role.USER
                ? Status.COMPLETED
                : entry.status().filter(given -> !given.pending()).orElse(Status.CANCELLED);
        Checked message = new Checked(
                ids.get(),
                parent.map(Checked::id),
                role,
                content,
                status,
                entry.error(),
                entry.model(),
                entry.usage().map(usage -> usage.inputTokens()),
                entry.usage().map(usage -> usage.outputTokens()),
                time(field + "createdAt", entry.createdAt()).orElse(now),
                time(field + "completedAt", entry.completedAt()));
        if (byOldId.putIfAbsent(old, message) != null) {
            throw Problem.invalid(field + "id", "\"%sid\" is the id of an earlier message.".formatted(field));
        }
        parent.map(Checked::id).ifPresent(answered::add);
        checked.add(message);
    }

    private Optional<Instant> time(String field, Optional<Instant> given) {
        given.filter(at -> at.isBefore(Instant.EPOCH) || at.isAfter(now)).ifPresent(at -> {
            throw Problem.invalid(field, "\"%s\" must be a time from 1970 until now.".formatted(field));
        });
        return given;
    }

    private Checked unanswered(Checked question) {
        Checked answer = new Checked(
                ids.get(),
                Optional.of(question.id()),
                Role.ASSISTANT,
                "",
                Status.CANCELLED,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                question.createdAt(),
                Optional.of(question.createdAt()));
        checked.add(answer);
        return answer;
    }
}
