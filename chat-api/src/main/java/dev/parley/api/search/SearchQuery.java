package dev.parley.api.search;

import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What somebody looks for, as PostgreSQL takes it. */
final class SearchQuery {
    /** More words than this narrow nothing any more. */
    private static final int MOST_WORDS = 16;

    private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{M}\\p{N}]+");

    private SearchQuery() {}

    /**
     * All words have to be there; of the last, which may still be being typed, the beginning.
     *
     * @return a {@code to_tsquery} expression; empty when there is no word to look for
     */
    static Optional<String> of(String text) {
        List<String> words = WORD.matcher(text)
                .results()
                .map(MatchResult::group)
                .limit(MOST_WORDS)
                .toList();
        return words.isEmpty()
                ? Optional.empty()
                : Optional.of(words.stream().collect(Collectors.joining(" & ", "", ":*")));
    }
}
