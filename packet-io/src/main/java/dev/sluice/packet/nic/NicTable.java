package dev.sluice.packet.nic;

import dev.sluice.map.MapTable;
import dev.sluice.map.RedirectMap;
import dev.sluice.memory.FrameDescriptor;
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

    /**
     * The NIC that a redirect goes to.
     *
     * @param maps where the program's maps are
     * @param map the descriptor's {@code redirect_map}
     * @param index the descriptor's {@code redirect_index}
     * @return null when there is none; so far also for {@code BPF_F_BROADCAST}, and for maps that lead to no NIC
     */
    public @Nullable VirtualNic target(MapTable maps, int map, int index) {
        if (map == 0) {
            return byIfindex(index);
        }
        boolean broadcast = map >>> FrameDescriptor.REDIRECT_FLAGS_SHIFT != 0;
        return !broadcast && maps.byId(map & FrameDescriptor.REDIRECT_MAP_ID_MASK) instanceof RedirectMap devices
                ? byIfindex(devices.ifindex(index))
                : null;
    }
}
