package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SlidingLogTest {
    private static final long SPAN = 40;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void theGapIsTheFirstTimeAtWhichTheLawHolds(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int limit = 1 + random.nextInt(5);
            SlidingLog log = new SlidingLog(SPAN);
            List<Long> slots = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                long from = random.nextInt(200);
                long gap = log.gap(from, limit);
                long expected = from;
                while (!lawful(slots, expected, limit)) {
                    expected++;
                }
                assertThat(gap).isEqualTo(expected);
                log.add(new SlidingLog.Entry(gap, "m" + i, new ReservationId("r" + i), true, 0));
                slots.add(gap);
                if (random.nextInt(4) == 0) {
                    int gone = random.nextInt(i + 1);
                    log.remove("m" + gone).ifPresent(entry -> slots.remove(entry.slot()));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void withTokensTheGapIsTheFirstTimeAtWhichBothLawsHold(long seed) {
        Random random = new Random(seed);
        int most = 20;
        for (int round = 0; round < 100; round++) {
            int limit = 1 + random.nextInt(5);
            SlidingLog log = new SlidingLog(SPAN);
            List<SlidingLog.Entry> entries = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                int tokens = 1 + random.nextInt(most);
                long from = random.nextInt(200);
                long gap = log.gap(from, limit, tokens, most);
                long expected = from;
                while (!lawful(entries.stream().map(SlidingLog.Entry::slot).toList(), expected, limit)
                        || !fits(entries, expected, tokens, most)) {
                    expected++;
                }
                assertThat(gap).isEqualTo(expected);
                SlidingLog.Entry entry = new SlidingLog.Entry(gap, "m" + i, new ReservationId("r" + i), true, tokens);
                log.add(entry);
                entries.add(entry);
            }
        }
    }

    private static boolean fits(List<SlidingLog.Entry> entries, long added, int tokens, int most) {
        for (long start = added - SPAN + 1; start <= added; start++) {
            long from = start;
            int sum = entries.stream()
                    .filter(entry -> entry.slot() >= from && entry.slot() < from + SPAN)
                    .mapToInt(SlidingLog.Entry::tokens)
                    .sum();
            if (sum + tokens > most) {
                return false;
            }
        }
        return true;
    }

    private static boolean lawful(List<Long> slots, long added, int limit) {
        List<Long> all = new ArrayList<>(slots);
        all.add(added);
        Collections.sort(all);
        for (int i = limit; i < all.size(); i++) {
            if (all.get(i) - all.get(i - limit) < SPAN) {
                return false;
            }
        }
        return true;
    }
}
