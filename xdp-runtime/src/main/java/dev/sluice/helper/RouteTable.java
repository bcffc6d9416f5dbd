package dev.sluice.helper;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Routes, in the form that {@code ip route} prints, of IPv4 and IPv6, of one table or of all:
 *
 * <pre>
 * default via 10.0.1.9 dev eth1 metric 100
 * 10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1
 * blackhole 10.9.0.0/16
 * fd00:8::/32 metric 1024
 *         nexthop via fd00:1::9 dev eth0 weight 1
 *         nexthop via fd00:1::8 dev eth0 weight 1
 * local 10.0.0.1 dev eth0 table local scope host
 * </pre>
 *
 * <p>Words that have no meaning here ({@code proto}, {@code scope}, {@code pref} and the like) are passed over. A look-up
 * asks the tables local, main and default in this order, as the kernel's usual rules do; there are no others, so that
 * local and main are one for IPv4. The
 * addresses of the interfaces are in the table local without being said. Of routes to the same prefix the one with the
 * lowest metric counts.
 *
 * <p>A table is a hash table by prefix and its length, asked from the longest length to the shortest that it has.
 * Immutable; any thread; look-ups allocate nothing.
 */
public final class RouteTable {
    /** What a route does (the kernel's RTN_*). */
    enum Type {
        UNICAST,
        LOCAL,
        BROADCAST,
        MULTICAST,
        ANYCAST,
        BLACKHOLE,
        UNREACHABLE,
        PROHIBIT,
        THROW
    }

    /** Where a route goes. */
    record Hop(int ifindex, @Nullable Address gateway, int weight, boolean encapsulated) {}

    /**
     * A route.
     *
     * @param tos only packets with this type of service, 0 for all
     * @param mtu of the route, 0 for that of the interface; {@code locked} as iproute2's {@code mtu lock}
     * @param next the next route of the same prefix, or null
     */
    record Route(
            Type type,
            Address prefix,
            int bits,
            int table,
            int metric,
            int tos,
            int mtu,
            boolean locked,
            @Nullable Address source,
            List<Hop> hops) {}

    static final int TABLE_MAIN = 254;
    static final int TABLE_LOCAL = 255;
    private static final int TABLE_DEFAULT = 253;

    /** The metric of IPv6 routes that do not say one. */
    private static final int V6_METRIC = 1024;

    private static final int[] RULES = {TABLE_LOCAL, TABLE_MAIN, TABLE_DEFAULT};
    private static final Map<String, Integer> TABLE_NAMES =
            Map.of("local", TABLE_LOCAL, "main", TABLE_MAIN, "default", TABLE_DEFAULT);

    /** None. */
    public static final RouteTable NONE = parse("", Links.NONE);

    /** One table's routes of one family: chains of the same prefix, best first. */
    private static final class Prefixes {
        final AddressTable index = new AddressTable();
        final List<Route[]> chains = new ArrayList<>();
        int[] lengths = new int[0];
    }

    private final Map<Integer, Prefixes> v4 = new HashMap<>();
    private final Map<Integer, Prefixes> v6 = new HashMap<>();

    /** By position in {@link #RULES}, for look-ups that box nothing. */
    private final @Nullable Prefixes[] v4Rules;

    private final @Nullable Prefixes[] v6Rules;

    private RouteTable(List<Route> routes) {
        Map<Prefixes, Map<Address, Map<Integer, List<Route>>>> sorted = new java.util.IdentityHashMap<>();
        for (Route route : routes) {
            Prefixes prefixes = (route.prefix.ipv6() ? v6 : v4)
                    .computeIfAbsent(merged(route.prefix.ipv6(), route.table), key -> new Prefixes());
            sorted.computeIfAbsent(prefixes, key -> new HashMap<>())
                    .computeIfAbsent(route.prefix, key -> new HashMap<>())
                    .computeIfAbsent(route.bits, key -> new ArrayList<>())
                    .add(route);
        }
        sorted.forEach((prefixes, byAddress) -> byAddress.forEach((address, byBits) -> byBits.forEach((bits, chain) -> {
            chain.sort((a, b) -> a.table != b.table
                    ? Integer.compareUnsigned(b.table, a.table)
                    : a.tos != b.tos ? Integer.compare(b.tos, a.tos) : Integer.compareUnsigned(a.metric, b.metric));
            prefixes.chains.add(chain.toArray(Route[]::new));
            prefixes.index.put(address.high(), address.low(), bits, prefixes.chains.size() - 1);
            if (Arrays.stream(prefixes.lengths).noneMatch(length -> length == bits)) {
                prefixes.lengths = Arrays.copyOf(prefixes.lengths, prefixes.lengths.length + 1);
                prefixes.lengths[prefixes.lengths.length - 1] = bits;
            }
        })));
        for (Prefixes prefixes : sorted.keySet()) {
            int[] ascending = prefixes.lengths.clone();
            Arrays.sort(ascending);
            for (int i = 0; i < ascending.length; i++) {
                prefixes.lengths[i] = ascending[ascending.length - 1 - i];
            }
        }
        v4Rules = new Prefixes[RULES.length];
        v6Rules = new Prefixes[RULES.length];
        for (int i = 0; i < RULES.length; i++) {
            v4Rules[i] = RULES[i] == TABLE_LOCAL ? null : v4.get(RULES[i]);
            v6Rules[i] = v6.get(RULES[i]);
        }
    }

