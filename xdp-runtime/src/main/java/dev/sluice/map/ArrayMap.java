package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * {@code BPF_MAP_TYPE_ARRAY}: values one behind the other, each rounded up to eight bytes, all there from the start.
 *
 * <pre>
 * valuesAddress + index * stride: value
 * </pre>
 *
 * <p>Updates copy over the value in place, as in the kernel; readers may see half of one.
 */
public final class ArrayMap extends IndexedMap {
    private static final int MMAPABLE = 1 << 10;

    private final long values;
    private final long stride;
    private final int valueSize;

    ArrayMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
        valueSize = def.valueSize();
        stride = roundUp8(valueSize);
        values = allocateRegion(
                Math.multiplyExact(stride, Integer.toUnsignedLong(def.maxEntries())), programsMayWrite());
    }

    /** The first value's address. */
    public long valuesAddress() {
        return values;
    }

    /** Bytes from a value to the next. */
    public long stride() {
        return stride;
    }

    @Override
    public long lookup(long key, int cpu) {
        int index = index(key);
        return inRange(index) ? address(index) : 0;
    }

    private long address(int index) {
        return values + (index & 0xffff_ffffL) * stride;
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        int index = index(key);
        int error = checkUpdate(index, flags);
        if (error != 0) {
            return error;
        }
        long to = address(index);
        if (!hasFields()) {
            Memory.copyShort(value, to, valueSize);
            return 0;
        }
        if ((flags & LOCK) != 0) {
            error = copyLocked(value, to);
        } else {
            copyValue(value, to);
        }
        // as in the kernel: a new value has a timer of its own
        releaseFields(to);
        return error;
    }

    @Override
    public int delete(long key) {
        return Errno.EINVAL.negative();
    }

    @Override
    public long valueAddress() {
        return def().maxEntries() == 1 ? values : 0;
    }

    @Override
    public int userValueSize() {
        return valueSize;
    }

    @Override
    byte[] read(byte[] key) {
        int index = index(key);
        return inRange(index) ? Memory.bytes(address(index), valueSize) : null;
    }

    @Override
    byte[] readWithFields(byte[] key, boolean locked) {
        int index = index(key);
        return inRange(index) ? userCopy(address(index), locked) : null;
    }

    /**
     * The values themselves, as {@code mmap} shows them: value i is at i * {@link #stride}. Until the map is closed; read-only
     * when it is frozen.
     *
     * @throws MapException EINVAL without BPF_F_MMAPABLE
     */
    public MemorySegment memory() {
        if ((def().flags() & MMAPABLE) == 0) {
            throw refuse(Errno.EINVAL, "it was not made with BPF_F_MMAPABLE");
        }
        MemorySegment all = Memory.ALL.asSlice(values, stride * Integer.toUnsignedLong(def().maxEntries()));
        return isFrozen() ? all.asReadOnly() : all;
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        int index = index(key);
        int error = checkUpdate(index, flags);
        if (error != 0) {
            return error;
        }
        if (!hasFields()) {
            Memory.copy(value, 0, address(index), valueSize);
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            return update(HashTableMap.nativeCopy(arena, key), HashTableMap.nativeCopy(arena, value), flags, 0);
        }
    }

    @Override
    int erase(byte[] key) {
        return Errno.EINVAL.negative();
    }
}
