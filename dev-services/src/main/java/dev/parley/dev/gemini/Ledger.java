package dev.parley.dev.gemini;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * Keeps the quota, the count of everything, and the admin rules. Thread-safe: one lock, held for a few map operations, and the
 * clock is read under it, so that arrivals are in order and the rolling count is exact.
 *
 * <p>Bounded: 10,000 keys (what comes after counts as one key, {@value #OTHERS}), 50,000 prompts (the oldest are
 * forgotten), 1,000 rules, 1,048,576 calls of a key in one window.
 */
final class Ledger {
    static final int MOST_KEYS = 10_000;
    static final int MOST_PROMPTS = 50_000;
    static final int MOST_RULES = 1_000;
    static final String OTHERS = "others";

    private static final int LONGEST_PROMPT = 1_000;

    private final Options options;
    private final LongSupplier nanoTime;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Use> keys = new LinkedHashMap<>();
    private final Map<String, Use> projects = new LinkedHashMap<>();
    private final LinkedHashMap<String, PromptCount> prompts = new LinkedHashMap<>();
    private final Map<String, Integer> outcomes = new TreeMap<>();
    private final List<Rule> rules = new ArrayList<>();
    private long forgottenPrompts;

    Ledger(Options options, LongSupplier nanoTime) {
        this.options = options;
        this.nanoTime = nanoTime;
    }

    /** Counts the arrival of a call; gives how long to wait when it is over the project's quota. */
    Optional<Duration> arrive(String apiKey) {
        lock.lock();
        try {
            long now = nanoTime.getAsLong();
            String key = mask(apiKey);
            String project = options.keys().getOrDefault(apiKey, key);
            if (!keys.containsKey(key) && keys.size() >= MOST_KEYS) {
                key = OTHERS;
                project = OTHERS;
            }
            Use ofKey = use(keys, key, project);
            Use ofProject = use(projects, project, project);
            ofKey.calls++;
            ofKey.arrivals.add(now);
            ofProject.calls++;
            ofProject.arrivals.add(now);
            if (options.quota().isEmpty()) {
                return Optional.empty();
            }
            if (ofProject.admitted.count(now) < options.quota().get().requests()) {
                ofProject.admitted.add(now);
                return Optional.empty();
            }
            ofKey.rejected++;
            ofProject.rejected++;
            return Optional.of(Duration.ofNanos(ofProject.admitted.untilOldestLeaves(now)));
        } finally {
            lock.unlock();
        }
    }

    /** Counts a call with this prompt. */
    void called(String prompt) {
        lock.lock();
        try {
            prompt(prompt).calls++;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Counts what became of a call. It is said before the response's last bytes leave, so that who has read the answer finds
     * it in the report.
     */
    void ended(Optional<String> prompt, String outcome, boolean completed) {
        lock.lock();
        try {
            outcomes.merge(outcome, 1, Integer::sum);
            prompt.ifPresent(text -> {
                PromptCount count = prompt(text);
                count.outcomes.merge(outcome, 1, Integer::sum);
                if (completed) {
                    count.completed++;
                }
            });
        } finally {
            lock.unlock();
        }
    }

    /** What this call shall do: its own marker before the rules of its key, of all, and the options; counts are used up. */
    Behaviour behaviour(String apiKey, String prompt, Optional<Behaviour> marker) {
        lock.lock();
        try {
            Behaviour own = marker.orElse(Behaviour.NORMAL);
            if (own.times().isPresent()
                    && prompt(prompt).misbehaved++ >= own.times().getAsInt()) {
                own = own.spent();
            }
            Behaviour weaker = options.behaviour();
            if (own.fault().isEmpty()) {
                Optional<Rule> rule = rules.stream()
                        .filter(r -> r.key.equals(Optional.of(apiKey)))
                        .findFirst()
                        .or(() -> rules.stream().filter(r -> r.key.isEmpty()).findFirst());
                if (rule.isPresent()) {
                    weaker = rule.get().use().over(weaker);
                }
            }
            return own.over(weaker);
        } finally {
            lock.unlock();
        }
    }

    /** Puts a rule in force for one key, or for all, in place of the one that was there. */
    void rule(Optional<String> apiKey, Behaviour behaviour) {
        lock.lock();
        try {
            rules.removeIf(rule -> rule.key.equals(apiKey));
            if (rules.size() >= MOST_RULES) {
                throw new InvalidBehaviour("key", "there are " + MOST_RULES + " rules already");
            }
            rules.add(new Rule(apiKey, behaviour));
        } finally {
            lock.unlock();
        }
    }

    void clearRules() {
        lock.lock();
        try {
            rules.clear();
        } finally {
            lock.unlock();
        }
    }

    /** The rules in force, as the admin call shows them. */
    List<Map<String, String>> rules() {
        lock.lock();
        try {
            return rules.stream()
                    .map(rule -> {
                        Map<String, String> fields = new LinkedHashMap<>();
                        rule.key.ifPresent(key -> fields.put("key", mask(key)));
                        fields.putAll(rule.behaviour.fields());
                        if (rule.behaviour.times().isPresent()) {
                            fields.put("left", Integer.toString(rule.left));
                        }
                        return fields;
                    })
                    .toList();
        } finally {
            lock.unlock();
        }
    }

    /** Forgets everything: counts, quota windows and rules. */
    void reset() {
        lock.lock();
        try {
            keys.clear();
            projects.clear();
            prompts.clear();
            outcomes.clear();
            rules.clear();
            forgottenPrompts = 0;
        } finally {
            lock.unlock();
        }
    }

    Report report(Map<String, Integer> held) {
        lock.lock();
        try {
            return new Report(
                    options.window().toMillis(),
                    keys.entrySet().stream()
                            .map(e -> new Report.KeyUse(
                                    e.getKey(),
                                    e.getValue().project,
                                    e.getValue().calls,
                                    e.getValue().rejected,
                                    e.getValue().arrivals.worst()))
                            .toList(),
                    projects.entrySet().stream()
                            .map(e -> new Report.ProjectUse(
                                    e.getKey(),
                                    e.getValue().calls,
                                    e.getValue().rejected,
                                    e.getValue().arrivals.worst()))
                            .toList(),
                    prompts.entrySet().stream()
                            .map(e -> new Report.PromptUse(
                                    e.getKey(),
                                    e.getValue().calls,
                                    e.getValue().completed,
                                    Map.copyOf(e.getValue().outcomes)))
                            .toList(),
                    forgottenPrompts,
                    Map.copyOf(outcomes),
                    held);
        } finally {
            lock.unlock();
        }
    }

    /** Enough of a key to tell it from others, and too little to use it. */
    static String mask(String apiKey) {
        String hash = hash(apiKey).substring(0, 8);
        return (apiKey.length() > 12 ? apiKey.substring(0, 4) + "…" : "…") + hash;
    }

    static String promptName(String text) {
        return text.length() <= LONGEST_PROMPT
                ? text
                : text.substring(0, LONGEST_PROMPT) + "…" + hash(text).substring(0, 16);
    }

    static String hash(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private Use use(Map<String, Use> uses, String name, String project) {
        return uses.computeIfAbsent(name, _ -> new Use(project, options.window().toNanos()));
    }

    private PromptCount prompt(String text) {
        String name = promptName(text);
        PromptCount count = prompts.get(name);
        if (count == null) {
            if (prompts.size() >= MOST_PROMPTS) {
                Iterator<String> oldest = prompts.keySet().iterator();
                oldest.next();
                oldest.remove();
                forgottenPrompts++;
            }
            count = new PromptCount();
            prompts.put(name, count);
        }
        return count;
    }

    private final class Rule {
        private final Optional<String> key;
        private final Behaviour behaviour;
        private int left;

        Rule(Optional<String> key, Behaviour behaviour) {
            this.key = key;
            this.behaviour = behaviour;
            this.left = behaviour.times().orElse(0);
        }

        private Behaviour use() {
            if (behaviour.times().isPresent()) {
                left--;
                if (left <= 0) {
                    rules.remove(this);
                }
            }
            return behaviour;
        }
    }

    private static final class Use {
        private final String project;
        private final RollingWindow arrivals;
        private final RollingWindow admitted;
        private int calls;
        private int rejected;

        Use(String project, long windowNanos) {
            this.project = project;
            this.arrivals = new RollingWindow(windowNanos);
            this.admitted = new RollingWindow(windowNanos);
        }
    }

    private static final class PromptCount {
        private final Map<String, Integer> outcomes = new TreeMap<>();
        private int calls;
        private int completed;
        private int misbehaved;
    }
}
