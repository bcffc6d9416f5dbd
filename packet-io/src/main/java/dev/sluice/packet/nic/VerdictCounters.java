package dev.sluice.packet.nic;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;

/**
 * The counters of an attached program: an ordinary per-CPU array map, which is dumped like any other. As C source it is
 *
 * <pre>
 *   struct xdp_counter { __u64 packets; __u64 bytes; };     // bytes as they arrived
 *
 *   struct {
 *       __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
 *       __uint(max_entries, 6);      // 0 to 4: enum xdp_action, 5: any other value
 *       __type(key, __u32);
 *       __type(value, struct xdp_counter);
 *   } xdp_counters SEC(".maps");
 * </pre>
 *
 * Each queue adds to the values of its own CPU, so plain additions suffice.
 */
public final class VerdictCounters {
    /** The map's name; at most 15 characters are kept by the kernel. */
    public static final String NAME = "xdp_counters";

    public static final int KEY_BYTES = Integer.BYTES;
    public static final int VALUE_BYTES = 2 * Long.BYTES;

    /** Offset of {@code packets} in a value. */
    public static final int PACKETS = 0;

    /** Offset of {@code bytes} in a value. */
    public static final int BYTES = 8;

    private final BpfMap map;

    /** Value addresses, [cpu * {@link XdpAction#COUNT} + action]. */
    private final long[] addresses;

    private final int cpus;

    /**
     * @param map made from {@link #definition}
     * @param cpus how many CPUs, that is queues, will count
     */
    public VerdictCounters(BpfMap map, int cpus) {
        MapDef def = map.def();
        if (def.type() != MapType.PERCPU_ARRAY
                || def.keySize() != KEY_BYTES
                || def.valueSize() != VALUE_BYTES
                || def.maxEntries() < XdpAction.COUNT) {
            throw new IllegalArgumentException("counters map, expected=" + definition() + " found=" + def);
        }
        this.map = map;
        this.cpus = cpus;
        addresses = new long[cpus * XdpAction.COUNT];
        try (Arena arena = Arena.ofConfined()) {
            long key = Memory.allocate(arena, KEY_BYTES, 8);
            for (int cpu = 0; cpu < cpus; cpu++) {
                for (int action = 0; action < XdpAction.COUNT; action++) {
                    Memory.putInt(key, action);
                    long address = map.lookup(key, cpu);
                    if (address == 0) {
                        throw new IllegalArgumentException(
                                "counters map has no value for cpu=" + cpu + " key=" + action);
                    }
                    addresses[cpu * XdpAction.COUNT + action] = address;
                }
            }
        }
    }

    /** What the map is to be made from. */
    public static MapDef definition() {
        return MapDef.of(NAME, MapType.PERCPU_ARRAY, KEY_BYTES, VALUE_BYTES, XdpAction.COUNT);
    }

    public BpfMap map() {
        return map;
    }

    /** Adds to an action's counter. The thread of that CPU's queue. */
    public void add(int cpu, int action, long packets, long bytes) {
        if (cpu >= cpus) {
            throw new AssertionError("counters were made for fewer CPUs, cpus=" + cpus + " cpu=" + cpu);
        }
        long address = addresses[cpu * XdpAction.COUNT + action];
        Memory.putLong(address + PACKETS, Memory.getLong(address + PACKETS) + packets);
        Memory.putLong(address + BYTES, Memory.getLong(address + BYTES) + bytes);
    }
}
