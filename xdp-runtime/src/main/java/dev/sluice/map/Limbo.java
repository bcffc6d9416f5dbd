package dev.sluice.map;

import dev.sluice.memory.QuiescentStates;
import java.util.Arrays;

/**
 * Elements that have left a structure while somebody may still stand on them: they can be taken again when every queue has
 * been in a quiescent state since. Two generations, so that a stamp is made for many elements at once:
 *
 * <pre>
 * add ──> young ──(the old ones are gone: stamp)──> old ──(the stamp has passed)──> free ──> take
 * </pre>
 *
 * <p>Used under a lock of its owner. Allocates when there are more elements than ever before.
 */
final class Limbo {
    private static final int FIRST = 64;

    private final QuiescentStates states;
    private long[] young = new long[FIRST];
    private int youngCount;
    private long[] old = new long[FIRST];
    private int oldCount;
    private long oldStamp;
    private long[] free = new long[FIRST];
    private int freeCount;

    Limbo(QuiescentStates states) {
        this.states = states;
    }

    /** An element has been unlinked. */
    void add(long element) {
        if (youngCount == young.length) {
            young = Arrays.copyOf(young, youngCount * 2);
        }
        young[youngCount++] = element;
    }

    /** An element that nobody stands on, or 0. */
    long take() {
        if (freeCount == 0) {
            free();
            age();
            free();
        }
        return freeCount == 0 ? 0 : free[--freeCount];
    }

    /** An element that somebody may stand on, the youngest last; 0 when there is none. */
    long takeAnyway() {
        long element = take();
        if (element != 0 || oldCount == 0) {
            return element;
        }
        return old[--oldCount];
    }

    private void free() {
        if (freeCount == 0 && oldCount > 0 && states.passed(oldStamp)) {
            long[] empty = free;
            free = old;
            freeCount = oldCount;
            old = empty;
            oldCount = 0;
        }
    }

    private void age() {
        if (oldCount == 0 && youngCount > 0) {
            long[] empty = old;
            old = young;
            oldCount = youngCount;
            young = empty;
            youngCount = 0;
            oldStamp = states.stamp();
        }
    }
}
