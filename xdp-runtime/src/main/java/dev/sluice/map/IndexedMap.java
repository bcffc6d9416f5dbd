package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Types whose key is an index from 0 to {@code max_entries} - 1 and whose iteration goes by it. */
abstract class IndexedMap extends LiveMap {
    static final VarHandle INT_LE = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final int maxEntries;

    IndexedMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
        maxEntries = def.maxEntries();
    }

    /** Whether an index (unsigned) has an entry. */
    final boolean inRange(int index) {
        return Integer.compareUnsigned(index, maxEntries) < 0;
    }

    static int index(byte[] key) {
        return (int) INT_LE.get(key, 0);
    }

    static int index(long key) {
        return Memory.getInt(key);
    }

    @Override
    final byte[] next(byte[] key) {
        return next(key, maxEntries);
    }

    /** The key of the next index; of the first one behind no key and behind one that is out of range. */
    static byte[] next(byte[] key, int maxEntries) {
        int index = 0;
        if (key != null && Integer.compareUnsigned(index(key), maxEntries) < 0) {
            index = index(key) + 1;
            if (index == maxEntries) {
                return null;
            }
        }
        byte[] next = new byte[Integer.BYTES];
        INT_LE.set(next, 0, index);
        return next;
    }

    /** What arrays answer to an update before they look at the value: 0 or a negative error number. */
    final int checkUpdate(int index, long flags) {
        return checkUpdate(index, flags, def().type().isPerCpu() ? flags : flags & ~LOCK);
    }

    /** The same for updates by programs, which Linux treats alike in all arrays. */
    final int checkUpdateByProgram(int index, long flags) {
        return checkUpdate(index, flags, flags & ~LOCK);
    }

    private int checkUpdate(int index, long flags, long allowed) {
        if (allowed < 0 || allowed > EXIST) {
            return Errno.EINVAL.negative();
        }
        if (!inRange(index)) {
            return Errno.E2BIG.negative();
        }
        if ((flags & NOEXIST) != 0) {
            return Errno.EEXIST.negative();
        }
        return (flags & LOCK) != 0 && !hasLock() ? Errno.EINVAL.negative() : 0;
    }
}
