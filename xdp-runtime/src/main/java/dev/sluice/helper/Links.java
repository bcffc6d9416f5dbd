package dev.sluice.helper;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Network interfaces with their addresses, in the form that {@code ip addr} prints:
 *
 * <pre>
 * 2: eth0: &lt;BROADCAST,MULTICAST,UP,LOWER_UP&gt; mtu 1500 qdisc noqueue state UP
 *     link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
 *     inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0
 *     inet6 fd00::1/64 scope global
 * </pre>
 *
 * <p>Other lines and words are passed over. Immutable; any thread.
 */
public final class Links {
    /** An address of an interface with the length of its prefix. */
    record Assigned(Address address, int prefix) {}

    /**
     * An interface.
     *
     * @param mac six bytes in their order in memory, the first lowest
     * @param mtu bytes of the largest packet behind the Ethernet header
     */
    public record Link(int ifindex, String name, long mac, int mtu, boolean forwarding) {}

    /** None. */
    public static final Links NONE = new Links(List.of(), Map.of());

    private final List<Link> links;
    private final Map<Integer, List<Assigned>> addresses;
    private final Link[] byIfindex;

    private Links(List<Link> links, Map<Integer, List<Assigned>> addresses) {
        this.links = List.copyOf(links);
        this.addresses = addresses;
        int last = links.stream().mapToInt(Link::ifindex).max().orElse(0);
        byIfindex = new Link[last + 1];
        links.forEach(link -> byIfindex[link.ifindex] = link);
    }

    /** Interfaces without addresses. */
    public static Links of(List<Link> links) {
        return new Links(links, Map.of());
    }

    /**
     * Reads what {@code ip addr} or {@code ip link} prints; all interfaces forward.
     *
     * @throws NetworkException naming the first line that it cannot read
     */
    public static Links parse(String text) {
        List<Link> links = new ArrayList<>();
        Map<Integer, List<Assigned>> addresses = new HashMap<>();
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            String[] words = line.replace("\\", " ").strip().split("\\s+", -1);
            if (words.length >= 2 && words[0].matches("\\d{1,9}:")) {
                int ifindex = Integer.parseInt(words[0], 0, words[0].length() - 1, 10);
                String name = words[1].replaceFirst("(@.*)?:$", "");
                if (ifindex == 0 || links.stream().anyMatch(link -> link.ifindex == ifindex)) {
                    throw new NetworkException("interfaces", number, "expected a new number, ifindex=" + ifindex);
                }
                links.add(new Link(ifindex, name, 0, 1500, true));
            }
            if (links.isEmpty()) {
                if (!line.isBlank()) {
                    throw new NetworkException("interfaces", number, "expected 'NUMBER: NAME:', found " + line.strip());
                }
                continue;
            }
            Link link = links.removeLast();
            for (int i = 0; i + 1 < words.length; i++) {
                if (words[i].equals("mtu")) {
                    link = new Link(link.ifindex, link.name, link.mac, mtu(words[i + 1], number), true);
                } else if (words[i].startsWith("link/")) {
                    long mac = words[i].equals("link/ether") || words[i].equals("link/loopback")
                            ? Neighbours.mac(words[i + 1])
                            : 0;
                    if (mac < 0) {
                        throw new NetworkException("interfaces", number, "expected an address, found " + words[i + 1]);
                    }
                    link = new Link(link.ifindex, link.name, mac, link.mtu, true);
                } else if (i == 0 && (words[0].equals("inet") || words[0].equals("inet6"))) {
                    addresses
                            .computeIfAbsent(link.ifindex, key -> new ArrayList<>())
                            .add(assigned(words[1], number));
                }
            }
            links.add(link);
        }
        return new Links(links, addresses);
    }

    private static int mtu(String text, int line) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new NetworkException("interfaces", line, "expected a number of bytes, mtu=" + text);
        }
    }

    private static Assigned assigned(String text, int line) {
        String[] parts = text.split("/", -1);
        Address address = Address.parse(parts[0]);
        try {
            if (address != null && parts.length <= 2) {
                int prefix = parts.length == 1 ? address.bits() : Integer.parseInt(parts[1]);
                if (prefix >= 0 && prefix <= address.bits()) {
                    return new Assigned(address, prefix);
                }
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new NetworkException("interfaces", line, "expected ADDRESS/LENGTH, found " + text);
    }

    /** The same, with interfaces of some names not forwarding. */
    public Links withoutForwarding(String... names) {
        Set<String> off = new HashSet<>(List.of(names));
        return new Links(
                links.stream()
                        .map(link -> off.contains(link.name)
                                ? new Link(link.ifindex, link.name, link.mac, link.mtu, false)
                                : link)
                        .toList(),
                addresses);
    }

    /** The interface of a number, or null. */
    public @Nullable Link byIfindex(int ifindex) {
        return ifindex > 0 && ifindex < byIfindex.length ? byIfindex[ifindex] : null;
    }

    /** The interface of a name, or null. */
    public @Nullable Link byName(String name) {
        return links.stream().filter(link -> link.name.equals(name)).findFirst().orElse(null);
    }

    /** All, in their order. */
    public List<Link> all() {
        return links;
    }

    List<Assigned> addresses(int ifindex) {
        return addresses.getOrDefault(ifindex, List.of());
    }
}
