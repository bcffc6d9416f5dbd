package dev.sluice.packet.pcap;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads whole captures into objects, for tests. */
final class Captures {
    /** A packet as a test wants it. */
    record Packet(long time, byte[] data, int original, int iface) {}

    /** A capture as a test wants it. */
    record Read(
            CaptureFormat format,
            List<Packet> packets,
            List<CaptureInterface> interfaces,
            @Nullable Damage damage,
            long cut) {}

    private Captures() {}

    /** The capture from a mapped file. */
    static Read mapped(Path directory, byte[] bytes) throws IOException {
        // a new file, because some file systems flush one that is cut to nothing and written again
        Path file = directory.resolve("capture.bin");
        Files.write(file, bytes, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        try {
            return read(file, 7);
        } finally {
            Files.delete(file);
        }
    }

    /** The capture from a stream that gives at most {@code chunk} bytes a read. */
    static Read streamed(byte[] bytes, int chunk) throws IOException {
        ByteArrayInputStream in = new ByteArrayInputStream(bytes) {
            @Override
            public synchronized int read(byte[] b, int off, int len) {
                return super.read(b, off, Math.min(len, chunk));
            }
        };
        try (CaptureReader reader = CaptureReader.open("stream", Channels.newChannel(in))) {
            return read(reader, 7);
        }
    }

    static Read read(Path file, int batchSize) throws IOException {
        try (CaptureReader reader = CaptureReader.open(file)) {
            return read(reader, batchSize);
        }
    }

    static Read read(CaptureReader reader, int batchSize) {
        List<Packet> packets = new ArrayList<>();
        long bytes = 0;
        try (CaptureBatch batch = new CaptureBatch(batchSize)) {
            while (reader.read(batch) > 0) {
                for (int i = 0; i < batch.size(); i++) {
                    packets.add(new Packet(
                            batch.timestampNanos(i),
                            batch.copyBytes(i),
                            batch.originalLength(i),
                            batch.interfaceIndex(i)));
                    bytes += batch.capturedLength(i);
                }
            }
            if (reader.read(batch) != 0) {
                throw new AssertionError("a read after the end gave packets");
            }
        }
        if (reader.packets() != packets.size() || reader.capturedBytes() != bytes) {
            throw new AssertionError("counters, packets=" + reader.packets() + " expected=" + packets.size() + " bytes="
                    + reader.capturedBytes() + " expected=" + bytes);
        }
        return new Read(
                reader.format(), packets, List.copyOf(reader.interfaces()), reader.damage(), reader.cutPackets());
    }
}
