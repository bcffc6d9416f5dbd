package dev.sluice.packet.gen;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** What a generator makes. Immutable; each method gives a changed copy. */
public final class Traffic {
    /** IMIX: seven of 64 bytes, or what the headers need, four of 594, one of 1,518, well mixed. */
    public static final List<Integer> IMIX = List.of(64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 64, 594);

    /** Most flows: the ring of packets stays in memory. */
    public static final int MAX_FLOWS = 1 << 20;

    /** Enough different packets that no cache knows them all. */
    public static final int DEFAULT_FLOWS = 65_536;

    private static final int NO_VLAN = -1;

    final Kind kind;

    /** Frames whose other fields stay as they are; empty for the kind's own. */
    final List<byte[]> templates;

    // where they are empty, what the template has stays
    Optional<byte[]> sourceMac = Optional.empty();
    Optional<byte[]> destinationMac = Optional.empty();
    Optional<Range> source = Optional.empty();
    Optional<Range> destination = Optional.empty();
    Optional<Range> sourcePort = Optional.empty();
    Optional<Range> destinationPort = Optional.empty();
    int vlan = NO_VLAN;

    /** Ignored with templates. */
    List<Integer> sizes;

    /** Fewer where the ranges do not hold so many. */
    int flows = DEFAULT_FLOWS;

    long seed = 1;

    /** What kind of packet. */
    public enum Kind {
        UDP(17, false),
        TCP(6, false),
        /** TCP's first. */
        SYN(6, false),
        /** An echo request. */
        ICMP(1, false),
        UDP6(17, true),
        TCP6(6, true),
        SYN6(6, true),
        ICMP6(58, true);

        private final int protocol;
        private final boolean ipv6;

        Kind(int protocol, boolean ipv6) {
            this.protocol = protocol;
            this.ipv6 = ipv6;
        }

        int protocol() {
            return protocol;
        }

        boolean ipv6() {
            return ipv6;
        }

        boolean hasPorts() {
            return protocol == 17 || protocol == 6;
        }

        int transportHeader() {
            return protocol == 6 ? 20 : 8;
        }

        /** The shortest frame, without a tag. */
        public int minSize() {
            return 14 + (ipv6 ? 40 : 20) + transportHeader();
        }
    }

    /**
     * Values from a first to a last one, both of them included.
     *
     * @param bytes of a value: 2 for ports, 4 or 16 for addresses
     */
    public record Range(BigInteger first, BigInteger last, int bytes) {
        public Range {
            if (first.compareTo(last) > 0) {
                throw new IllegalArgumentException("range, expected first to last, found " + first + " to " + last);
            }
        }

        /** How many values. */
        BigInteger size() {
            return last.subtract(first).add(BigInteger.ONE);
        }

        /** {@code 80} or {@code 1024-65535}. */
        public static Range ofPorts(String text) {
            String[] ends = text.split("-", -1);
            try {
                int first = Integer.parseInt(ends[0]);
                int last = Integer.parseInt(ends[ends.length - 1]);
                if (ends.length <= 2 && first >= 0 && last <= 65_535 && first <= last) {
                    return new Range(BigInteger.valueOf(first), BigInteger.valueOf(last), 2);
                }
            } catch (NumberFormatException e) {
                // said below
            }
            throw new IllegalArgumentException("ports, expected such as 80 or 1024-65535, found " + text);
        }

        /** {@code 10.0.0.1}, {@code 10.0.0.0/16}, {@code 10.0.0.1-10.0.0.9}, and the same of IPv6. */
        public static Range ofAddresses(String text) {
            int slash = text.indexOf('/');
            int dash = text.indexOf('-');
            try {
                if (slash > 0) {
                    byte[] address = address(text.substring(0, slash));
                    int host = address.length * 8 - Integer.parseInt(text.substring(slash + 1));
                    if (host < 0 || host > address.length * 8) {
                        throw new IllegalArgumentException("addresses, expected a prefix of at most "
                                + address.length * 8 + " bits, found " + text);
                    }
                    BigInteger first =
                            new BigInteger(1, address).shiftRight(host).shiftLeft(host);
                    BigInteger last = first.add(BigInteger.ONE.shiftLeft(host)).subtract(BigInteger.ONE);
                    return new Range(first, last, address.length);
                }
                byte[] first = address(dash > 0 ? text.substring(0, dash) : text);
                byte[] last = address(dash > 0 ? text.substring(dash + 1) : text);
                if (first.length == last.length) {
                    return new Range(new BigInteger(1, first), new BigInteger(1, last), first.length);
                }
            } catch (UnknownHostException | NumberFormatException e) {
                // said below
            }
            throw new IllegalArgumentException(
                    "addresses, expected such as 10.0.0.1, 10.0.0.0/16 or 10.0.0.1-10.0.0.9, found " + text);
        }

