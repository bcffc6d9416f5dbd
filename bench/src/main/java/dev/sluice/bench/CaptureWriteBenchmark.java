package dev.sluice.bench;

import dev.sluice.memory.Memory;
import dev.sluice.packet.pcap.CaptureWriter;
import dev.sluice.packet.pcap.PacketNote;
import java.io.IOException;
import java.lang.foreign.Arena;
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

/** How fast a capture of a million packets of 60 bytes is written, with verdicts where the format has them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CaptureWriteBenchmark {
    static final int PACKETS = 1_000_000;

    /** How the name of the file ends, which decides format and compression. */
    @Param({"pcap", "pcapng", "pcap.gz", "pcap.zst"})
    private String format;

    private final PacketNote note = new PacketNote();
    private Arena arena;
    private Path file;
    private long packet;

    @Setup
    public void prepare() throws IOException {
        arena = Arena.ofShared();
        packet = Memory.allocate(arena, 64, 64);
        file = Files.createTempFile("sluice-bench-", "." + format);
    }

    @TearDown
    public void delete() throws IOException {
        Files.delete(file);
        arena.close();
    }

    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public long write() throws IOException {
        try (CaptureWriter writer = CaptureWriter.create(file, CaptureWriter.Options.byName(format))) {
            for (int i = 0; i < PACKETS; i++) {
                Memory.putLong(packet, i * 0x9e3779b97f4a7c15L);
                writer.write(0, i * 1_000L, packet, 60, 60, note.clear().action(i & 3));
            }
            return writer.packets();
        }
    }
}
