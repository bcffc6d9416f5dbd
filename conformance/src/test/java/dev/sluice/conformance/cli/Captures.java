package dev.sluice.conformance.cli;

import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureReader;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Captures as lists. */
final class Captures {
    /** A packet with its time in nanoseconds since 1970. */
    record Packet(long timestampNanos, int originalLength, byte[] bytes) {}

    record Content(List<Packet> packets) {
        /** From the first packet to the last. */
        long spanNanos() {
            return packets.getLast().timestampNanos - packets.getFirst().timestampNanos;
        }
    }

    private Captures() {}

    static Content read(Path file) {
        List<Packet> packets = new ArrayList<>();
        try (CaptureReader reader = CaptureReader.open(file)) {
            while (reader.next()) {
                packets.add(new Packet(reader.timestampNanos(), reader.originalLength(), reader.copyBytes()));
            }
            if (reader.damage() != null) {
                throw reader.damage().toException();
            }
        } catch (CaptureException e) {
            throw new UncheckedIOException(e);
        }
        return new Content(packets);
    }
}
