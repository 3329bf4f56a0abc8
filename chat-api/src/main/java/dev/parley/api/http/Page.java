package dev.parley.api.http;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A page of a list.
 *
 * @param next where the following page begins; empty on the last
 */
public record Page<T>(List<T> items, Optional<String> next) {
    /** From one item more than the page holds, when there is one. @param key of an item, as the list is sorted */
    public static <T> Page<T> of(List<T> items, int limit, Function<T, Cursor> key) {
        if (items.size() <= limit) {
            return new Page<>(items, Optional.empty());
        }
        List<T> page = List.copyOf(items.subList(0, limit));
        return new Page<>(page, Optional.of(key.apply(page.getLast()).encoded()));
    }
}
