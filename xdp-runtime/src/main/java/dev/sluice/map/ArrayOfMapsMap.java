package dev.sluice.map;

import dev.sluice.memory.Memory;

/**
 * {@code BPF_MAP_TYPE_ARRAY_OF_MAPS}: maps by index. A look-up of a program gives the inner map's pointer. User space puts
 * and reads the ids of maps (the kernel takes a descriptor); programs only read.
 *
 * <pre>
 * ids + index * 4: id of the map, 0 for none
 * </pre>
 */
public final class ArrayOfMapsMap extends IndexedMap {
    private final InnerMaps inner;
    private final long ids;

    ArrayOfMapsMap(MapDef def, MapTable table) {
        super(def, table, new dev.sluice.memory.Regions());
        inner = new InnerMaps(def, table);
        ids = allocate(Integer.BYTES * Integer.toUnsignedLong(def.maxEntries()));
    }

    /** The address of the first id. */
    public long idsAddress() {
        return ids;
    }

    private long address(int index) {
        return ids + (index & 0xffff_ffffL) * Integer.BYTES;
    }

    private int id(int index) {
        return (int) Memory.ATOMIC_INT.getAcquire(Memory.ALL, address(index));
    }

    /** The inner map's pointer, or 0. */
    @Override
    public long lookup(long key, int cpu) {
        int index = index(key);
        if (!inRange(index)) {
            return 0;
        }
        int id = id(index);
        return id == 0 ? 0 : MapTable.handle(id);
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int delete(long key) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int userValueSize() {
        return Integer.BYTES;
    }

    @Override
    byte[] read(byte[] key) {
        int index = index(key);
        int id = inRange(index) ? id(index) : 0;
        return id == 0 ? null : bytes(id);
    }

    static byte[] bytes(int id) {
        byte[] value = new byte[Integer.BYTES];
        INT_LE.set(value, 0, id);
        return value;
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        if (flags != ANY) {
            return Errno.EINVAL.negative();
        }
        int index = index(key);
        if (!inRange(index)) {
            return Errno.E2BIG.negative();
        }
        int id = inner.hold(index(value));
        if (id < 0) {
            return id;
        }
        inner.drop((int) Memory.ATOMIC_INT.getAndSet(Memory.ALL, address(index), id));
        return 0;
    }

    @Override
    int erase(byte[] key) {
        int index = index(key);
        if (!inRange(index)) {
            return Errno.E2BIG.negative();
        }
        int old = (int) Memory.ATOMIC_INT.getAndSet(Memory.ALL, address(index), 0);
        if (old == 0) {
            return Errno.ENOENT.negative();
        }
        inner.drop(old);
        return 0;
    }

    @Override
    void dropInner() {
        for (int index = 0; inRange(index); index++) {
            inner.drop(id(index));
        }
    }
}
