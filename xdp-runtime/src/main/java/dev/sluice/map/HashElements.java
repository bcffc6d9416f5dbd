package dev.sluice.map;

import dev.sluice.memory.QuiescentStates;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The elements of a {@link HashTableMap} that hold no entry, and how many do. Preallocated, all exist from the start and are
 * used again at once; else they are made in chunks, and used again when every queue has been in a quiescent state. Any thread;
 * a lock of its own, taken behind those of buckets.
 */
final class HashElements {
    /** Makes elements. */
    interface Maker {
        /**
         * The address of the first of so many elements, which follow each other.
         *
         * @throws OutOfMemoryError when there is no memory for them
         */
        long make(long count);
    }

    private static final int FIRST_CHUNK = 64;
    private static final int MAX_CHUNK = 1 << 16;

    private final Maker maker;
    private final long elementBytes;
    private final int maxEntries;
    private final long mostElements;
    private final SpinLocks lock = new SpinLocks(1);

    /** Freed elements of a map without preallocation; null with it. */
    private final @Nullable Limbo limbo;

    // --- under the lock
    private long elements;
    private int count;
    private long[] free = new long[FIRST_CHUNK];
    private int freeCount;

    /**
     * @param states when elements may be used again; null to make all at once and use them again at once
     * @param mostElements elements that may ever exist
     * @throws OutOfMemoryError when there is no memory for them
     */
    HashElements(Maker maker, long elementBytes, int maxEntries, long mostElements, @Nullable QuiescentStates states) {
        this.maker = maker;
        this.elementBytes = elementBytes;
        this.maxEntries = maxEntries;
        this.mostElements = mostElements;
        limbo = states == null ? null : new Limbo(states);
        if (limbo == null) {
            add(mostElements);
        }
    }

    /** An element, or a negative error number. */
    long take(boolean newEntry) {
        lock.lock(0);
        try {
            if (newEntry && count >= maxEntries) {
                return Errno.E2BIG.negative();
            }
            long element = freeCount > 0 ? free[--freeCount] : limbo == null ? 0 : takeMade(limbo);
            if (element == 0) {
                return Errno.ENOMEM.negative();
            }
            if (newEntry) {
                count++;
            }
            return element;
        } finally {
            lock.unlock(0);
        }
    }

    /** One that was used before, or a new one; 0 when there is no memory. */
    private long takeMade(Limbo limbo) {
        long element = limbo.take();
        if (element != 0) {
            return element;
        }
        if (elements < mostElements) {
            try {
                add(Math.min(mostElements - elements, Math.clamp(elements, FIRST_CHUNK, MAX_CHUNK)));
                return free[--freeCount];
            } catch (OutOfMemoryError e) {
                // there may be one that was freed just now
            }
        }
        return limbo.takeAnyway();
    }

    /** Takes back an element that left its bucket. */
    void give(long element, boolean entryGone) {
        lock.lock(0);
        try {
            if (limbo != null) {
                limbo.add(element);
            } else {
                free[freeCount++] = element;
            }
            if (entryGone) {
                count--;
            }
        } finally {
            lock.unlock(0);
        }
    }

    /** Hands all free elements to somebody else, for good. */
    long[] takeAll() {
        long[] all = Arrays.copyOf(free, freeCount);
        free = new long[0];
        freeCount = 0;
        return all;
    }

    /** Number of entries. */
    int count() {
        lock.lock(0);
        try {
            return count;
        } finally {
            lock.unlock(0);
        }
    }

    private void add(long more) {
        long chunk = maker.make(more);
        if (free.length < freeCount + more) {
            free = Arrays.copyOf(free, Math.toIntExact(Math.max(freeCount + more, free.length * 2L)));
        }
        // The last first: elements are then taken in the order of their addresses.
        for (long i = more - 1; i >= 0; i--) {
            free[freeCount++] = chunk + i * elementBytes;
        }
        elements += more;
    }
}
