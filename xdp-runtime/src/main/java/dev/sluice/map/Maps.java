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
            case ARRAY, PERCPU_ARRAY, HASH, PERCPU_HASH, PROG_ARRAY, DEVMAP, DEVMAP_HASH -> true;
            default -> false;
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
     *     E2BIG and ENOMEM for what is too large; ENOTSUPP for types that Sluice does not have
     */
    public BpfMap create(MapDef def) {
        BpfMap map;
        try {
            map = switch (def.type()) {
                case ARRAY -> {
                    MapRules.array(def);
                    yield new ArrayMap(def, table, regions);
                }
                case PERCPU_ARRAY -> {
                    MapRules.array(def);
                    yield new PerCpuArrayMap(def, table, regions, cpus);
                }
                case PROG_ARRAY -> {
                    MapRules.progArray(def);
                    yield new ProgArrayMap(def, table);
                }
                case HASH, PERCPU_HASH -> {
                    MapRules.hash(def);
                    yield new HashTableMap(def, table, regions, cpus, seed);
                }
                case DEVMAP -> {
                    MapRules.devmap(def);
                    yield new DevMap(readOnly(def), table, regions);
                }
                case DEVMAP_HASH -> {
                    MapRules.devmap(def);
                    yield new DevHashMap(readOnly(def), table, regions, cpus, seed);
                }
                default ->
                    throw new MapException(
                            Errno.ENOTSUPP,
                            "map " + def.name() + ": type " + def.type().bpftoolName() + " is not supported");
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
