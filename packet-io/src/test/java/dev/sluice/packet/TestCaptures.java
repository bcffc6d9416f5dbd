package dev.sluice.packet;

import dev.sluice.memory.Memory;
import dev.sluice.packet.pcap.CaptureReader;
import dev.sluice.packet.pcap.CaptureWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Captures for tests, made and read back. */
public final class TestCaptures {
    /** A packet with its time in nanoseconds. */
    public record Packet(long time, byte[] bytes) {}

    private TestCaptures() {}

    /** Ethernet, IPv4, UDP of random flows; the last byte counts up. Times step by 1,000 ns and now and then back. */
    public static List<Packet> flows(long seed, int count, int maxLength) {
        Random random = new Random(seed);
        List<Packet> packets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] bytes = new byte[43 + random.nextInt(maxLength - 42)];
            bytes[12] = 8;
            bytes[14] = 0x45;
            bytes[16] = (byte) (bytes.length - 14 >> 8);
            bytes[17] = (byte) (bytes.length - 14);
            bytes[23] = 17;
            for (int at = 26; at < 38; at++) {
                bytes[at] = (byte) random.nextInt();
            }
            bytes[bytes.length - 1] = (byte) i;
            packets.add(
                    new Packet(1_700_000_000_000_000_000L + i * 1000L - (random.nextInt(10) == 0 ? 5000 : 0), bytes));
        }
        return packets;
    }

    public static String write(Path file, List<Packet> packets) throws IOException {
        try (Arena arena = Arena.ofConfined();
                CaptureWriter writer = CaptureWriter.create(file, CaptureWriter.Options.byName(file.toString()))) {
            long memory = Memory.allocate(arena, 300_000, 8);
            for (Packet packet : packets) {
                Memory.copy(packet.bytes(), 0, memory, packet.bytes().length);
                writer.write(packet.time(), memory, packet.bytes().length, packet.bytes().length);
            }
        }
        return file.toString();
    }

    public static List<Packet> read(Path file) throws IOException {
        List<Packet> packets = new ArrayList<>();
        try (CaptureReader reader = CaptureReader.open(file)) {
            while (reader.next()) {
                packets.add(new Packet(reader.timestampNanos(), reader.copyBytes()));
            }
            if (reader.damage() != null) {
                throw reader.damage().toException();
            }
        }
        return packets;
    }
}
