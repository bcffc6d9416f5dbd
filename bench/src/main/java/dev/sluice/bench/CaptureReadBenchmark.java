package dev.sluice.bench;

import dev.sluice.memory.Memory;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;
import dev.sluice.packet.pcap.CaptureWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How fast a capture is read without a program: a file of a million packets from the page cache, opened, read to its end in
 * batches of 64 and closed. One operation is one packet. {@code read} looks at the descriptors only, {@code copy} also copies
 * the packets into the 64 frames of a batch, as replaying does.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CaptureReadBenchmark {
    static final int PACKETS = 1_000_000;
    private static final int FRAME_SIZE = 2048;
    private static final int HEADROOM = 256;

    /** Bytes of the packets, in turn: smallest packets, and the simple Internet mix (7:4:1 by count). */
    public enum Sizes {
        SMALL(60),
        IMIX(60, 60, 60, 60, 60, 60, 60, 566, 566, 566, 566, 1514);

        private final int[] bytes;

        Sizes(int... bytes) {
            this.bytes = bytes;
        }
    }

    @Param
    private Sizes sizes;

    /** How the name of the file ends, which decides format and compression. */
    @Param({"pcap", "pcapng", "pcap.gz", "pcap.zst"})
    private String format;

    private Path file;
    private long expectedBytes;

    private Arena arena;
    private long frames;

    @Setup
    public void write() throws IOException {
        arena = Arena.ofShared();
        frames = Memory.allocate(arena, 64L * FRAME_SIZE, 64);
        long packet = Memory.allocate(arena, 2048, 64);
        Random random = new Random(1);
        file = Files.createTempFile("sluice-bench-", "." + format);
        try (CaptureWriter writer =
                CaptureWriter.create(file, CaptureWriter.Options.byName(format).nanoseconds(false))) {
            for (int i = 0; i < PACKETS; i++) {
                int length = sizes.bytes[i % sizes.bytes.length];
                // a changing header, and contents that compress as traffic does: a little
                for (int at = 0; at < 64; at += 8) {
                    Memory.putLong(packet + at, at < 24 ? random.nextLong() : 0);
                }
                writer.write(i * 1_000L, packet, length, length);
                expectedBytes += length;
            }
        }
    }

    @TearDown
    public void delete() throws IOException {
        Files.delete(file);
        arena.close();
    }

    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public long read() throws IOException {
        long bytes = 0;
        try (CaptureReader reader = CaptureReader.open(file);
                CaptureBatch batch = new CaptureBatch(64)) {
            while (reader.read(batch) > 0) {
                for (int i = 0; i < batch.size(); i++) {
                    bytes += batch.capturedLength(i);
                }
            }
            check(reader, bytes);
        }
        return bytes;
    }

    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public long copy() throws IOException {
        long bytes = 0;
        try (CaptureReader reader = CaptureReader.open(file);
                CaptureBatch batch = new CaptureBatch(64)) {
            while (reader.read(batch) > 0) {
                for (int i = 0; i < batch.size(); i++) {
                    int length = batch.capturedLength(i);
                    Memory.copy(batch.address(i), frames + (long) i * FRAME_SIZE + HEADROOM, length);
                    bytes += length;
                }
            }
            check(reader, bytes);
        }
        return bytes;
    }

    private void check(CaptureReader reader, long bytes) {
        if (reader.damage() != null || reader.packets() != PACKETS || bytes != expectedBytes) {
            throw new AssertionError(
                    "bytes read, expected=" + expectedBytes + " found=" + bytes + " damage=" + reader.damage());
        }
    }
}
