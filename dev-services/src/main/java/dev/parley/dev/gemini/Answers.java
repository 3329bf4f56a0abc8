package dev.parley.dev.gemini;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** Writes the fake's answers: plausible Markdown that depends on nothing but the prompt, so that a test knows what comes. */
final class Answers {
    /** Length of a short answer. */
    static final int SHORT = 80;

    private static final int ECHO = 300;
    private static final int CHUNK = 60;
    private static final RandomGeneratorFactory<RandomGenerator> RANDOM = RandomGeneratorFactory.of("L64X128MixRandom");

    private static final List<String> OPENINGS = List.of(
            "That is a question with more than one good answer, so here is the short version first and the reasons after it.",
            "The idea behind this is simpler than it looks: keep what you must not lose in one place, and derive the rest.",
            "There are three things to look at here, and the order in which you look at them matters.",
            "In practice the answer depends on how often it happens, and on what it costs when it goes wrong.");
    private static final List<String> BODIES = List.of(
            "Start with the **smallest version that works**. Measure it, write the number down, and change *one* thing at a"
                    + " time; otherwise you will not know which change helped.",
            "A common mistake is to treat the two cases alike. They differ in who waits: in the first it is the reader, in"
                    + " the second it is the writer, and only one of them can try again without harm.",
            "It helps to say out loud what must always be true. Everything that follows from that sentence needs no test of"
                    + " its own, and everything that does not follow from it needs one.",
            "The cost grows slowly at first and then all at once, because every waiting part keeps others waiting. Bounds on"
                    + " queues and on time are what keeps it from doing so.",
            "You can see the effect with plain numbers: halve the time spent waiting and the same machine serves twice as"
                    + " many people, without being any faster.");
    private static final List<String> CODES = List.of(
            "```python\ndef mean(values: list[float]) -> float:\n    \"\"\"The arithmetic mean; an empty list has none.\"\"\"\n"
                    + "    if not values:\n        raise ValueError(\"no values\")\n    return sum(values) / len(values)\n```",
            "```java\nrecord Interval(int from, int to) {\n    boolean contains(int x) {\n        return from <= x && x < to;\n"
                    + "    }\n}\n```",
            "```sql\nSELECT author, count(*) AS books\n  FROM book\n WHERE published >= DATE '2020-01-01'\n GROUP BY author\n"
                    + " ORDER BY books DESC\n LIMIT 10;\n```");
    private static final List<String> FORMULAS = List.of(
            "$$\n\\bar{x} = \\frac{1}{n} \\sum_{i=1}^{n} x_i\n$$",
            "$$\nL = \\lambda W\n$$", "$$\n\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}\n$$");
    private static final List<String> CLOSINGS = List.of(
            "If you tell me more about your case, I can be more precise. 🙂",
            "Shall I go through one of these points in detail?",
            "In short: **begin small, measure, and keep what proves itself.** ✅");

    private Answers() {}

    /** The answer to a prompt that is the n-th turn of its user, as the behaviour shapes it. */
    static String text(String prompt, int turn, Behaviour behaviour) {
        if (behaviour.answer().isPresent()) {
            return behaviour.answer().get();
        }
        String shown = Behaviour.withoutMarker(prompt);
        if (behaviour.size().isPresent()) {
            return sized(shown, turn, behaviour.size().getAsInt());
        }
        return markdown(shown, turn);
    }

    /** Cuts a text into this many chunks of nearly equal length, never inside a code point. */
    static List<String> chunks(String text, Behaviour behaviour) {
        int points = text.codePointCount(0, text.length());
        int count = Math.min(Math.max(points, 1), behaviour.chunks().orElse((points + CHUNK - 1) / CHUNK));
        var chunks = new ArrayList<String>(Math.max(count, 1));
        int from = 0;
        int done = 0;
        for (int i = 1; i < count; i++) {
            int upTo = (int) ((long) points * i / count);
            int to = text.offsetByCodePoints(from, upTo - done);
            chunks.add(text.substring(from, to));
            from = to;
            done = upTo;
        }
        chunks.add(text.substring(from));
        return chunks;
    }

    /** A rough count, four characters a token, that is the same wherever it is needed. */
    static int tokens(String text) {
        return Math.max(1, (text.codePointCount(0, text.length()) + 3) / 4);
    }

    /** At most this many code points from the beginning of a text. */
    static String clip(String text, long points) {
        return text.codePointCount(0, text.length()) <= points
                ? text
                : text.substring(0, text.offsetByCodePoints(0, (int) points));
    }

    private static String markdown(String prompt, int turn) {
        RandomGenerator random =
                RANDOM.create(Long.parseUnsignedLong(Ledger.hash(prompt).substring(0, 16), 16));
        String line = prompt.replaceAll("\\s+", " ").strip();
        String title = clip(line, 60).replaceAll("[#*_`|<>\\[\\]$]", "").strip();
        int first = random.nextInt(10, 90);
        int body = random.nextInt(BODIES.size());
        var text = new StringBuilder();
        text.append("## ").append(title.isEmpty() ? "An answer" : title).append("\n\n");
        text.append("> ").append(clip(line, ECHO)).append("\n\n");
        text.append(pick(OPENINGS, random)).append(" (Turn ").append(turn).append(" of our conversation.)\n\n");
        text.append(BODIES.get(body)).append("\n\n");
        text.append("| Step | What happens | Cost |\n|---|---|---:|\n");
        for (String step : List.of("Accept", "Prepare", "Answer")) {
            text.append("| ").append(step).append(" | ");
            text.append(step.equals("Answer") ? "the text arrives, piece by piece" : "one durable write");
            text.append(" | ").append(first).append(" ms |\n");
            first += random.nextInt(5, 40);
        }
        text.append("\n### An example\n\n").append(pick(CODES, random)).append("\n\n");
        text.append("The same as a formula:\n\n").append(pick(FORMULAS, random)).append("\n\n");
        for (int i = 1, more = random.nextInt(3); i <= more; i++) {
            text.append(BODIES.get((body + i) % BODIES.size())).append("\n\n");
        }
        return text.append(pick(CLOSINGS, random)).append('\n').toString();
    }

    /** Exactly this many UTF-16 characters; where a surrogate pair would be cut, a full stop takes its place. */
    private static String sized(String prompt, int turn, int size) {
        var text = new StringBuilder(size + 2_000);
        if (size <= SHORT) {
            text.append("You wrote: ").append(prompt.replaceAll("\\s+", " ")).append(". ");
        } else {
            text.append(markdown(prompt, turn)).append('\n');
        }
        for (int i = 0; text.length() < size; i++) {
            text.append(BODIES.get(i % BODIES.size())).append("\n\n");
        }
        if (Character.isHighSurrogate(text.charAt(size - 1))) {
            text.setCharAt(size - 1, '.');
        }
        text.setLength(size);
        return text.toString();
    }

    private static String pick(List<String> choices, RandomGenerator random) {
        return choices.get(random.nextInt(choices.size()));
    }
}
