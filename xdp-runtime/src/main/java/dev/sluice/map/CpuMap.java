package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;

/**
 * {@code BPF_MAP_TYPE_CPUMAP}: CPUs to hand packets to, for {@code bpf_redirect_map}. Programs may read the entries that
 * are set; only user space writes.
 *
 * <pre>
 * value: queue size u32 [, program id u32]     a queue size of 0 removes the entry
 * </pre>
 */
public final class CpuMap extends IndexedMap implements RedirectMap {
    /** Packets that a queue may be made for. */
    private static final int MAX_QUEUE = 16384;

    private final int cpus;
    private final int valueSize;
    private final long values;

    CpuMap(MapDef def, MapTable table, Regions regions, int cpus) {
        super(def, table, regions);
        this.cpus = cpus;
        valueSize = def.valueSize();
        values = allocateRegion(8 * Integer.toUnsignedLong(def.maxEntries()), false);
    }

    private long address(int index) {
        return values + (index & 0xffff_ffffL) * 8;
    }

    /** Packets that may wait for a CPU; 0 when it has no entry. */
    public int queueSize(int cpu) {
        return inRange(cpu) ? (int) (long) Memory.ATOMIC_LONG.getAcquire(Memory.ALL, address(cpu)) : 0;
    }

    /** Id of the program that runs on the CPU; 0 for none. */
    public int programId(int cpu) {
        return inRange(cpu) ? (int) ((long) Memory.ATOMIC_LONG.getAcquire(Memory.ALL, address(cpu)) >>> 32) : 0;
    }

    @Override
    public boolean hasTarget(int key) {
        return queueSize(key) != 0;
    }

    @Override
    public long redirectFlags() {
        return 0;
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
        int cpu = index(key);
        if (flags < 0 || flags > EXIST) {
            return Errno.EINVAL.negative();
        }
        if (!inRange(cpu)) {
            return Errno.E2BIG.negative();
        }
        if (flags == NOEXIST) {
            return Errno.EEXIST.negative();
        }
        int queue = index(value);
        if (Integer.compareUnsigned(queue, MAX_QUEUE) > 0) {
            return Errno.EOVERFLOW.negative();
        }
        if (Integer.compareUnsigned(cpu, cpus) >= 0) {
            return Errno.ENODEV.negative();
        }
        int program = valueSize == 8 ? (int) INT_LE.get(value, 4) : 0;
        // One store, so that a redirect never sees the queue of one entry with the program of another.
        long both = queue == 0 ? 0 : queue & 0xffff_ffffL | (long) Math.max(program, 0) << 32;
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, address(cpu), both);
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