    /** The table 0 is main; and as long as there are no other rules, Linux keeps IPv4's local routes in it. */
    private static int merged(boolean ipv6, int table) {
        return table == 0 || table == TABLE_LOCAL && !ipv6 ? TABLE_MAIN : table;
    }

    // --- look-ups

    /**
     * Finds the route to an address by the usual rules.
     *
     * @param tos type of service of an IPv4 packet
     * @param oif the interface that an IPv4 route must and an IPv6 route should go to, or 0
     * @return null when there is none
     */
    @Nullable
    Route find(boolean ipv6, long high, long low, int tos, int oif) {
        for (Prefixes prefixes : ipv6 ? v6Rules : v4Rules) {
            Route found = prefixes == null ? null : find(prefixes, high, low, tos, oif);
            if (found != null && found.type != Type.THROW) {
                return found;
            }
        }
        return null;
    }

    /** The same in one table. */
    @Nullable
    Route findIn(int table, boolean ipv6, long high, long low, int tos, int oif) {
        Prefixes prefixes = (ipv6 ? v6 : v4).get(merged(ipv6, table));
        Route found = prefixes == null ? null : find(prefixes, high, low, tos, oif);
        return found != null && found.type == Type.THROW ? null : found;
    }

    private static @Nullable Route find(Prefixes prefixes, long high, long low, int tos, int oif) {
        for (int bits : prefixes.lengths) {
            int chain = prefixes.index.get(high & Address.maskHigh(bits), low & Address.maskLow(bits), bits);
            if (chain < 0) {
                continue;
            }
            Route[] routes = prefixes.chains.get(chain);
            if (routes[0].prefix.ipv6()) {
                return preferred(routes, oif);
            }
            for (Route route : routes) {
                if ((route.tos == 0 || route.tos == tos) && (oif == 0 || goesTo(route, oif))) {
                    return route;
                }
            }
        }
        return null;
    }

    /** For IPv6 the interface only decides between routes of the same metric. */
    private static Route preferred(Route[] routes, int oif) {
        for (Route route : routes) {
            if (oif != 0 && route.metric == routes[0].metric && goesTo(route, oif)) {
                return route;
            }
        }
        return routes[0];
    }

    private static boolean goesTo(Route route, int oif) {
        List<Hop> hops = route.hops;
        for (int i = 0; i < hops.size(); i++) {
            if (hops.get(i).ifindex == oif) {
                return true;
            }
        }
        return hops.isEmpty();
    }

    // --- reading

    /** A route in the making. */
    private static final class Draft {
        Type type = Type.UNICAST;

        @Nullable
        Address prefix;

        int bits;
        int table = TABLE_MAIN;
        int metric = -1;
        int tos;
        int mtu;
        boolean locked;

        @Nullable
        Address source;

        boolean dead;
        final List<Hop> hops = new ArrayList<>();

        Route finish() {
            Address to = prefix;
            if (to == null) {
                throw new AssertionError("a route without a prefix");
            }
            int by = metric >= 0 || metric < -1 ? metric : to.ipv6() ? V6_METRIC : 0;
            return new Route(type, to, bits, table, by, tos, mtu, locked, source, List.copyOf(hops));
        }
    }

