package dev.sluice.cli;

import dev.sluice.kernel.MapEntry;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.measure.PacketSet;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * The programs that come with the command, from {@code pcaps/bench}, and packets for them: 64-byte Ethernet frames (60 without
 * the frame check sequence) of IPv4 and UDP, thousands of flows. One in sixteen goes to the port that {@code parse}
 * blocks; three of four have one of the 1,000 rules of {@code tuples}.
 */
final class BenchPrograms {
    private static final int FRAME_BYTES = 60;
    private static final int RULES = 1_000;
    private static final int BLOCKED_PORT = 9999;
    private static final int BLOCKED_EVERY = 16;
    private static final int WITHOUT_RULE_EVERY = 4;

    private static final int ETH_BYTES = 14;
    private static final int IP_BYTES = 20;
    private static final int ETH_P_IP = 0x0800;
    private static final int ETH_P_8021Q = 0x8100;
    private static final int TAG_BYTES = 4;
    private static final int UDP = 17;
    private static final int XDP_DROP = 1;
    private static final int XDP_PASS = 2;

    /**
     * A program of the table.
     *
     * @param name of the object, without {@code .bpf.o}
     * @param sources below {@code pcaps}, for native code; empty where it has none
     */
    record Row(String name, List<String> sources) {}

    /** What the table shows, in order. */
    static final List<Row> TABLE = List.of(
            row("drop"),
            row("parse", "bench/parse.bpf.h"),
            row("count", "bench/parse.bpf.h"),
            row("tuples"),
            row("swap"),
            row("nested"),
            row("balancer"),
            row("rules"));

    private BenchPrograms() {}

    private static Row row(String name, String... headers) {
        List<String> sources = new ArrayList<>(List.of("bench/" + name + ".bpf.c"));
        sources.addAll(List.of(headers));
        return new Row(name, sources);
    }

    /** A program that does nothing: what is left is the cost of calling it. */
    static ObjectOptions.Choice empty() {
        return choice("drop");
    }

    /** @param name without {@code .bpf.o} */
    static ObjectOptions.Choice choice(String name) {
        String file = name + ".bpf.o";
        ObjectSpec spec = ObjectSpec.read(file, resource("bench/" + file));
        return new ObjectOptions().choose(Path.of(file), spec);
    }

    /** @param file below {@code pcaps} */
    static byte[] resource(String file) {
        try (InputStream in = BenchPrograms.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new AssertionError("missing from the jar: " + file);
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A flow: what a packet and its rule have in common. */
    private record Flow(int source, int destination, short sourcePort, short destinationPort) {
        /** @param i which flow; the first {@link #RULES} have a rule */
        static Flow of(int i, long seed) {
            Random random = new Random(seed * 1_000_003 + i * 0x9e37_79b9L);
            boolean blocked = random.nextInt(BLOCKED_EVERY) == 0;
            return new Flow(
                    0x0a00_0000 | random.nextInt(1 << 24),
                    0xc612_0000 | random.nextInt(1 << 16),
                    (short) random.nextInt(1 << 16),
                    (short) (blocked ? BLOCKED_PORT : random.nextInt(BLOCKED_PORT)));
        }
    }

    /**
     * Makes packets.
     *
     * @param count how many
     * @param tagged with a VLAN tag, which makes them 4 bytes longer
     */
    static PacketSet packets(int count, long seed, boolean tagged) {
        PacketSet set = new PacketSet();
        try (Arena arena = Arena.ofConfined()) {
            long address = Memory.allocate(arena, FRAME_BYTES + TAG_BYTES, 8);
            Random random = new Random(seed);
            for (int i = 0; i < count; i++) {
                boolean ruled = random.nextInt(WITHOUT_RULE_EVERY) != 0;
                Flow flow = Flow.of(ruled ? random.nextInt(RULES) : RULES + i, seed);
                byte[] frame = tagged ? tagged(frame(flow)) : frame(flow);
                Memory.copy(frame, 0, address, frame.length);
                set.add(address, frame.length);
            }
        }
        return set;
    }

    private static byte[] tagged(byte[] frame) {
        int type = ETH_BYTES - Short.BYTES;
        return ByteBuffer.allocate(frame.length + TAG_BYTES)
                .put(frame, 0, type)
                .putShort((short) ETH_P_8021Q)
                .putShort((short) 42)
                .put(frame, type, frame.length - type)
                .array();
    }

    private static byte[] frame(Flow flow) {
        ByteBuffer frame = ByteBuffer.allocate(FRAME_BYTES);
        frame.put(new byte[] {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}).putShort((short) ETH_P_IP);
        frame.putShort((short) 0x4500).putShort((short) (FRAME_BYTES - ETH_BYTES));
        frame.putInt(0).put((byte) 64).put((byte) UDP).putShort((short) 0);
        frame.putInt(flow.source).putInt(flow.destination);
        frame.putShort(ETH_BYTES + 10, checksum(frame));
        frame.putShort(flow.sourcePort).putShort(flow.destinationPort);
        frame.putShort((short) (FRAME_BYTES - ETH_BYTES - IP_BYTES)).putShort((short) 0);
        return frame.array();
    }

    /** Of the IPv4 header. */
    private static short checksum(ByteBuffer frame) {
        int sum = 0;
        for (int at = ETH_BYTES; at < ETH_BYTES + IP_BYTES; at += 2) {
            sum += Short.toUnsignedInt(frame.getShort(at));
        }
        sum = (sum & 0xffff) + (sum >>> 16);
        return (short) ~((sum & 0xffff) + (sum >>> 16));
    }

    /** What the maps of the programs start with: the rules of {@code tuples}, every second one of which drops. */
    static Map<String, List<MapEntry>> entries(String program, long seed) {
        if (!program.equals("tuples")) {
            return Map.of();
        }
        List<MapEntry> rules = new ArrayList<>();
        for (int i = 0; i < RULES; i++) {
            Flow flow = Flow.of(i, seed);
            byte[] key = ByteBuffer.allocate(16)
                    .putInt(flow.source)
                    .putInt(flow.destination)
                    .putShort(flow.sourcePort)
                    .putShort(flow.destinationPort)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(UDP)
                    .array();
            byte[] value = ByteBuffer.allocate(24)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(16, i % 2 == 0 ? XDP_DROP : XDP_PASS)
                    .array();
            rules.add(new MapEntry(key, value));
        }
        return Map.of("rules", rules);
    }
}
