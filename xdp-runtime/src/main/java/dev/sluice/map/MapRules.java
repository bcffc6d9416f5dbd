package dev.sluice.map;

/** Which definitions the kernel accepts, type by type ({@code map_alloc_check} of Linux 6.18). */
final class MapRules {
    private static final int NO_PREALLOC = 1;
    private static final int NO_COMMON_LRU = LruHashMap.NO_COMMON_LRU;
    private static final int NUMA_NODE = 1 << 2;
    private static final int STACK_BUILD_ID = 1 << 5;
    private static final int CLONE = 1 << 9;
    private static final int RDONLY = 1 << 3;
    private static final int WRONLY = 1 << 4;
    private static final int ZERO_SEED = 1 << 6;
    private static final int MMAPABLE = 1 << 10;
    private static final int PRESERVE_ELEMS = 1 << 11;
    private static final int INNER_MAP = 1 << 12;
    private static final int SEGV_ON_FAULT = 1 << 17;
    private static final int NO_USER_CONV = 1 << 18;
    private static final int ACCESS = RDONLY | WRONLY | BpfMap.RDONLY_PROG | BpfMap.WRONLY_PROG;

    /** The kernel's {@code PCPU_MIN_UNIT_SIZE}. */
    private static final int MAX_PERCPU_VALUE = 32 << 10;

    /** {@code KMALLOC_MAX_SIZE}. */
    private static final long MAX_ALLOCATION = 4 << 20;

    /** {@code KMALLOC_MAX_SIZE} less the kernel's own fields of a hash element. */
    private static final long MAX_HASH_ELEMENT = (4 << 20) - 48;

    /** More buckets, of 16 bytes there, would be more than 4 GiB. */
    private static final int MAX_HASH_ENTRIES = 1 << 27;

    private static final int MAX_LPM_DATA = 256;

    /** {@code KMALLOC_MAX_SIZE} less the data and the kernel's own fields of a node. */
    private static final int MAX_LPM_VALUE = (4 << 20) - MAX_LPM_DATA - 24;

    /** {@code CONFIG_NR_CPUS} of the usual distributions. */
    private static final int MAX_CPUS = 8192;

    /** {@code MAX_BPF_STACK}. */
    private static final int MAX_STACK = 512;

    /** {@code PERF_MAX_STACK_DEPTH}. */
    private static final int MAX_STACK_FRAMES = 127;

    /** What fits beside the kernel's own fields. */
    private static final int MAX_LOCAL_STORAGE = 0xffff - 128;

    private MapRules() {}

