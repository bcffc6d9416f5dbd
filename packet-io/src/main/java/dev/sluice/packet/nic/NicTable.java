package dev.sluice.packet.nic;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The NICs that can reach each other, as a network namespace holds them: by ifindex for redirects, by name for people. Look-ups
 * take no lock; any thread.
 */
public final class NicTable {
    private volatile VirtualNic[] nics = new VirtualNic[0];

    /** Adds a NIC whose name and ifindex are free. */
    public synchronized void add(VirtualNic nic) {
        for (VirtualNic other : nics) {
            if (other.ifindex() == nic.ifindex() || other.name().equals(nic.name())) {
                throw new IllegalArgumentException(
                        "two interfaces, expected different names and numbers, found=" + other + " and " + nic);
            }
        }
        VirtualNic[] more = Arrays.copyOf(nics, nics.length + 1);
        more[nics.length] = nic;
        nics = more;
    }

    /** The NIC of an ifindex, or null. */
    public @Nullable VirtualNic byIfindex(int ifindex) {
        for (VirtualNic nic : nics) {
            if (nic.ifindex() == ifindex) {
                return nic;
            }
        }
        return null;
    }

    /** The NIC of a name, or null. */
    public @Nullable VirtualNic byName(String name) {
        for (VirtualNic nic : nics) {
            if (nic.name().equals(name)) {
                return nic;
            }
        }
        return null;
    }

    public List<VirtualNic> all() {
        return List.of(nics);
    }

    /** Finds redirect targets for one queue; has a key in native memory of its own. One thread. */
    public final class Resolver implements AutoCloseable {
        private final MapTable maps;
        private final Arena arena = Arena.ofShared();
        private final long key = Memory.allocate(arena, Integer.BYTES, 8);

        public Resolver(MapTable maps) {
            this.maps = maps;
        }

        /**
         * The NIC that a redirect goes to.
         *
         * @param map the descriptor's {@code redirect_map}
         * @param index the descriptor's {@code redirect_index}
         * @return null when there is none, or the map is of a kind that leads to no NIC
         */
        public @Nullable VirtualNic target(int map, int index, int cpu) {
            int id = map & FrameDescriptor.REDIRECT_MAP_ID_MASK;
            if (id == 0) {
                return byIfindex(index);
            }
            BpfMap live = maps.byId(id);
            if (live == null
                    || live.def().type() != MapType.DEVMAP && live.def().type() != MapType.DEVMAP_HASH) {
                return null;
            }
            Memory.putInt(key, index);
            long value = live.lookup(key, cpu); // struct bpf_devmap_val begins with the ifindex
            return value == 0 ? null : byIfindex(Memory.getInt(value));
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
