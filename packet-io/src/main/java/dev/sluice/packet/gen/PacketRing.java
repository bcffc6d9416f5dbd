package dev.sluice.packet.gen;

import dev.sluice.memory.Memory;
import dev.sluice.packet.gen.Traffic.Kind;
import dev.sluice.packet.gen.Traffic.Range;
import java.lang.foreign.Arena;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The packets of a {@link Traffic}, made once and lying one behind the other off the heap. Immutable; any thread. */
public final class PacketRing implements AutoCloseable {
    private static final long MAX_BYTES = 1L << 30;

    /** Packets are apart by whole words. */
    private static final int ALIGNMENT = 8;

    private final Arena arena = Arena.ofShared();
    private final long[] addresses;
    private final int[] lengths;

    /** @throws IllegalArgumentException when the packets take too much memory */
    public PacketRing(Traffic traffic) {
        int count = size(traffic);
        addresses = new long[count];
        lengths = new int[count];
        boolean made = false;
        try {
            fill(traffic, count);
            made = true;
        } finally {
            if (!made) {
                arena.close();
            }
        }
    }

    private static int size(Traffic traffic) {
        int pattern = traffic.templates.isEmpty() ? traffic.sizes.size() : traffic.templates.size();
        int flows = traffic.flows;
        // whole patterns and at least one packet of each flow
        long packets = (flows + pattern - 1L) / pattern * pattern;
        if (packets > 2L * Traffic.MAX_FLOWS) {
            throw new IllegalArgumentException("templates, expected fewer, found=" + pattern);
        }
        return (int) packets;
    }

