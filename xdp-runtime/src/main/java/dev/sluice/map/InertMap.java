package dev.sluice.map;

import dev.sluice.memory.Regions;

/**
 * The types whose entries belong to things that are not there when a program runs outside of a kernel: sockets, inodes,
 * tasks, cgroups, kernel stacks. They can be made, so that programs load that mention them; they stay empty, and look-ups
 * answer what the kernel answers when there is nothing to find. An arena can be made too, for objects that have one; programs
 * that use it are refused when they are loaded.
 */
public final class InertMap extends LiveMap {
    InertMap(MapDef def, MapTable table) {
        super(def, table, new Regions());
    }

    @Override
    public long lookup(long key, int cpu) {
        return 0;
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int delete(long key) {
        return Errno.ENOENT.negative();
    }

    @Override
    public int userValueSize() {
        return def().valueSize();
    }

    @Override
    byte[] read(byte[] key) {
        return null;
    }

    @Override
    byte[] take(byte[] key) {
        if (def().type() == MapType.STACK_TRACE) {
            return null;
        }
        throw cannotTakeOut();
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        return def().type() == MapType.STACK_TRACE ? Errno.EINVAL.negative() : Errno.EBADF.negative();
    }

    @Override
    int erase(byte[] key) {
        if (def().type() == MapType.STACK_TRACE) {
            int buckets = Integer.highestOneBit(def().maxEntries() - 1) << 1;
            return Integer.compareUnsigned(IndexedMap.index(key), Math.max(buckets, 1)) < 0
                    ? Errno.ENOENT.negative()
                    : Errno.E2BIG.negative();
        }
        return Errno.ENOENT.negative();
    }

    @Override
    byte[] next(byte[] key) {
        return null;
    }
}
