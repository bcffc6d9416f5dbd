package dev.sluice.helper;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Ethernet addresses of neighbours, in the form that {@code ip neigh} prints: {@code 10.0.0.9 dev eth0 lladdr
 * 02:00:00:00:00:09 REACHABLE}. Entries without an address, or FAILED, INCOMPLETE or NONE, are as none. Immutable; any
 * thread; reading allocates nothing.
 */
public final class Neighbours {
    /** None. */
    public static final Neighbours NONE = new Neighbours();

    private static final Set<String> INVALID = Set.of("FAILED", "INCOMPLETE", "NONE");

    private final AddressTable table = new AddressTable();
    private final List<Long> macs = new ArrayList<>();
    private long[] macByEntry = new long[0];

    private Neighbours() {}

    /**
     * Reads what {@code ip neigh} prints.
     *
     * @param links whose names are used
     * @throws NetworkException naming the first line that it cannot read
     */
    public static Neighbours parse(String text, Links links) {
        Neighbours made = new Neighbours();
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            if (!line.isBlank() && !line.strip().startsWith("#")) {
                made.add(line.strip().split("\\s+", -1), number, links);
            }
        }
        made.macByEntry = made.macs.stream().mapToLong(Long::longValue).toArray();
        return made;
    }

    private void add(String[] words, int line, Links links) {
        Address address = Address.parse(words[0]);
        if (address == null) {
            throw new NetworkException("neighbours", line, "expected an address, found " + words[0]);
        }
        Links.Link link = null;
        long mac = -1;
        boolean valid = true;
        for (int i = 1; i < words.length; i++) {
            if (i + 1 < words.length && words[i].equals("dev")) {
                link = links.byName(words[++i]);
                if (link == null) {
                    throw new NetworkException("neighbours", line, "no such interface, dev=" + words[i]);
                }
            } else if (i + 1 < words.length && words[i].equals("lladdr")) {
                mac = mac(words[++i]);
                if (mac < 0) {
                    throw new NetworkException("neighbours", line, "expected an Ethernet address, lladdr=" + words[i]);
                }
            } else if (INVALID.contains(words[i])) {
                valid = false;
            }
        }
        if (link == null) {
            throw new NetworkException("neighbours", line, "expected 'dev NAME'");
        }
        if (valid && mac >= 0) {
            macs.add(mac);
            table.put(address.high(), address.low(), key(address.ipv6(), link.ifindex()), macs.size() - 1);
        }
    }

    private static int key(boolean ipv6, int ifindex) {
        return ifindex << 1 | (ipv6 ? 1 : 0);
    }

    /** The Ethernet address (six bytes, the first lowest) of a neighbour, or -1. */
    long find(boolean ipv6, long high, long low, int ifindex) {
        int entry = table.get(high, low, key(ipv6, ifindex));
        return entry < 0 ? -1 : macByEntry[entry];
    }

    /** Reads {@code 02:00:00:00:00:01}; -1 if it is none. */
    static long mac(String text) {
        String[] parts = text.split(":", -1);
        if (parts.length != 6) {
            return -1;
        }
        long mac = 0;
        for (int i = 0; i < 6; i++) {
            if (!parts[i].matches("[0-9a-fA-F]{1,2}")) {
                return -1;
            }
            mac |= Long.parseLong(parts[i], 16) << 8 * i;
        }
        return mac;
    }
}
