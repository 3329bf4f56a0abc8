package dev.parley.api.search;

import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * What somebody looks for, as two {@code to_tsquery} expressions: all words have to be there.
 *
 * @param words all but the last, in any form
 * @param last the beginning of a word, as the last may still be being typed
 */
record SearchQuery(String words, String last) {
    /** More words than this narrow nothing any more. */
    private static final int MOST_WORDS = 16;

    private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{M}\\p{N}]+");

    /** @return empty when there is no word to look for */
    static Optional<SearchQuery> of(String text) {
        List<String> words = WORD.matcher(text)
                .results()
                .map(MatchResult::group)
                .limit(MOST_WORDS)
                .toList();
        return words.isEmpty()
                ? Optional.empty()
                : Optional.of(new SearchQuery(
                        String.join(" & ", words.subList(0, words.size() - 1)), words.getLast() + ":*"));
    }
}
