package dev.parley.worker.quota;

/**
 * This worker's place among the live ones, from their heartbeats; what it may spend while Redis is away follows from it.
 *
 * @param count live workers, this one included
 * @param rank of this one among them, from 0; all workers must agree on the order, as by sorting their ids
 * @param allWithoutRedis whether every live worker last said that it is without Redis; while one still spends from the
 *     shared quota, nobody may spend beside it
 */
public record WorkerShare(int count, int rank, boolean allWithoutRedis) {
    public WorkerShare {
        if (count < 1 || rank < 0 || rank >= count) {
            throw new IllegalArgumentException("rank %d of %d workers".formatted(rank, count));
        }
        // There is no one else to ask.
        allWithoutRedis = allWithoutRedis || count == 1;
    }

    /** Takes Redis to be away for all when it is away for one. */
    public WorkerShare(int count, int rank) {
        this(count, rank, true);
    }

    /** The only worker there is. */
    public static WorkerShare alone() {
        return new WorkerShare(1, 0, true);
    }

    /** What this worker may spend of a group's limit; over all ranks it adds up to the limit. */
    int of(int limit, String group) {
        int remainder = limit % count;
        // Which workers get the remainder differs by group, so that a limit below the number of workers idles none.
        boolean extra = Math.floorMod(rank + group.hashCode(), count) < remainder;
        return limit / count + (extra ? 1 : 0);
    }
}
