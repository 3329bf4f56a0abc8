package dev.parley.api.message;

/** Text as PostgreSQL can hold it: no NUL characters and no halves of a surrogate pair. */
final class Storable {
    private static final int REPLACEMENT = 0xFFFD;

    private Storable() {}

    /** Replaces what cannot be stored, for texts that come from a model and must not get stuck. */
    static String text(String text) {
        if (text.codePoints().noneMatch(Storable::impossible)) {
            return text;
        }
        return text.codePoints()
                .map(point -> impossible(point) ? REPLACEMENT : point)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static boolean impossible(int point) {
        return point == 0 || (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE);
    }
}
