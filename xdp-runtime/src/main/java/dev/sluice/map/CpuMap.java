package dev.sluice.map;

import dev.sluice.memory.Regions;

/**
 * {@code BPF_MAP_TYPE_CPUMAP}: CPUs to hand packets to, for {@code bpf_redirect_map}.
 *
 * <pre>
 * value: queue size u32 [, program id u32]     a queue size of 0 removes the entry
 * </pre>
 */
public final class CpuMap extends EntryArrayMap {
    /** Packets that a queue may be made for. */
    private static final int MAX_QUEUE = 16384;

    private final int cpus;

    CpuMap(MapDef def, MapTable table, Regions regions, int cpus) {
        super(def, table, regions);
        this.cpus = cpus;
    }

    /** Packets that may wait for a CPU; 0 when it has no entry. */
    public int queueSize(int cpu) {
        return (int) entry(cpu);
    }

    /** Id of the program that runs on the CPU; 0 for none. */
    public int programId(int cpu) {
        return (int) (entry(cpu) >>> Integer.SIZE);
    }

    @Override
    public long redirectFlags() {
        return 0;
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
        set(cpu, queue, Math.max(program(value), 0));
        return 0;
    }
}
