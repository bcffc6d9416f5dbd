package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code bpf_fib_lookup} and {@code bpf_check_mtu} against the {@link Network} that the user gave. See {@link Helpers}.
 *
 * <p>{@code struct bpf_fib_lookup}, whose addresses are in network order and everything else is little endian:
 *
 * <pre>
 *  0 family u8    1 l4_protocol u8   2 sport be16    4 dport be16    6 tot_len u16, out: mtu_result
 *  8 ifindex u32, out: that of the route        12 tos u8 or flowinfo be32, out: rt_metric u32
 * 16 source address, 16 bytes                   32 destination address, 16 bytes, out: the gateway's
 * 48 tbid u32, out: h_vlan_proto be16, h_vlan_TCI be16     52 smac     58 dmac
 * </pre>
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class RouteHelpers {
    /** {@code BPF_FIB_LKUP_RET_*}. */
    public static final int SUCCESS = 0;

    public static final int BLACKHOLE = 1;
    public static final int UNREACHABLE = 2;
    public static final int PROHIBIT = 3;
    public static final int NOT_FWDED = 4;
    public static final int FWD_DISABLED = 5;
    public static final int UNSUPP_LWT = 6;
    public static final int NO_NEIGH = 7;
    public static final int FRAG_NEEDED = 8;
    public static final int NO_SRC_ADDR = 9;

    /** {@code BPF_FIB_LOOKUP_*}: in one table, not by the rules. */
    private static final long DIRECT = 1;

    /** From the view of a sender on the interface. */
    private static final long OUTPUT = 1 << 1;

    private static final long SKIP_NEIGH = 1 << 2;
    private static final long TBID = 1 << 3;
    private static final long SRC = 1 << 4;
    private static final long MARK = 1 << 5;
    private static final long FLAGS = DIRECT | OUTPUT | SKIP_NEIGH | TBID | SRC | MARK;

    private static final int STRUCT_BYTES = 64;
    private static final int TOT_LEN = 6;
    private static final int IFINDEX = 8;
    private static final int TOS = 12;
    private static final int SOURCE = 16;
    private static final int DESTINATION = 32;
    private static final int VLAN = 48;
    private static final int SMAC = 52;
    private static final int DMAC = 58;

    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;

    /** The bits of the type of service that select routes. */
    private static final int DSCP_MASK = 0xfc;

    private static final int MAX_V4_MTU = 0xffff;
    private static final int MAX_V6_MTU = 0xffff + 40;
    private static final int ETH_HLEN = 14;
    private static final int DEFAULT_MTU = 1500;
    private static final int MTU_CHK_FRAG_NEEDED = 1;

    private RouteHelpers() {}

    /**
     * Finds where a packet would be forwarded to.
     *
     * @return 0, one of the codes above, EINVAL for a size or flags that are not allowed, EAFNOSUPPORT, ENODEV
     */
    public static long fibLookup(RunContext context, long ctx, long params, long size, long flags, long r5) {
        if (Integer.compareUnsigned((int) size, STRUCT_BYTES) < 0 || (flags & 0xffff_ffffL & ~FLAGS) != 0) {
            return Errno.EINVAL.negative();
        }
        int family = Memory.getByte(params) & 0xff;
        if (family != AF_INET && family != AF_INET6) {
            return Errno.EAFNOSUPPORT.negative();
        }
        boolean ipv6 = family == AF_INET6;
        Network network = context.network;
        if (ipv6 && (isStrict(params + DESTINATION) || isStrict(params + SOURCE))) {
            return NOT_FWDED;
        }
        int ifindex = Memory.getInt(params + IFINDEX);
        Links.Link ingress = network.links().byIfindex(ifindex);
        if (ingress == null) {
            // an interface that a packet came in on exists, though nobody has said anything of it
            return ifindex != 0 && ifindex == context.ingressIfindex ? NOT_FWDED : Errno.ENODEV.negative();
        }
        if (!ingress.forwarding()) {
            return FWD_DISABLED;
        }
        long high = ipv6
                ? Long.reverseBytes(Memory.getLong(params + DESTINATION))
                : Long.reverseBytes(Memory.getInt(params + DESTINATION) & 0xffff_ffffL);
        long low = ipv6 ? Long.reverseBytes(Memory.getLong(params + DESTINATION + Long.BYTES)) : 0;
        int oif = (flags & OUTPUT) != 0 ? ifindex : 0;
        int tos = ipv6 ? 0 : Memory.getByte(params + TOS) & DSCP_MASK;
        RouteTable.Route route;
        if ((flags & DIRECT) != 0) {
            int table = RouteTable.TABLE_MAIN;
            if ((flags & TBID) != 0) {
                table = Memory.getInt(params + VLAN);
                Memory.putInt(params + VLAN, 0);
            }
            route = network.routes().findIn(table, ipv6, high, low, tos, oif);
        } else {
            route = network.routes().find(ipv6, high, low, tos, oif);
        }
        if (route == null) {
            return NOT_FWDED;
        }
        return switch (route.type()) {
            case BLACKHOLE -> BLACKHOLE;
            case UNREACHABLE -> UNREACHABLE;
            case PROHIBIT -> PROHIBIT;
            case LOCAL, BROADCAST, MULTICAST, ANYCAST, THROW -> NOT_FWDED;
            case UNICAST -> forward(network, route, params, ipv6, oif, flags);
        };
    }

    private static long forward(
            Network network, RouteTable.Route route, long params, boolean ipv6, int oif, long flags) {
        RouteTable.Hop hop = select(route, params, oif);
        Links.Link egress = hop == null ? null : network.links().byIfindex(hop.ifindex());
        if (hop == null || egress == null) {
            return NOT_FWDED;
        }
        // the kernel takes a route's own MTU only when it is locked
        int mtu = route.mtu() != 0 && route.locked() ? route.mtu() : egress.mtu();
        mtu = Math.min(mtu, ipv6 ? MAX_V6_MTU : MAX_V4_MTU);
        if ((Memory.getShort(params + TOT_LEN) & 0xffff) > mtu) {
            Memory.putShort(params + TOT_LEN, (short) mtu);
            return FRAG_NEEDED;
        }
        if (hop.encapsulated()) {
            return UNSUPP_LWT;
        }
        Memory.putInt(params + TOS, route.metric());
        Memory.putInt(params + IFINDEX, egress.ifindex());
        Address gateway = hop.gateway();
        if (!ipv6 && (flags & SRC) != 0) {
            putSource(network, route, hop, params, false);
        }
        boolean toV6 = ipv6;
        if (gateway != null) {
            toV6 = gateway.ipv6();
            if (toV6) {
                Memory.putByte(params, (byte) AF_INET6);
                Memory.putLong(params + DESTINATION, Long.reverseBytes(gateway.high()));
                Memory.putLong(params + DESTINATION + Long.BYTES, Long.reverseBytes(gateway.low()));
            } else {
                Memory.putInt(params + DESTINATION, (int) Long.reverseBytes(gateway.high()));
            }
        }
        if (ipv6 && (flags & SRC) != 0 && !putSource(network, route, hop, params, true)) {
            return NO_SRC_ADDR;
        }
        if ((flags & SKIP_NEIGH) == 0) {
            long high = toV6
                    ? Long.reverseBytes(Memory.getLong(params + DESTINATION))
                    : Long.reverseBytes(Memory.getInt(params + DESTINATION) & 0xffff_ffffL);
            long low = toV6 ? Long.reverseBytes(Memory.getLong(params + DESTINATION + Long.BYTES)) : 0;
            long mac = network.neighbours().find(toV6, high, low, egress.ifindex());
            if (mac < 0) {
                return NO_NEIGH;
            }
            putMac(params + DMAC, mac);
            putMac(params + SMAC, egress.mac());
        }
        Memory.putInt(params + VLAN, 0);
        if (mtu != 0) {
            Memory.putShort(params + TOT_LEN, (short) mtu);
        }
        return SUCCESS;
    }

    /** Of several next hops one by addresses, ports and weights: the same for the same flow. */
    private static RouteTable.@Nullable Hop select(RouteTable.Route route, long params, int oif) {
        List<RouteTable.Hop> hops = route.hops();
        int total = 0;
        for (int i = 0; i < hops.size(); i++) {
            if (oif != 0 && hops.get(i).ifindex() == oif) {
                return hops.get(i);
            }
            total += hops.get(i).weight();
        }
        if (hops.size() < 2) {
            return hops.isEmpty() ? null : hops.getFirst();
        }
        long hash = Memory.getInt(params + 1) ^ Memory.getByte(params + 5);
        for (int at = SOURCE; at < VLAN; at += Long.BYTES) {
            hash = (hash ^ Memory.getLong(params + at)) * 0x9e37_79b9_7f4a_7c15L;
            hash ^= hash >>> 32;
        }
        int left = (int) Long.remainderUnsigned(hash, total);
        for (int i = 0; i < hops.size(); i++) {
            left -= hops.get(i).weight();
            if (left < 0) {
                return hops.get(i);
            }
        }
        return hops.getLast();
    }

    /** Puts the route's source address, or one of the interface's; false if there is none. */
    private static boolean putSource(
            Network network, RouteTable.Route route, RouteTable.Hop hop, long params, boolean ipv6) {
        Address source = route.source();
        List<Links.Assigned> addresses = network.links().addresses(hop.ifindex());
        for (int i = 0; i < addresses.size() && source == null; i++) {
            Address address = addresses.get(i).address();
            boolean linkLocal = ipv6 && address.high() >>> 54 == 0xfe80 >>> 6;
            if (address.ipv6() == ipv6 && !linkLocal) {
                source = address;
            }
        }
        if (ipv6 && source == null) {
            return false;
        }
        long high = source == null ? 0 : source.high();
        if (ipv6) {
            Memory.putLong(params + SOURCE, Long.reverseBytes(high));
            Memory.putLong(params + SOURCE + Long.BYTES, Long.reverseBytes(source.low()));
        } else {
            Memory.putInt(params + SOURCE, (int) Long.reverseBytes(high));
        }
        return true;
    }

    /** Whether an IPv6 address is a multicast, link-local or loopback address, which are never forwarded. */
    private static boolean isStrict(long address) {
        int first = Memory.getByte(address) & 0xff;
        int second = Memory.getByte(address + 1) & 0xff;
        return first == 0xff
                || first == 0xfe && (second & 0xc0) == 0x80
                || Memory.getLong(address) == 0 && Memory.getLong(address + Long.BYTES) == 1L << 56;
    }

    private static void putMac(long address, long mac) {
        Memory.putInt(address, (int) mac);
        Memory.putShort(address + Integer.BYTES, (short) (mac >>> 32));
    }

    /**
     * Whether a packet fits an interface.
     *
     * @param ifindex 0 for the interface that the packet came in on
     * @param mtuLength address of the length behind the Ethernet header, 0 for the packet's; gets the MTU
     * @param difference added to the length
     * @return 0, 1 when it does not fit, EINVAL for flags, ENODEV
     */
    public static long checkMtu(
            RunContext context, long ctx, long ifindex, long mtuLength, long difference, long flags) {
        if (flags != 0) {
            return Errno.EINVAL.negative();
        }
        int wanted = (int) ifindex == 0 ? context.ingressIfindex : (int) ifindex;
        Links.Link link = context.network.links().byIfindex(wanted);
        if (link == null && wanted != context.ingressIfindex) {
            return Errno.ENODEV.negative();
        }
        int mtu = link == null ? DEFAULT_MTU : link.mtu();
        int length = Memory.getInt(mtuLength);
        int packet = length != 0 ? length + ETH_HLEN : (int) (context.dataEnd - context.data);
        Memory.putInt(mtuLength, mtu);
        return packet + (int) difference > mtu + ETH_HLEN ? MTU_CHK_FRAG_NEEDED : 0;
    }
}
