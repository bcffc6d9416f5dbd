package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;

/**
 * {@code BPF_MAP_TYPE_DEVMAP}: interfaces by index, for {@code bpf_redirect_map}. Programs may read the entries that are
 * set; only user space writes.
 *
 * <pre>
 * value: ifindex u32 [, program id u32]
 * </pre>
 */
public final class DevMap extends IndexedMap implements RedirectMap {
    /** {@code BPF_F_BROADCAST} and {@code BPF_F_EXCLUDE_INGRESS}. */
    static final long REDIRECT_FLAGS = 1 << 3 | 1 << 4;

    private final long values;
    private final int valueSize;

    DevMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
        valueSize = def.valueSize();
        values = allocateRegion(8 * Integer.toUnsignedLong(def.maxEntries()), false);
    }

    private long address(int index) {
        return values + (index & 0xffff_ffffL) * 8;
    }

    @Override
    public long device(int key) {
        return inRange(key) ? (long) Memory.ATOMIC_LONG.getAcquire(Memory.ALL, address(key)) : 0;
    }

    @Override
    public int devices(long[] into) {
        int n = 0;
        for (int key = 0; inRange(key); key++) {
            long device = device(key);
            if (device != 0) {
                if (n < into.length) {
                    into[n] = device;
                }
                n++;
            }
        }
        return n;
    }

    @Override
    public boolean hasTarget(int key) {
        return device(key) != 0;
    }

    @Override
    public long redirectFlags() {
        return REDIRECT_FLAGS;
    }

    @Override
    public long lookup(long key, int cpu) {
        int index = index(key);
        return hasTarget(index) ? address(index) : 0;
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
        return valueSize;
    }

    @Override
    byte[] read(byte[] key) {
        int index = index(key);
        return hasTarget(index) ? Memory.bytes(address(index), valueSize) : null;
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        int index = index(key);
        int error = checkUpdate(index, flags);
        if (error != 0) {
            return error;
        }
        int ifindex = index(value);
        int program = valueSize == 8 ? (int) INT_LE.get(value, 4) : 0;
        if (ifindex == 0 && program > 0) {
            return Errno.EINVAL.negative();
        }
        // One store, so that a redirect never sees the interface of one entry with the program of another.
        long both = ifindex == 0 ? 0 : ifindex & 0xffff_ffffL | (long) program << 32;
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, address(index), both);
        return 0;
    }

    @Override
    int erase(byte[] key) {
        int index = index(key);
        if (!inRange(index)) {
            return Errno.EINVAL.negative();
        }
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, address(index), 0L);
        return 0;
    }
}
