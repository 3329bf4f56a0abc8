package dev.parley.api.message;

/** The title that a chat gets from its first message. */
final class Title {
    private static final int MAX = 60;
    /** A cut at a space is only worth it when it leaves about half. */
    private static final int MIN = MAX / 2;

    private Title() {}

    /** The first line that says something, at most 60 code points, cut after a word where it has to be cut. */
    static String of(String content) {
        String line = content.lines()
                .map(String::strip)
                .filter(text -> !text.isEmpty())
                .findFirst()
                .orElse("");
        if (line.codePointCount(0, line.length()) <= MAX) {
            return line;
        }
        String cut = line.substring(0, line.offsetByCodePoints(0, MAX - 1));
        int space = line.lastIndexOf(' ', cut.length());
        return (space >= MIN ? cut.substring(0, space) : cut).strip() + "…";
    }
}
