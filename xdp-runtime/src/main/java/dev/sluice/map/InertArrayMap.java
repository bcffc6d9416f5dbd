package dev.sluice.map;

import dev.sluice.memory.Regions;

/** As {@link InertMap}, of the types that go by an index: sockets and cgroups. They stay empty. */
public final class InertArrayMap extends IndexedMap {
    InertArrayMap(MapDef def, MapTable table) {
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

    /** As the kernel for descriptors that are no sockets and no cgroups. */
    @Override
    int write(byte[] key, byte[] value, long flags) {
        if (def().type() == MapType.SOCKMAP) {
            return Errno.EBADF.negative();
        }
        boolean cgroups = def().type() == MapType.CGROUP_ARRAY;
        if (flags < 0 || flags > (cgroups ? ANY : EXIST)) {
            return Errno.EINVAL.negative();
        }
        return inRange(index(key)) ? Errno.EBADF.negative() : Errno.E2BIG.negative();
    }

    @Override
    int erase(byte[] key) {
        if (def().type() == MapType.SOCKMAP) {
            return Errno.EINVAL.negative();
        }
        return inRange(index(key)) ? Errno.ENOENT.negative() : Errno.E2BIG.negative();
    }
}
