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
    private record Snapshot(long version, long[] starts, long[] ends, boolean[] writable) {}

    private volatile Snapshot snapshot = new Snapshot(1, new long[0], new long[0], new boolean[0]);

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
        snapshot = new Snapshot(old.version + 1, starts, ends, writable);
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
        snapshot = new Snapshot(old.version + 1, starts, ends, writable);
    }

    /** Whether all bytes of an access are in one area that allows it. */
    public boolean allows(long address, long bytes, boolean write) {
        Snapshot now = snapshot;
        int at = find(now, address);
        return at >= 0
                && bytes >= 0
                && address < now.ends[at] // also keeps the subtraction from wrapping
                && bytes <= now.ends[at] - address
                && (!write || now.writable[at]);
    }

    /** Above 0; changes whenever an area comes or goes: what was learnt under an older version does not hold any more. */
    public long version() {
        return snapshot.version;
    }

    /**
     * Looks up the area around an address.
     *
     * @param area takes its start, its end and whether programs may write (1 or 0), from index {@code at} on
     * @return whether there is one
     */
    public boolean area(long address, long[] area, int at) {
        Snapshot now = snapshot;
        int found = find(now, address);
        if (found < 0 || address >= now.ends[found]) {
            return false;
        }
        area[at] = now.starts[found];
        area[at + 1] = now.ends[found];
        area[at + 2] = now.writable[found] ? 1 : 0;
        return true;
    }

    /** The last area that starts at or before an address, or -1. */
    private static int find(Snapshot now, long address) {
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
        return high;
    }
}
