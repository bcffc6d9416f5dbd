package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.util.Objects;

/**
 * {@code BPF_MAP_TYPE_PERCPU_ARRAY}: an array a CPU. The arrays begin on cache lines of their own, so that queues do not
 * share one.
 *
 * <pre>
 * valuesAddress + cpu * cpuStride + index * stride: value
 * </pre>
 */
public final class PerCpuArrayMap extends IndexedMap {
    /** Two cache lines: the prefetcher fetches pairs. */
    private static final int CPU_ALIGNMENT = 128;

    private final long values;
    private final long stride;
    private final long cpuStride;
    private final int valueSize;
    private final int cpus;

    PerCpuArrayMap(MapDef def, MapTable table, Regions regions, int cpus) {
        super(def, table, regions);
        this.cpus = cpus;
        valueSize = def.valueSize();
        stride = roundUp8(valueSize);
        cpuStride = stride * Integer.toUnsignedLong(def.maxEntries()) + CPU_ALIGNMENT - 1 & -CPU_ALIGNMENT;
        values = allocateRegion(Math.multiplyExact(cpuStride, cpus), programsMayWrite());
    }

    /** The first value of CPU 0. */
    public long valuesAddress() {
        return values;
    }

    /** Bytes from a value to the next of the same CPU. */
    public long stride() {
        return stride;
    }

    /** Bytes from a value to that of the next CPU. */
    public long cpuStride() {
        return cpuStride;
    }

    /** The CPUs that there are values for. */
    public int cpus() {
        return cpus;
    }

    @Override
    public long lookup(long key, int cpu) {
        int index = index(key);
        return inRange(index) ? address(index, cpu) : 0;
    }

    private long address(int index, int cpu) {
        return values + Objects.checkIndex(cpu, cpus) * cpuStride + (index & 0xffff_ffffL) * stride;
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        int index = index(key);
        int error = checkUpdateByProgram(index, flags);
        if (error == 0) {
            copyValue(value, address(index, cpu));
        }
        return error;
    }

    @Override
    public long lookupPerCpu(long key, long cpu) {
        return cpu >= 0 && cpu < cpus ? lookup(key, (int) cpu) : 0;
    }

    @Override
    public int delete(long key) {
        return Errno.EINVAL.negative();
    }

    @Override
    public int userValueSize() {
        return Math.toIntExact(stride * cpus);
    }

    @Override
    byte[] read(byte[] key) {
        int index = index(key);
        if (!inRange(index)) {
            return null;
        }
        byte[] all = new byte[userValueSize()];
        for (int cpu = 0; cpu < cpus; cpu++) {
            Memory.copy(address(index, cpu), all, (int) (cpu * stride), (int) stride);
        }
        return all;
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        int index = index(key);
        int error = checkUpdate(index, flags);
        if (error != 0) {
            return error;
        }
        if (!hasFields()) {
            for (int cpu = 0; cpu < cpus; cpu++) {
                Memory.copy(value, (int) (cpu * stride), address(index, cpu), (int) stride);
            }
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            long from = HashTableMap.nativeCopy(arena, value);
            for (int cpu = 0; cpu < cpus; cpu++) {
                copyValue(from + cpu * stride, address(index, cpu));
            }
        }
        return 0;
    }

    @Override
    int erase(byte[] key) {
        return Errno.EINVAL.negative();
    }
}
