package dev.sluice.memory;

import java.util.Arrays;

/**
 * The areas of native memory that programs may touch, for engines that check every access: map values, stacks, and
 * whatever else a runtime lends to its programs. The packet at hand is not among them; engines know its bounds.
 *
 * <p>Readers take an immutable snapshot without a lock; additions and removals copy it. Any thread.
 */
public final class Regions {
    /** Sorted, disjoint: starts[i] up to (not with) ends[i]. */
    private record Snapshot(long[] starts, long[] ends, boolean[] writable) {}

    private volatile Snapshot snapshot = new Snapshot(new long[0], new long[0], new boolean[0]);

    /**
     * Makes an area known.
     *
     * @param start its first address
     * @param bytes its length, above 0
     * @param programsMayWrite false for read-only data
     */
    public synchronized void add(long start, long bytes, boolean programsMayWrite) {
        Snapshot old = snapshot;
        int at = -Arrays.binarySearch(old.starts, start) - 1;
        boolean overlaps = at < 0
                || bytes <= 0
                || at > 0 && old.ends[at - 1] > start
                || at < old.starts.length && old.starts[at] < start + bytes;
        if (overlaps) {
            throw new AssertionError("region overlaps another: start=" + start + " bytes=" + bytes);
        }
        int size = old.starts.length + 1;
        long[] starts = new long[size];
        long[] ends = new long[size];
        boolean[] writable = new boolean[size];
        System.arraycopy(old.starts, 0, starts, 0, at);
        System.arraycopy(old.ends, 0, ends, 0, at);
        System.arraycopy(old.writable, 0, writable, 0, at);
        starts[at] = start;
        ends[at] = start + bytes;
        writable[at] = programsMayWrite;
        System.arraycopy(old.starts, at, starts, at + 1, size - 1 - at);
        System.arraycopy(old.ends, at, ends, at + 1, size - 1 - at);
        System.arraycopy(old.writable, at, writable, at + 1, size - 1 - at);
        snapshot = new Snapshot(starts, ends, writable);
    }

    /** Forgets the area that starts at an address. */
    public synchronized void remove(long start) {
        Snapshot old = snapshot;
        int at = Arrays.binarySearch(old.starts, start);
        if (at < 0) {
            throw new AssertionError("no region starts at " + start);
        }
        int size = old.starts.length - 1;
        long[] starts = new long[size];
        long[] ends = new long[size];
        boolean[] writable = new boolean[size];
        System.arraycopy(old.starts, 0, starts, 0, at);
        System.arraycopy(old.ends, 0, ends, 0, at);
        System.arraycopy(old.writable, 0, writable, 0, at);
        System.arraycopy(old.starts, at + 1, starts, at, size - at);
        System.arraycopy(old.ends, at + 1, ends, at, size - at);
        System.arraycopy(old.writable, at + 1, writable, at, size - at);
        snapshot = new Snapshot(starts, ends, writable);
    }

    /** Whether all bytes of an access are in one area that allows it. */
    public boolean allows(long address, long bytes, boolean write) {
        Snapshot now = snapshot;
        long[] starts = now.starts;
        int low = 0;
        int high = starts.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (starts[middle] <= address) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return high >= 0
                && bytes >= 0
                && bytes <= now.ends[high] - address
                && address < now.ends[high] // also keeps the subtraction above from wrapping
                && (!write || now.writable[high]);
    }
}
