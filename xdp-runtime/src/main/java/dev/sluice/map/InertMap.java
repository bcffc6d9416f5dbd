package dev.sluice.map;

import dev.sluice.memory.Regions;

/**
 * The types whose entries belong to things that are not there when a program runs outside of a kernel: sockets, inodes,
 * tasks, cgroups, kernel stacks. They can be made, so that programs load that mention them; they stay empty, and look-ups
 * answer what the kernel answers when there is nothing to find, or for descriptors that are no sockets and no cgroups. An arena
 * can be made too, for objects that have one; programs that use it are refused when they are loaded.
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
        if (def().type() == MapType.CGROUP_ARRAY) {
            throw refuse(Errno.ENOTSUPP, "user space cannot read entries of this type, type=cgroup_array");
        }
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
        return switch (def().type()) {
            case STACK_TRACE -> Errno.EINVAL.negative();
            case CGROUP_ARRAY -> writeAt(key, flags, ANY);
            case REUSEPORT_SOCKARRAY -> writeAt(key, flags, EXIST);
            default -> Errno.EBADF.negative();
        };
    }

    private int writeAt(byte[] key, long flags, long mostFlags) {
        if (flags < 0 || flags > mostFlags) {
            return Errno.EINVAL.negative();
        }
        return isBelow(key, def().maxEntries()) ? Errno.EBADF.negative() : Errno.E2BIG.negative();
    }

    @Override
    int erase(byte[] key) {
        return switch (def().type()) {
            case SOCKMAP -> Errno.EINVAL.negative();
            case CGROUP_ARRAY, REUSEPORT_SOCKARRAY -> eraseAt(key, def().maxEntries());
            case STACK_TRACE ->
                eraseAt(key, Math.max(Integer.highestOneBit(def().maxEntries() - 1) << 1, 1)); // so many buckets
            default -> Errno.ENOENT.negative();
        };
    }

    private static int eraseAt(byte[] key, int entries) {
        return isBelow(key, entries) ? Errno.ENOENT.negative() : Errno.E2BIG.negative();
    }

    private static boolean isBelow(byte[] key, int entries) {
        return Integer.compareUnsigned(IndexedMap.index(key), entries) < 0;
    }

    @Override
    byte[] next(byte[] key) {
        return switch (def().type()) {
            case SOCKMAP, CGROUP_ARRAY, REUSEPORT_SOCKARRAY -> IndexedMap.next(key, def().maxEntries());
            default -> null;
        };
    }
}