        private static byte[] address(String text) throws UnknownHostException {
            // a name would ask the network
            if (!text.matches("[0-9a-fA-F:.]+") || !text.matches(".*[:.].*")) {
                throw new UnknownHostException(text);
            }
            return InetAddress.getByName(text).getAddress();
        }
    }

    private Traffic(Kind kind, List<byte[]> templates) {
        this.kind = kind;
        this.templates = templates;
        sizes = List.of(Math.max(64, kind.minSize()));
    }

    /** Frames of 64 bytes, or the shortest there are, of {@link #DEFAULT_FLOWS} flows from anywhere in a network to one host. */
    public static Traffic of(Kind kind) {
        boolean ipv6 = kind.ipv6();
        return new Traffic(kind, List.of()).with(made -> {
            made.sourceMac = Optional.of(new byte[] {2, 0, 0, 0, 0, 1});
            made.destinationMac = Optional.of(new byte[] {2, 0, 0, 0, 0, 2});
            made.source = Optional.of(Range.ofAddresses(ipv6 ? "fd00:1::/64" : "10.0.0.0/8"));
            made.destination = Optional.of(Range.ofAddresses(ipv6 ? "fd00:2::1" : "192.168.0.1"));
            made.sourcePort = Optional.of(Range.ofPorts("1024-65535"));
            made.destinationPort = Optional.of(Range.ofPorts("80"));
        });
    }

    /** Given frames as they are, in turn; there is one at least. */
    public static Traffic of(List<byte[]> templates) {
        return new Traffic(Kind.UDP, List.copyOf(templates)).flows(Math.clamp(templates.size(), 1, MAX_FLOWS));
    }

    /** Addresses of frames; those that are not there stay as they are. */
    public Traffic macs(Optional<byte[]> from, Optional<byte[]> to) {
        return with(copy -> {
            copy.sourceMac = from.or(() -> sourceMac);
            copy.destinationMac = to.or(() -> destinationMac);
        });
    }

    public Traffic source(Range addresses) {
        return with(copy -> copy.source = Optional.of(addresses));
    }

    public Traffic destination(Range addresses) {
        return with(copy -> copy.destination = Optional.of(addresses));
    }

    public Traffic sourcePort(Range ports) {
        return with(copy -> copy.sourcePort = Optional.of(ports));
    }

    public Traffic destinationPort(Range ports) {
        return with(copy -> copy.destinationPort = Optional.of(ports));
    }

    /** A VLAN tag: number, and priority in the upper bits. */
    public Traffic vlan(int tag) {
        return with(copy -> copy.vlan = tag);
    }

    /** Sizes of frames, in turn, without the check sequence. */
    public Traffic sizes(List<Integer> bytes) {
        return with(copy -> copy.sizes = List.copyOf(bytes));
    }

    /** Different flows, 1 to {@link #MAX_FLOWS}. */
    public Traffic flows(int count) {
        return with(copy -> copy.flows = count);
    }

    /** Of what is drawn from the ranges. */
    public Traffic seed(long number) {
        return with(copy -> copy.seed = number);
    }

    private Traffic with(Consumer<Traffic> change) {
        Traffic copy = new Traffic(kind, templates);
        copy.sourceMac = sourceMac;
        copy.destinationMac = destinationMac;
        copy.source = source;
        copy.destination = destination;
        copy.sourcePort = sourcePort;
        copy.destinationPort = destinationPort;
        copy.vlan = vlan;
        copy.sizes = sizes;
        copy.flows = flows;
        copy.seed = seed;
        change.accept(copy);
        copy.check();
        return copy;
    }

    private void check() {
        if (flows < 1 || flows > MAX_FLOWS) {
            throw new IllegalArgumentException("flows, expected=1.." + MAX_FLOWS + " found=" + flows);
        }
        if (vlan < NO_VLAN || vlan > 0xffff) {
            throw new IllegalArgumentException("vlan, expected=0..65535 found=" + vlan);
        }
        int least = kind.minSize() + (vlan >= 0 ? 4 : 0);
        for (int size : sizes) {
            if (templates.isEmpty() && !sizes.equals(IMIX) && (size < least || size > 65_549)) {
                throw new IllegalArgumentException("size of a frame, expected=" + least + "..65549 found=" + size);
            }
        }
        if (sizes.isEmpty()) {
            throw new IllegalArgumentException("sizes of frames, expected one at least");
        }
        for (Optional<Range> addresses : List.of(source, destination)) {
            if (templates.isEmpty() && addresses.isPresent() && addresses.get().bytes() != (kind.ipv6() ? 16 : 4)) {
                throw new IllegalArgumentException("addresses, expected those of " + (kind.ipv6() ? "IPv6" : "IPv4"));
            }
        }
    }
}
