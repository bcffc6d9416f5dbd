package dev.sluice.bench;

import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * batches of 64 and closed. One operation is one packet.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class CaptureReadBenchmark {
    static final int PACKETS = 1_000_000;

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

    private Path file;
    private long expectedBytes;

    @Setup
    public void write() throws IOException {
        file = Files.createTempFile("sluice-bench-", ".pcap");
        ByteBuffer header = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(0xa1b2c3d4)
                .putShort((short) 2)
                .putShort((short) 4)
                .putLong(0)
                .putInt(262_144)
                .putInt(1);
        ByteBuffer packet = ByteBuffer.allocate(16 + 1514).order(ByteOrder.LITTLE_ENDIAN);
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
            out.write(header.array());
            for (int i = 0; i < PACKETS; i++) {
                int length = sizes.bytes[i % sizes.bytes.length];
                packet.clear()
                        .putInt(i / 1_000_000)
                        .putInt(i % 1_000_000)
                        .putInt(length)
                        .putInt(length);
                out.write(packet.array(), 0, 16 + length);
                expectedBytes += length;
            }
        }
    }

    @TearDown
    public void delete() throws IOException {
        Files.delete(file);
    }

    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public long read() throws IOException {
        long bytes = 0;
        try (CaptureReader reader = CaptureReader.open(file);
                CaptureBatch batch = new CaptureBatch(64)) {
            while (reader.read(batch) > 0) {
                for (int i = 0; i < batch.size(); i++) bytes += batch.capturedLength(i);
            }
        }
        if (bytes != expectedBytes)
            throw new AssertionError("bytes read expected=" + expectedBytes + " found=" + bytes);
        return bytes;
    }
}
