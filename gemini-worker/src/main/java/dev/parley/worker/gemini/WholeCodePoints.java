package dev.parley.worker.gemini;

/**
 * Makes of pieces of UTF-16, cut anywhere, pieces of whole code points that every store takes: the first half of a pair
 * waits for its second; a half that stays alone, and NUL, which PostgreSQL's text cannot hold, become U+FFFD. One thread.
 */
final class WholeCodePoints {
    private static final char REPLACEMENT = '\uFFFD';

    private char held;

    /** @return what can be passed on by now, maybe nothing */
    String add(String piece) {
        if (held == 0 && isClean(piece)) {
            return piece;
        }
        StringBuilder out = new StringBuilder(piece.length() + 1);
        for (int i = 0; i < piece.length(); i++) {
            char c = piece.charAt(i);
            if (held != 0) {
                if (Character.isLowSurrogate(c)) {
                    out.append(held).append(c);
                    held = 0;
                    continue;
                }
                out.append(REPLACEMENT);
                held = 0;
            }
            if (Character.isHighSurrogate(c)) {
                held = c;
            } else {
                out.append(Character.isLowSurrogate(c) || c == 0 ? REPLACEMENT : c);
            }
        }
        return out.toString();
    }

    /** No more pieces come. */
    String end() {
        if (held == 0) {
            return "";
        }
        held = 0;
        return String.valueOf(REPLACEMENT);
    }

    /** No surrogate and no NUL: nearly every delta. */
    private static boolean isClean(String piece) {
        for (int i = 0; i < piece.length(); i++) {
            char c = piece.charAt(i);
            if (Character.isSurrogate(c) || c == 0) {
                return false;
            }
        }
        return true;
    }
}