    static void array(MapDef def) {
        keySize(def, 4);
        switch (def.type()) {
            case PROG_ARRAY, PERF_EVENT_ARRAY, CGROUP_ARRAY, ARRAY_OF_MAPS -> valueSize(def, 4, 4);
            case REUSEPORT_SOCKARRAY -> valueSize(def, 4, 8);
            default -> {}
        }
        positive(def, "value_size", def.valueSize());
        positive(def, "max_entries", def.maxEntries());
        int allowed = NUMA_NODE | ACCESS;
        if (def.type() == MapType.ARRAY) {
            allowed |= MMAPABLE | INNER_MAP;
        } else if (def.type() == MapType.PERF_EVENT_ARRAY) {
            allowed |= PRESERVE_ELEMS;
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

    static void arrayOfMaps(MapDef def) {
        progArray(def);
        InnerMaps.checkPrototype(def);
    }

    static void hashOfMaps(MapDef def) {
        valueSize(def, 4, 4);
        hash(def);
        InnerMaps.checkPrototype(def);
    }

    static void hash(MapDef def) {
        boolean lru = def.type() == MapType.LRU_HASH || def.type() == MapType.LRU_PERCPU_HASH;
        flags(def, NO_PREALLOC | NUMA_NODE | ACCESS | ZERO_SEED | (lru ? NO_COMMON_LRU : 0));
        if (lru && (def.flags() & NO_PREALLOC) != 0) {
            throw refuse(Errno.ENOTSUPP, def, "an LRU hash is preallocated, flags", def.flags());
        }
        if ((def.flags() & NUMA_NODE) != 0 && (def.type().isPerCpu() || (def.flags() & NO_COMMON_LRU) != 0)) {
            throw refuse(Errno.EINVAL, def, "memory for each CPU is on no one node, flags", def.flags());
        }
        positive(def, "max_entries", def.maxEntries());
        positive(def, "key_size", def.keySize());
        positive(def, "value_size", def.valueSize());
        if (def.keySize() < 0 || def.valueSize() < 0 || (long) def.keySize() + def.valueSize() >= MAX_HASH_ELEMENT) {
            throw refuse(Errno.E2BIG, def, "key and value are too large: value_size", def.valueSize());
        }
        perCpuValue(def);
        if (def.maxEntries() < 0 || def.maxEntries() > MAX_HASH_ENTRIES) {
            throw refuse(
                    Errno.E2BIG,
                    def,
                    "max_entries expected at most " + MAX_HASH_ENTRIES + ": max_entries",
                    def.maxEntries());
        }
    }

    static void queue(MapDef def) {
        flags(def, NUMA_NODE | ACCESS);
        positive(def, "max_entries", def.maxEntries());
        keySize(def, 0);
        positive(def, "value_size", def.valueSize());
        if (Integer.toUnsignedLong(def.valueSize()) > MAX_ALLOCATION) {
            throw refuse(Errno.E2BIG, def, "value_size is too large", def.valueSize());
        }
    }

    static void bloomFilter(MapDef def) {
        if (Integer.toUnsignedLong(def.valueSize()) > MAX_ALLOCATION) {
            throw refuse(Errno.E2BIG, def, "value_size is too large", def.valueSize());
        }
        flags(def, NUMA_NODE | ACCESS | ZERO_SEED);
        keySize(def, 0);
        positive(def, "max_entries", def.maxEntries());
        positive(def, "value_size", def.valueSize());
        if ((def.extra() & ~0xfL) != 0) {
            throw new MapException(
                    Errno.EINVAL,
                    "map " + def.name() + ": map_extra expected 0 to 15 hash functions, map_extra=" + def.extra());
        }
    }

    static void ring(MapDef def) {
        flags(def, NUMA_NODE);
        keySize(def, 0);
        valueSize(def, 0, 0);
        long bytes = Integer.toUnsignedLong(def.maxEntries());
        if (Long.bitCount(bytes) != 1 || bytes % RingMap.PAGE_BYTES != 0) {
            throw refuse(
                    Errno.EINVAL,
                    def,
                    "max_entries expected a power of two and a multiple of " + RingMap.PAGE_BYTES + ", max_entries",
                    def.maxEntries());
        }
    }

    static void lpmTrie(MapDef def) {
        flags(def, NO_PREALLOC | NUMA_NODE | ACCESS);
        positive(def, "max_entries", def.maxEntries());
        if ((def.flags() & NO_PREALLOC) == 0) {
            throw refuse(Errno.EINVAL, def, "an LPM trie needs BPF_F_NO_PREALLOC, flags", def.flags());
        }
        if (def.keySize() < 5 || def.keySize() > 4 + MAX_LPM_DATA) {
            throw refuse(Errno.EINVAL, def, "key_size expected 5 to 260, key_size", def.keySize());
        }
        if (def.valueSize() < 1 || def.valueSize() > MAX_LPM_VALUE) {
            throw refuse(
                    Errno.EINVAL, def, "value_size expected 1 to " + MAX_LPM_VALUE + ", value_size", def.valueSize());
        }
    }

    static void devmap(MapDef def) {
        positive(def, "max_entries", def.maxEntries());
        keySize(def, 4);
        valueSize(def, 4, 8);
        flags(def, NUMA_NODE | RDONLY | WRONLY);
    }

    static void cpumap(MapDef def) {
        positive(def, "max_entries", def.maxEntries());
        keySize(def, 4);
        valueSize(def, 4, 8);
        flags(def, NUMA_NODE);
        if (Integer.compareUnsigned(def.maxEntries(), MAX_CPUS) > 0) {
            throw refuse(Errno.E2BIG, def, "there are at most " + MAX_CPUS + " CPUs, max_entries", def.maxEntries());
        }
    }

    static void xskmap(MapDef def) {
        positive(def, "max_entries", def.maxEntries());
        keySize(def, 4);
        valueSize(def, 4, 4);
        flags(def, NUMA_NODE | RDONLY | WRONLY);
    }

    /** Storage that belongs to sockets, inodes, tasks or cgroups. */
    static void localStorage(MapDef def) {
        flags(def, NO_PREALLOC | CLONE);
        keySize(def, 4);
        positive(def, "value_size", def.valueSize());
        if ((def.flags() & NO_PREALLOC) == 0) {
            throw refuse(Errno.EINVAL, def, "storage of this type needs BPF_F_NO_PREALLOC, flags", def.flags());
        }
        if (def.maxEntries() != 0) {
            throw refuse(Errno.EINVAL, def, "max_entries expected 0, max_entries", def.maxEntries());
        }
        if (Integer.toUnsignedLong(def.valueSize()) > MAX_LOCAL_STORAGE) {
            throw refuse(Errno.E2BIG, def, "value_size is too large", def.valueSize());
        }
    }

    /** Maps of sockets. */
    static void sockets(MapDef def) {
        if (def.type() == MapType.REUSEPORT_SOCKARRAY) {
            array(def);
        } else {
            flags(def, NUMA_NODE | RDONLY | WRONLY);
            positive(def, "max_entries", def.maxEntries());
            positive(def, "key_size", def.keySize());
            if (def.type() == MapType.SOCKMAP) {
                keySize(def, 4);
            }
        }
        valueSize(def, 4, 8);
        if (Integer.compareUnsigned(def.keySize(), MAX_STACK) > 0) {
            throw refuse(Errno.E2BIG, def, "key_size expected at most " + MAX_STACK + ", key_size", def.keySize());
        }
    }

    /** Storage of cgroups by attachment, the older kind. */
    static void cgroupStorage(MapDef def) {
        if (def.keySize() != 8 && def.keySize() != 16) {
            throw refuse(Errno.EINVAL, def, "key_size expected 8 or 16, key_size", def.keySize());
        }
        positive(def, "value_size", def.valueSize());
        if (Integer.toUnsignedLong(def.valueSize()) > MAX_LOCAL_STORAGE) {
            throw refuse(Errno.E2BIG, def, "value_size is too large", def.valueSize());
        }
        perCpuValue(def);
        flags(def, NUMA_NODE | ACCESS);
        if (def.maxEntries() != 0) {
            throw refuse(Errno.EINVAL, def, "max_entries expected 0, max_entries", def.maxEntries());
        }
    }

    static void stackTrace(MapDef def) {
        flags(def, NUMA_NODE | RDONLY | WRONLY | STACK_BUILD_ID);
        positive(def, "max_entries", def.maxEntries());
        keySize(def, 4);
        int frame = (def.flags() & STACK_BUILD_ID) != 0 ? 32 : 8;
        if (def.valueSize() < 8 || def.valueSize() % frame != 0 || def.valueSize() / frame > MAX_STACK_FRAMES) {
            throw refuse(
                    Errno.EINVAL,
                    def,
                    "value_size expected up to " + MAX_STACK_FRAMES + " frames of " + frame + " bytes, value_size",
                    def.valueSize());
        }
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
    }

    /** Memory that programs and user space share, by pages. */
    static void arena(MapDef def) {
        keySize(def, 0);
        valueSize(def, 0, 0);
        positive(def, "max_entries", def.maxEntries());
        flags(def, MMAPABLE | SEGV_ON_FAULT | NO_USER_CONV);
        if ((def.flags() & MMAPABLE) == 0) {
            throw refuse(Errno.EINVAL, def, "an arena needs BPF_F_MMAPABLE, flags", def.flags());
        }
        if (def.extra() % RingMap.PAGE_BYTES != 0) {
            throw new MapException(
                    Errno.EINVAL,
                    "map " + def.name() + ": map_extra expected the address of a page, map_extra=0x"
                            + Long.toHexString(def.extra()));
        }
        long bytes = Integer.toUnsignedLong(def.maxEntries()) * RingMap.PAGE_BYTES;
        if (bytes > 1L << 32) {
            throw refuse(Errno.E2BIG, def, "an arena has at most 4 GiB, max_entries", def.maxEntries());
        }
        if (def.extra() >>> 32 != (def.extra() + bytes - 1) >>> 32) {
            throw new MapException(
                    Errno.ERANGE,
                    "map " + def.name() + ": an arena must not cross a multiple of 4 GiB, map_extra=0x"
                            + Long.toHexString(def.extra()));
        }
    }

    /** Types that are never made: what they would need cannot be said in a definition, or Linux 6.18 does not have them. */
    static void never(MapDef def) {
        String why = def.type() == MapType.STRUCT_OPS
                ? "it stands for a structure of the kernel, which XDP programs cannot use"
                : "Linux 6.18 does not have it";
        throw new MapException(
                Errno.EINVAL,
                "map " + def.name() + ": no map of type " + def.type().bpftoolName() + ": " + why);
    }

    /** What the kernel looks at before it asks the type. */
    static void extra(MapDef def) {
        if (def.extra() != 0 && def.type() != MapType.BLOOM_FILTER && def.type() != MapType.ARENA) {
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
