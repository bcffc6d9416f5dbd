package dev.sluice.bench;

import dev.sluice.exec.Executable;
import dev.sluice.exec.FaultSink;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.map.MapTable;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.packet.Replay;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;
import dev.sluice.packet.pcap.CaptureWriter;
import dev.sluice.program.Program;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
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
 * What the datapath costs around a program: a capture of 65,536 different packets, replayed 32 times. Stage by stage: reading,
 * reading and copying into frames, and the whole way through the pipeline with a program of one line. One operation is one packet.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class DatapathBenchmark {
    static final int DISTINCT = 65_536;
    static final int ROUNDS = 32;
    static final int PACKETS = DISTINCT * ROUNDS;

    /** Bytes of a packet. */
    @Param({"64", "512", "1518"})
    int bytes;

    /** What the program returns: 1 XDP_DROP, 2 XDP_PASS, 3 XDP_TX. */
    @Param({"1", "2", "3"})
    int action;

    private Path file;

    @Setup
    public void write() throws IOException {
        file = Files.createTempFile("sluice-bench-", ".pcap");
        try (Arena arena = Arena.ofConfined();
                CaptureWriter writer = CaptureWriter.create(file, CaptureWriter.Options.byName("x.pcap"))) {
            long packet = Memory.allocate(arena, bytes, 8);
            for (int i = 0; i < DISTINCT; i++) {
                Memory.putInt(packet + 26, i * 0x9e37_79b9);
                writer.write(i * 1000L, packet, bytes, bytes);
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
        long sum = 0;
        try (CaptureReader reader = CaptureReader.open(file);
                CaptureBatch batch = new CaptureBatch(FrameBatch.CAPACITY)) {
            for (int round = 0; round < ROUNDS; round++) {
                while (reader.read(batch) > 0) {
                    sum += batch.size();
                }
                reader.rewind();
            }
        }
        return check(sum);
    }

    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public long readAndCopy() throws IOException {
        long sum = 0;
        try (CaptureReader reader = CaptureReader.open(file);
                CaptureBatch batch = new CaptureBatch(FrameBatch.CAPACITY);
                FramePool pool = new FramePool()) {
            for (int round = 0; round < ROUNDS; round++) {
                while (reader.read(batch) > 0) {
                    FrameBatch frames = Objects.requireNonNull(pool.acquire());
                    for (int i = 0; i < batch.size(); i++) {
                        int length = batch.capturedLength(i);
                        frames.append(batch.address(i), length, length, batch.timestampNanos(i), 0, 1, i);
                    }
                    sum += frames.size();
                    frames.release();
                }
                reader.rewind();
            }
        }
        return check(sum);
    }

    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public RunTotals replay() throws IOException {
        RunTotals totals = Replay.builder()
                .program(new Constant(action))
                .contexts((cpu, clock) -> new RunContext(new MapTable(), new Regions(), clock, 0))
                .capture(file.toString())
                .repeat(ROUNDS)
                .run();
        check(totals.packets());
        return totals;
    }

    private static long check(long packets) {
        if (packets != PACKETS) {
            throw new AssertionError("packets expected=" + PACKETS + " found=" + packets);
        }
        return packets;
    }

    /** The least that a program can do. */
    private record Constant(int action) implements Executable {
        private static final Program PROGRAM = Program.ofCode("constant", Assembler.assemble("r0 = 2\nexit"));

        @Override
        public String engine() {
            return "java";
        }

        @Override
        public Program program() {
            return PROGRAM;
        }

        @Override
        public int programId() {
            return 1;
        }

        @Override
        public void run(RunContext context, long descriptors, int count, FaultSink faults) {
            for (int i = 0; i < count; i++) {
                Memory.putInt(descriptors + (long) i * FrameDescriptor.BYTES + FrameDescriptor.ACTION, action);
            }
        }

        @Override
        public long call(RunContext context, long r1, long r2) {
            return action;
        }
    }
}