    private void fill(Traffic traffic, int count) {
        byte[][] frames = new byte[count][];
        List<byte[]> flows = flows(traffic);
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            byte[] frame = traffic.templates.isEmpty()
                    ? blank(traffic.kind, traffic.sizes.get(i % traffic.sizes.size()), traffic.vlan)
                    : template(traffic, i);
            new FrameEdit(frame).apply(traffic, flows.get(i % flows.size()), i);
            frames[i] = frame;
            bytes += frame.length + ALIGNMENT & -ALIGNMENT;
            if (bytes > MAX_BYTES) {
                throw new IllegalArgumentException(
                        "generated packets take more than 1 GiB, expected fewer flows, found=" + traffic.flows);
            }
        }
        long at = Memory.allocate(arena, Math.max(bytes, ALIGNMENT), 64);
        for (int i = 0; i < count; i++) {
            Memory.copy(frames[i], 0, at, frames[i].length);
            addresses[i] = at;
            lengths[i] = frames[i].length;
            at += frames[i].length + ALIGNMENT & -ALIGNMENT;
        }
    }

    private static byte[] template(Traffic traffic, int i) {
        byte[] frame = traffic.templates.get(i % traffic.templates.size());
        if (traffic.vlan < 0) {
            return frame.clone();
        }
        byte[] tagged = new byte[frame.length + 4];
        System.arraycopy(frame, 0, tagged, 0, 12);
        ByteBuffer.wrap(tagged).putShort(12, (short) 0x8100).putShort(14, (short) traffic.vlan);
        System.arraycopy(frame, 12, tagged, 16, frame.length - 12);
        return tagged;
    }

    /** A frame whose addresses, ports and checksums are still to come. */
    private static byte[] blank(Kind kind, int size, int vlan) {
        int length = Math.max(size, kind.minSize() + (vlan >= 0 ? 4 : 0));
        ByteBuffer frame = ByteBuffer.allocate(length);
        frame.position(12);
        if (vlan >= 0) {
            frame.putShort((short) 0x8100).putShort((short) vlan);
        }
        frame.putShort((short) (kind.ipv6() ? 0x86dd : 0x0800));
        int ip = frame.position();
        if (kind.ipv6()) {
            frame.putInt(6 << 28)
                    .putShort((short) (length - ip - 40))
                    .put((byte) kind.protocol())
                    .put((byte) 64);
            frame.position(ip + 40);
        } else {
            frame.put((byte) 0x45).put((byte) 0).putShort((short) (length - ip)).putInt(0x4000);
            frame.put((byte) 64).put((byte) kind.protocol());
            frame.position(ip + 20);
        }
        int transport = frame.position();
        switch (kind) {
            case UDP, UDP6 -> frame.putShort(transport + 4, (short) (length - transport));
            case TCP, TCP6, SYN, SYN6 -> {
                frame.putInt(transport + 4, 1);
                boolean syn = kind == Kind.SYN || kind == Kind.SYN6;
                frame.putShort(transport + 12, (short) (0x5000 | (syn ? 0x02 : 0x10)));
                frame.putShort(transport + 14, (short) 0xffff);
            }
            case ICMP -> frame.put(transport, (byte) 8);
            case ICMP6 -> frame.put(transport, (byte) 128);
        }
        for (int at = transport + kind.transportHeader(); at < length; at++) {
            frame.put(at, (byte) (at - transport));
        }
        return frame.array();
    }

    // --- flows

    /** As many different tuples as there are flows: source, destination, source port, destination port, one behind the other. */
    private static List<byte[]> flows(Traffic traffic) {
        List<Optional<Range>> ranges =
                List.of(traffic.source, traffic.destination, traffic.sourcePort, traffic.destinationPort);
        boolean ports = !traffic.templates.isEmpty() || traffic.kind.hasPorts();
        BigInteger possible = BigInteger.ONE;
        for (int i = 0; i < ranges.size(); i++) {
            if (ranges.get(i).isPresent() && (i < 2 || ports)) {
                possible = possible.multiply(ranges.get(i).get().size());
            }
        }
        Random random = new Random(traffic.seed);
        Set<BigInteger> drawn = new HashSet<>();
        boolean all = possible.compareTo(BigInteger.valueOf(4L * traffic.flows)) < 0;
        byte[][] flows =
                new byte[possible.min(BigInteger.valueOf(traffic.flows)).intValue()][];
        for (int i = 0; i < flows.length; i++) {
            BigInteger number;
            if (all) {
                number = BigInteger.valueOf(i).mod(possible);
            } else {
                do {
                    number = new BigInteger(possible.bitLength() + 8, random).mod(possible);
                } while (!drawn.add(number));
            }
            flows[i] = tuple(ranges, ports, number);
        }
        return List.of(flows);
    }

    private static byte[] tuple(List<Optional<Range>> ranges, boolean ports, BigInteger number) {
        byte[] tuple = new byte[36];
        BigInteger rest = number;
        for (int i = 0; i < ranges.size(); i++) {
            Optional<Range> range = ranges.get(i);
            if (range.isPresent() && (i < 2 || ports)) {
                BigInteger[] parts = rest.divideAndRemainder(range.get().size());
                rest = parts[0];
                byte[] value = range.get().first().add(parts[1]).toByteArray();
                int end = (i < 2 ? (i + 1) * 16 : 32 + (i - 1) * 2);
                int bytes = Math.min(value.length, range.get().bytes());
                System.arraycopy(value, value.length - bytes, tuple, end - bytes, bytes);
            }
        }
        return tuple;
    }

    /** Writes fields and checksums into a frame. */
    private static final class FrameEdit {
        private final ByteBuffer frame;

        FrameEdit(byte[] bytes) {
            frame = ByteBuffer.wrap(bytes);
        }

        void apply(Traffic traffic, byte[] flow, int number) {
            put(traffic.destinationMac.orElse(null), 0);
            put(traffic.sourceMac.orElse(null), 6);
            int size = frame.capacity();
            int at = 14;
            int type = size >= at ? frame.getShort(12) & 0xffff : 0;
            while ((type == 0x8100 || type == 0x88a8) && size >= at + 4) {
                type = frame.getShort(at + 2) & 0xffff;
                at += 4;
            }
            if (type == 0x0800 && size >= at + 20) {
                ipv4(traffic, flow, number, at);
            } else if (type == 0x86dd && size >= at + 40) {
                address(traffic.source, flow, 0, at + 8, 16);
                address(traffic.destination, flow, 16, at + 24, 16);
                int length = Math.min(frame.getShort(at + 4) & 0xffff, size - at - 40);
                transport(traffic, flow, number, frame.get(at + 6) & 0xff, at + 40, length, sum(at + 8, 32));
            }
        }

        private void ipv4(Traffic traffic, byte[] flow, int number, int at) {
            address(traffic.source, flow, 0, at + 12, 4);
            address(traffic.destination, flow, 16, at + 16, 4);
            int header = (frame.get(at) & 15) * 4;
            int total = frame.getShort(at + 2) & 0xffff;
            if (header < 20 || total < header || frame.capacity() < at + total) {
                return; // a template that is cut: nothing to be put right
            }
            frame.putShort(at + 10, (short) 0);
            frame.putShort(at + 10, (short) ~fold(sum(at, header)));
            if ((frame.getShort(at + 6) & 0x3fff) == 0) {
                transport(
                        traffic, flow, number, frame.get(at + 9) & 0xff, at + header, total - header, sum(at + 12, 8));
            }
        }

        private void transport(
                Traffic traffic, byte[] flow, int number, int protocol, int at, int length, long addresses) {
            int checksum = switch (protocol) {
                case 6 -> 16;
                case 17 -> 6;
                case 1, 58 -> 2;
                default -> -1;
            };
            if (checksum < 0 || length < checksum + 2) {
                return;
            }
            if (protocol == 6 || protocol == 17) {
                if (traffic.sourcePort.isPresent()) {
                    frame.put(at, flow, 32, 2);
                }
                if (traffic.destinationPort.isPresent()) {
                    frame.put(at + 2, flow, 34, 2);
                }
            } else if (traffic.templates.isEmpty()) {
                frame.putShort(at + 4, (short) (number >>> 16)).putShort(at + 6, (short) number);
            }
            boolean unused = protocol == 17 && !traffic.templates.isEmpty() && frame.getShort(at + 6) == 0;
            if (unused) {
                return;
            }
            frame.putShort(at + checksum, (short) 0);
            long pseudo = protocol == 1 ? 0 : addresses + protocol + length;
            int sum = ~fold(pseudo + sum(at, length)) & 0xffff;
            frame.putShort(at + checksum, (short) (sum == 0 && protocol == 17 ? 0xffff : sum));
        }

        private void put(byte @Nullable [] mac, int at) {
            if (mac != null) {
                frame.put(at, mac);
            }
        }

        private void address(Optional<Range> range, byte[] flow, int from, int at, int bytes) {
            if (range.isPresent() && range.get().bytes() == bytes) {
                frame.put(at, flow, from + 16 - bytes, bytes);
            }
        }

        private long sum(int at, int length) {
            long sum = 0;
            for (int i = 0; i < length; i++) {
                sum += (long) (frame.get(at + i) & 0xff) << (i % 2 == 0 ? 8 : 0);
            }
            return sum;
        }

        private static int fold(long sum) {
            long folded = sum;
            while (folded >>> 16 != 0) {
                folded = (folded & 0xffff) + (folded >>> 16);
            }
            return (int) folded;
        }
    }

    // --- the packets

    /** How many. */
    public int size() {
        return lengths.length;
    }

    public long address(int i) {
        return addresses[i];
    }

    public int length(int i) {
        return lengths[i];
    }

    /** Gives the memory back; nobody may be reading packets. */
    @Override
    public void close() {
        arena.close();
    }
}
