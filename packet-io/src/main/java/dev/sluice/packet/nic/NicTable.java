package dev.sluice.packet.nic;

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
}