    /**
     * Reads what {@code ip route} prints.
     *
     * @param links whose names are used, and whose addresses are local
     * @throws NetworkException naming the first line that it cannot read
     */
    public static RouteTable parse(String text, Links links) {
        List<Route> routes = new ArrayList<>();
        Draft draft = null;
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            String[] words = line.replace("\\", " ").strip().split("\\s+", -1);
            if (line.isBlank() || words[0].startsWith("#")) {
                continue;
            }
            if (words[0].equals("nexthop")) {
                if (draft == null) {
                    throw new NetworkException("routes", number, "a nexthop without a route before it");
                }
                read(draft, words, 0, number, links);
                continue;
            }
            finish(draft, routes);
            draft = begin(words, number, links);
        }
        finish(draft, routes);
        for (Links.Link link : links.all()) {
            for (Links.Assigned assigned : links.addresses(link.ifindex())) {
                addLocal(routes, link, assigned);
            }
        }
        return new RouteTable(routes);
    }

    private static void finish(@Nullable Draft draft, List<Route> routes) {
        if (draft != null && !(draft.dead && draft.hops.isEmpty())) {
            routes.add(draft.finish());
        }
    }

    private static void addLocal(List<Route> routes, Links.Link link, Links.Assigned assigned) {
        Address address = assigned.address();
        List<Hop> hops = List.of(new Hop(link.ifindex(), null, 1, false));
        routes.add(new Route(Type.LOCAL, address, address.bits(), TABLE_LOCAL, 0, 0, 0, false, address, hops));
        if (!address.ipv6() && assigned.prefix() < 31) {
            long all = address.high() | ~Address.maskHigh(assigned.prefix()) & Address.maskHigh(32);
            Address broadcast = new Address(false, all, 0);
            routes.add(new Route(Type.BROADCAST, broadcast, 32, TABLE_LOCAL, 0, 0, 0, false, address, hops));
        }
    }

    private static Draft begin(String[] words, int line, Links links) {
        Draft draft = new Draft();
        int at = 0;
        for (Type type : Type.values()) {
            if (words[0].equals(type.name().toLowerCase(Locale.ROOT))) {
                draft.type = type;
                at = 1;
            }
        }
        if (at == words.length) {
            throw new NetworkException("routes", line, "expected a prefix behind " + words[0]);
        }
        String prefix = words[at++];
        if (prefix.equals("default")) {
            boolean ipv6 = false;
            for (int i = at; i < words.length; i++) {
                ipv6 |= words[i].equals("pref")
                        || words[i - 1].equals("via") && words[i].indexOf(':') >= 0
                        || words[i - 1].equals("from") && words[i].indexOf(':') >= 0;
            }
            draft.prefix = new Address(ipv6, 0, 0);
        } else {
            int slash = prefix.indexOf('/');
            Address address = Address.parse(slash < 0 ? prefix : prefix.substring(0, slash));
            int bits = address == null ? -1 : slash < 0 ? address.bits() : bits(prefix.substring(slash + 1));
            if (address == null || bits < 0 || bits > address.bits()) {
                throw new NetworkException("routes", line, "expected ADDRESS/LENGTH or default, found " + prefix);
            }
            draft.bits = bits;
            draft.prefix = new Address(
                    address.ipv6(), address.high() & Address.maskHigh(bits), address.low() & Address.maskLow(bits));
        }
        read(draft, words, at, line, links);
        return draft;
    }

    private static int bits(String text) {
        return text.matches("\\d{1,3}") ? Integer.parseInt(text) : -1;
    }

    private static void read(Draft draft, String[] words, int from, int line, Links links) {
        int ifindex = 0;
        Address gateway = null;
        int weight = 1;
        boolean encapsulated = false;
        boolean dead = false;
        for (int i = from; i < words.length; i++) {
            String word = words[i];
            if (word.equals("dead")) {
                dead = true;
                continue;
            }
            if (i + 1 == words.length) {
                continue;
            }
            switch (word) {
                case "dev" -> {
                    Links.Link link = links.byName(words[++i]);
                    if (link == null) {
                        throw new NetworkException("routes", line, "no such interface, dev=" + words[i]);
                    }
                    ifindex = link.ifindex();
                }
                case "via" -> {
                    i += words[i + 1].equals("inet6") || words[i + 1].equals("inet") ? 2 : 1;
                    gateway = i < words.length ? Address.parse(words[i]) : null;
                    if (gateway == null) {
                        throw new NetworkException("routes", line, "expected an address behind via");
                    }
                }
                case "src" -> {
                    draft.source = Address.parse(words[++i]);
                    if (draft.source == null) {
                        throw new NetworkException("routes", line, "expected an address, src=" + words[i]);
                    }
                }
                case "metric" -> draft.metric = number(words[++i], "metric", line);
                case "weight" -> weight = Math.max(1, number(words[++i], "weight", line));
                case "tos", "dsfield" -> draft.tos = number(words[++i], word, line);
                case "mtu" -> {
                    draft.locked = words[i + 1].equals("lock") && i + 2 < words.length;
                    i += draft.locked ? 2 : 1;
                    draft.mtu = number(words[i], "mtu", line);
                }
                case "table" -> {
                    String name = words[++i];
                    draft.table = TABLE_NAMES.containsKey(name) ? TABLE_NAMES.get(name) : number(name, "table", line);
                }
                case "encap" -> encapsulated = true;
                default -> {}
            }
        }
        if (dead) {
            draft.dead = true;
        } else if (ifindex != 0) {
            draft.hops.add(new Hop(ifindex, gateway, weight, encapsulated));
        } else if (gateway != null) {
            throw new NetworkException("routes", line, "expected 'dev NAME' beside a gateway");
        }
    }

    private static int number(String text, String what, int line) {
        try {
            return (int) Long.decode(text).longValue();
        } catch (NumberFormatException e) {
            throw new NetworkException("routes", line, "expected a number, " + what + "=" + text);
        }
    }
}
