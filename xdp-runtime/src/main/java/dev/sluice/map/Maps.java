package dev.sluice.map;

import dev.sluice.memory.Regions;

/**
 * Makes maps: the checks of {@code BPF_MAP_CREATE}, then the implementation of the type.
 *
 * <p>Any thread; each map takes native memory of its own, which {@link BpfMap#close} gives back.
 */
public final class Maps {
    private final MapTable table;
    private final Regions regions;
    private final int cpus;
    private final long seed;

    /**
     * @param table where maps get their ids and are found
     * @param regions where the memory that programs may touch is made known
     * @param cpus number of CPUs (queues), 1 or more
     * @param seed of the hash functions; the same seed gives the same order of keys
     */
    public Maps(MapTable table, Regions regions, int cpus, long seed) {
        if (cpus < 1) {
            throw new IllegalArgumentException("expected at least one CPU, cpus=" + cpus);
        }
        this.table = table;
        this.regions = regions;
        this.cpus = cpus;
        this.seed = seed;
    }

    /** The same in one call. */
    public static BpfMap create(MapDef def, MapTable table, Regions regions, int cpus, long seed) {
        return new Maps(table, regions, cpus, seed).create(def);
    }

    /** Whether {@link #create} knows a type. */
    public static boolean supports(MapType type) {
        return switch (type) {
            case null -> false;
            case UNSPEC, STRUCT_OPS, INSN_ARRAY -> false;
            default -> true;
        };
    }

    /** The number of CPUs of per-CPU maps. */
    public int cpus() {
        return cpus;
    }

    /**
     * Creates a map and makes it known under the next id.
     *
     * @throws MapException as the kernel refuses it: EINVAL for sizes, entries and flags that its type does not allow,
     *     E2BIG and ENOMEM for what is too large
     */
    public BpfMap create(MapDef def) {
        check(def);
        BpfMap map;
        try {
            map = switch (def.type()) {
                case ARRAY -> new ArrayMap(def, table, regions);
                case PERCPU_ARRAY -> new PerCpuArrayMap(def, table, regions, cpus);
                case PROG_ARRAY -> new ProgArrayMap(def, table);
                case HASH, PERCPU_HASH -> new HashTableMap(def, table, regions, cpus, seed);
                case LRU_HASH, LRU_PERCPU_HASH ->
                    new LruHashMap(LruHashMap.rounded(def, cpus), table, regions, cpus, seed);
                case LPM_TRIE -> new LpmTrieMap(def, table, regions);
                case ARRAY_OF_MAPS -> new ArrayOfMapsMap(def, table);
                case HASH_OF_MAPS -> new HashOfMapsMap(def, table, cpus, seed);
                case QUEUE, STACK -> new QueueMap(def, table);
                case BLOOM_FILTER -> new BloomFilterMap(def, table, seed);
                case RINGBUF -> new RingBufferMap(def, table, regions);
                case USER_RINGBUF -> new UserRingBufferMap(def, table, regions);
                case PERF_EVENT_ARRAY -> new PerfEventArrayMap(def, table);
                case CPUMAP -> new CpuMap(def, table, regions, cpus);
                case XSKMAP -> new XskMap(def, table, regions);
                case SK_STORAGE,
                        INODE_STORAGE,
                        TASK_STORAGE,
                        CGRP_STORAGE,
                        SOCKHASH,
                        CGROUP_STORAGE,
                        PERCPU_CGROUP_STORAGE,
                        STACK_TRACE,
                        ARENA,
                        SOCKMAP,
                        CGROUP_ARRAY,
                        REUSEPORT_SOCKARRAY -> new InertMap(def, table);
                case DEVMAP -> new DevMap(readOnly(def), table, regions);
                case DEVMAP_HASH -> new DevHashMap(readOnly(def), table, regions, cpus, seed);
                case STRUCT_OPS, INSN_ARRAY, UNSPEC -> throw new AssertionError(def);
            };
        } catch (OutOfMemoryError | ArithmeticException e) {
            throw new MapException(
                    Errno.ENOMEM,
                    "map " + def.name() + ": no memory for max_entries="
                            + Integer.toUnsignedString(def.maxEntries()) + " of key_size=" + def.keySize()
                            + " value_size=" + def.valueSize());
        }
        table.add(map);
        return map;
    }

    /**
     * Checks a definition as {@link #create} does, without making the map.
     *
     * @throws MapException as {@link #create} does, but for ENOMEM
     */
    public static void check(MapDef def) {
        MapRules.extra(def);
        switch (def.type()) {
            case ARRAY, PERCPU_ARRAY -> MapRules.array(def);
            case PROG_ARRAY, PERF_EVENT_ARRAY, CGROUP_ARRAY -> MapRules.progArray(def);
            case HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH -> MapRules.hash(def);
            case LPM_TRIE -> MapRules.lpmTrie(def);
            case ARRAY_OF_MAPS -> MapRules.arrayOfMaps(def);
            case HASH_OF_MAPS -> MapRules.hashOfMaps(def);
            case QUEUE, STACK -> MapRules.queue(def);
            case BLOOM_FILTER -> MapRules.bloomFilter(def);
            case RINGBUF, USER_RINGBUF -> MapRules.ring(def);
            case CPUMAP -> MapRules.cpumap(def);
            case XSKMAP -> MapRules.xskmap(def);
            case SK_STORAGE, INODE_STORAGE, TASK_STORAGE, CGRP_STORAGE -> MapRules.localStorage(def);
            case SOCKMAP, SOCKHASH, REUSEPORT_SOCKARRAY -> MapRules.sockets(def);
            case CGROUP_STORAGE, PERCPU_CGROUP_STORAGE -> MapRules.cgroupStorage(def);
            case STACK_TRACE -> MapRules.stackTrace(def);
            case DEVMAP, DEVMAP_HASH -> MapRules.devmap(def);
            case ARENA -> MapRules.arena(def);
            case STRUCT_OPS, INSN_ARRAY, UNSPEC -> MapRules.never(def);
        }
        if (def.inner() != null && (def.type() == MapType.ARRAY_OF_MAPS || def.type() == MapType.HASH_OF_MAPS)) {
            check(def.inner());
        }
    }

    /** Device maps are read-only for programs, and say so in their flags. */
    private static MapDef readOnly(MapDef def) {
        return new MapDef(
                def.name(),
                def.type(),
                def.keySize(),
                def.valueSize(),
                def.maxEntries(),
                def.flags() | BpfMap.RDONLY_PROG,
                def.extra(),
                def.inner());
    }
}
