package dev.sluice.map;

/** Which definitions the kernel accepts, type by type ({@code map_alloc_check} of Linux 6.18). */
final class MapRules {
    private static final int NO_PREALLOC = 1;
    private static final int NUMA_NODE = 1 << 2;
    private static final int RDONLY = 1 << 3;
    private static final int WRONLY = 1 << 4;
    private static final int ZERO_SEED = 1 << 6;
    private static final int MMAPABLE = 1 << 10;
    private static final int INNER_MAP = 1 << 12;
    private static final int ACCESS = RDONLY | WRONLY | BpfMap.RDONLY_PROG | BpfMap.WRONLY_PROG;

    /** The kernel's {@code PCPU_MIN_UNIT_SIZE}. */
    private static final int MAX_PERCPU_VALUE = 32 << 10;

    /** {@code KMALLOC_MAX_SIZE} less the kernel's own fields of a hash element. */
    private static final long MAX_HASH_ELEMENT = (4 << 20) - 48;

    private MapRules() {}

    static void array(MapDef def) {
        keySize(def, 4);
        positive(def, "value_size", def.valueSize());
        positive(def, "max_entries", def.maxEntries());
        int allowed = NUMA_NODE | ACCESS;
        if (def.type() == MapType.ARRAY) {
            allowed |= MMAPABLE | INNER_MAP;
        }
        flags(def, allowed);
        if (def.valueSize() < 0) {
            throw refuse(Errno.E2BIG, def, "value_size is too large", def.valueSize());
        }
        perCpuValue(def);
    }

    static void progArray(MapDef def) {
        array(def);
        valueSize(def, 4, 4);
        if ((def.flags() & (BpfMap.RDONLY_PROG | BpfMap.WRONLY_PROG)) != 0) {
            throw refuse(Errno.EINVAL, def, "flags are not allowed for this type", def.flags());
        }
    }

    static void hash(MapDef def) {
        flags(def, NO_PREALLOC | NUMA_NODE | ACCESS | ZERO_SEED);
        positive(def, "max_entries", def.maxEntries());
        positive(def, "key_size", def.keySize());
        positive(def, "value_size", def.valueSize());
        if (def.keySize() < 0 || def.valueSize() < 0 || (long) def.keySize() + def.valueSize() >= MAX_HASH_ELEMENT) {
            throw refuse(Errno.E2BIG, def, "key and value are too large: value_size", def.valueSize());
        }
        perCpuValue(def);
        if (def.maxEntries() < 0) {
            throw refuse(Errno.E2BIG, def, "max_entries is too large", def.maxEntries());
        }
    }

    static void devmap(MapDef def) {
        positive(def, "max_entries", def.maxEntries());
        keySize(def, 4);
        valueSize(def, 4, 8);
        flags(def, NUMA_NODE | RDONLY | WRONLY);
    }

    private static void perCpuValue(MapDef def) {
        if (def.type().isPerCpu() && def.valueSize() > MAX_PERCPU_VALUE) {
            throw refuse(
                    Errno.E2BIG,
                    def,
                    "per-CPU values have at most " + MAX_PERCPU_VALUE + " bytes: value_size",
                    def.valueSize());
        }
    }

    private static void flags(MapDef def, int allowed) {
        int both = BpfMap.RDONLY_PROG | BpfMap.WRONLY_PROG;
        if ((def.flags() & ~allowed) != 0 || (def.flags() & both) == both) {
            throw refuse(Errno.EINVAL, def, "flags are not allowed for this type", def.flags());
        }
        if ((def.flags() & RDONLY) != 0 && (def.flags() & WRONLY) != 0) {
            throw refuse(Errno.EINVAL, def, "flags exclude each other", def.flags());
        }
        if (def.extra() != 0) {
            throw new MapException(
                    Errno.EINVAL, "map " + def.name() + ": map_extra expected 0, map_extra=" + def.extra());
        }
    }

    private static void keySize(MapDef def, int expected) {
        if (def.keySize() != expected) {
            throw refuse(Errno.EINVAL, def, "key_size expected " + expected + ", key_size", def.keySize());
        }
    }

    private static void valueSize(MapDef def, int one, int other) {
        if (def.valueSize() != one && def.valueSize() != other) {
            String sizes = one == other ? String.valueOf(one) : one + " or " + other;
            throw refuse(Errno.EINVAL, def, "value_size expected " + sizes + ", value_size", def.valueSize());
        }
    }

    private static void positive(MapDef def, String what, int value) {
        if (value == 0) {
            throw refuse(Errno.EINVAL, def, what + " must not be 0, " + what, value);
        }
    }

    private static MapException refuse(Errno errno, MapDef def, String what, int value) {
        return new MapException(
                errno,
                "map " + def.name() + ": " + what + "=" + Integer.toUnsignedString(value) + " type="
                        + def.type().bpftoolName());
    }
}
