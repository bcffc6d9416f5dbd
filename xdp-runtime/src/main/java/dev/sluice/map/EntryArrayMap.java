package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;

/**
 * What maps of interfaces and of CPUs have in common: entries by index, which programs may read when they are set, and only
 * user space writes.
 *
 * <pre>
 * entry:  what it is u32, 0 where there is none | program id u32
 * </pre>
 *
 * <p>An entry is written with one store, so that a redirect never sees a half of one and a half of another.
 */
abstract class EntryArrayMap extends IndexedMap implements RedirectMap {
    private final int valueSize;
    private final long values;

    EntryArrayMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
        valueSize = def.valueSize();
        values = allocateRegion(Long.BYTES * Integer.toUnsignedLong(def.maxEntries()), false);
    }

    private long address(int index) {
        return values + (index & 0xffff_ffffL) * Long.BYTES;
    }

    /** An entry; 0 where there is none, also out of range. */
    final long entry(int index) {
        return inRange(index) ? (long) Memory.ATOMIC_LONG.getAcquire(Memory.ALL, address(index)) : 0;
    }

    /**
     * Writes an entry that is in range.
     *
     * @param what 0 to remove it
     */
    final void set(int index, int what, int program) {
        long entry = what == 0 ? 0 : what & 0xffff_ffffL | (long) program << Integer.SIZE;
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, address(index), entry);
    }

    /** The program in a value of user space's, 0 where values have none. */
    final int program(byte[] value) {
        return valueSize == Long.BYTES ? (int) INT_LE.get(value, Integer.BYTES) : 0;
    }

    @Override
    public final boolean hasTarget(int key) {
        return (int) entry(key) != 0;
    }

    @Override
    public final long lookup(long key, int cpu) {
        int index = index(key);
        return hasTarget(index) ? address(index) : 0;
    }

    @Override
    public final int update(long key, long value, long flags, int cpu) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public final int delete(long key) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public final int userValueSize() {
        return valueSize;
    }

    @Override
    final byte[] read(byte[] key) {
        int index = index(key);
        return hasTarget(index) ? Memory.bytes(address(index), valueSize) : null;
    }

    @Override
    final int erase(byte[] key) {
        int index = index(key);
        if (!inRange(index)) {
            return Errno.EINVAL.negative();
        }
        set(index, 0, 0);
        return 0;
    }
}
