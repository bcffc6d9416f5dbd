package dev.sluice.memory;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The areas of native memory that programs may touch, for engines that check every access: map values, stacks, and
 * whatever else a runtime lends to its programs. The packet at hand is not among them; engines know its bounds.
 *
 * <p>Readers take an immutable snapshot without a lock; additions and removals copy it. Any thread.
 */
public final class Regions {
    /**
     * What of an area programs may touch: {@code valueBytes} from {@code valueOffset} on, and again every {@code
     * elementBytes}.
     */
    private record Area(long start, long end, long elementBytes, long valueOffset, long valueBytes, boolean writable) {
        /** The beginning of the value that an address of the area is in, or 0. */
        long valueAround(long address) {
            long value = start + (address - start) / elementBytes * elementBytes + valueOffset;
            return address >= value && address < value + valueBytes ? value : 0;
        }
    }

    /** Sorted by their starts, disjoint. */
    private record Snapshot(long version, long[] starts, Area[] areas) {}

    private volatile Snapshot snapshot = new Snapshot(1, new long[0], new Area[0]);

    /**
     * Makes an area known.
     *
     * @param start its first address
     * @param bytes its length, above 0
     * @param programsMayWrite false for read-only data
     */
    public void add(long start, long bytes, boolean programsMayWrite) {
        add(start, bytes, bytes, 0, bytes, programsMayWrite);
    }

    /**
     * Makes an area known that values are only a part of.
     *
     * @param start its first address
     * @param bytes its length, above 0
     * @param elementBytes bytes from a value to the next
     * @param valueOffset bytes from the start to the first value
     * @param valueBytes bytes of a value
     * @param programsMayWrite false for read-only data
     */
    public synchronized void add(
            long start, long bytes, long elementBytes, long valueOffset, long valueBytes, boolean programsMayWrite) {
        Snapshot old = snapshot;
        int at = -Arrays.binarySearch(old.starts, start) - 1;
        boolean overlaps = at < 0
                || bytes <= 0
                || at > 0 && old.areas[at - 1].end > start
                || at < old.starts.length && old.starts[at] < start + bytes;
        if (overlaps) {
            throw new AssertionError("region overlaps another: start=" + start + " bytes=" + bytes);
        }
        int size = old.starts.length + 1;
        long[] starts = new long[size];
        Area[] areas = new Area[size];
        System.arraycopy(old.starts, 0, starts, 0, at);
        System.arraycopy(old.areas, 0, areas, 0, at);
        starts[at] = start;
        areas[at] = new Area(start, start + bytes, elementBytes, valueOffset, valueBytes, programsMayWrite);
        System.arraycopy(old.starts, at, starts, at + 1, size - 1 - at);
        System.arraycopy(old.areas, at, areas, at + 1, size - 1 - at);
        snapshot = new Snapshot(old.version + 1, starts, areas);
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
        Area[] areas = new Area[size];
        System.arraycopy(old.starts, 0, starts, 0, at);
        System.arraycopy(old.areas, 0, areas, 0, at);
        System.arraycopy(old.starts, at + 1, starts, at, size - at);
        System.arraycopy(old.areas, at + 1, areas, at, size - at);
        snapshot = new Snapshot(old.version + 1, starts, areas);
    }

    /** Whether all bytes of an access are in one area that allows it. */
    public boolean allows(long address, long bytes, boolean write) {
        Area area = find(snapshot, address);
        if (area == null || bytes < 0 || write && !area.writable) {
            return false;
        }
        long value = area.valueAround(address);
        return value != 0 && bytes <= value + area.valueBytes - address;
    }

    /** Above 0; changes whenever an area comes or goes: what was learnt under an older version does not hold any more. */
    public long version() {
        return snapshot.version;
    }

    /**
     * Looks up what may be touched around an address: an area or a value in it.
     *
     * @param area takes its start, its end and whether programs may write (1 or 0), from index {@code at} on
     * @return whether there is one
     */
    public boolean area(long address, long[] area, int at) {
        Area found = find(snapshot, address);
        long value = found == null ? 0 : found.valueAround(address);
        if (found == null || value == 0) {
            return false;
        }
        area[at] = value;
        area[at + 1] = value + found.valueBytes;
        area[at + 2] = found.writable ? 1 : 0;
        return true;
    }

    /** The area around an address, or null. */
    private static @Nullable Area find(Snapshot now, long address) {
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
        return high >= 0 && address < now.areas[high].end ? now.areas[high] : null;
    }
}
