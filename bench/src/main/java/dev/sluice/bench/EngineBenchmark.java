package dev.sluice.bench;

import dev.sluice.Engines;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
 * What a program costs a packet on each engine: its packet loop alone, over 1,024 packets of a capture that are in memory
 * as frames, made anew (bytes and descriptors) before each pass as far as the program changes them. One operation is one
 * packet.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class EngineBenchmark {
    static final int PACKETS = 1024;
    private static final int BATCH = 64;
    private static final int FRAME = 4096;
    private static final int HEADROOM = 256;
    private static final int TAILROOM = 320;

    /** An object of {@code pcaps/programs}; its first program runs. */
    @Param({"drop_udp_port", "proto_counter", "firewall", "echo_tx", "parser", "calls", "tail_calls", "nat", "checksum"
    })
    String program;

    /** A capture of {@code pcaps/captures}. */
    @Param("generated/imix.pcap")
    String capture;

    @Param({"jit", "jit-checked", "interpreter"})
    String engine;

    private final Arena arena = Arena.ofShared();
    private XdpRuntime runtime;
    private RunContext context;
    private Executable executable;
    private long descriptors;
    private long fresh;

    /** Loads the program and fills the frames, with the capture's packets again and again. */
    @Setup
    public void load() throws IOException {
        Path pcaps = pcaps();
        runtime = new XdpRuntime(
                switch (engine) {
                    case "jit" -> Engines.jit();
                    case "jit-checked" -> Engines.jitChecked();
                    default -> Engines.interpreter();
                },
                1,
                0);
        ObjectSpec spec = ObjectSpec.read(pcaps.resolve("programs/" + program + ".bpf.o"));
        LoadedObject object = runtime.load(spec, spec.xdpPrograms());
        executable = object.programs().getFirst().executable();
        context = runtime.newContext(System::nanoTime, 0);
        long bytes = (long) PACKETS * FrameDescriptor.BYTES;
        descriptors = Memory.allocate(arena, bytes, FrameDescriptor.BYTES);
        fresh = Memory.allocate(arena, bytes, FrameDescriptor.BYTES);
        long frames = Memory.allocate(arena, (long) PACKETS * FRAME, FRAME);
        int filled = 0;
        try (CaptureReader reader = CaptureReader.open(pcaps.resolve("captures/" + capture));
                CaptureBatch batch = new CaptureBatch(BATCH)) {
            while (filled < PACKETS) {
                if (reader.read(batch) == 0) {
                    reader.rewind();
                }
                for (int i = 0; i < batch.size() && filled < PACKETS; i++) {
                    int length = Math.min(batch.capturedLength(i), FRAME - HEADROOM - TAILROOM);
                    long frame = frames + (long) filled * FRAME;
                    Memory.copy(batch.address(i), frame + HEADROOM, length);
                    describe(fresh + (long) filled * FrameDescriptor.BYTES, frame, length);
                    filled++;
                }
            }
        }
        Memory.copy(fresh, descriptors, bytes);
    }

    private static void describe(long descriptor, long frame, int length) {
        Memory.putLong(descriptor + FrameDescriptor.DATA, frame + HEADROOM);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, frame + HEADROOM + length);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, frame + HEADROOM);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 1);
    }

    static Path pcaps() {
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.isDirectory(folder.resolve("pcaps/programs"))) {
                return folder.resolve("pcaps");
            }
        }
        throw new IllegalStateException("no folder pcaps: start the benchmark in the repository");
    }

    /** The packets in batches of 64, as a queue hands them over. */
    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public void run() {
        for (int i = 0; i < PACKETS; i += BATCH) {
            long first = descriptors + (long) i * FrameDescriptor.BYTES;
            executable.run(context, first, BATCH, EngineBenchmark::unexpected);
        }
        Memory.copy(fresh, descriptors, (long) PACKETS * FrameDescriptor.BYTES);
    }

    private static void unexpected(int index, ProgramFault fault) {
        throw new AssertionError("packet " + index, fault);
    }

    @TearDown
    public void close() {
        context.close();
        runtime.close();
        arena.close();
    }

    /** The same as JMH does, without its accuracy: the median of short rounds, for a quick look. */
    public static void main(String[] args) throws IOException {
        List<String> programs = args.length > 0
                ? List.of(args)
                : List.of(
                        "drop_udp_port", "proto_counter", "firewall", "echo_tx", "parser", "calls", "nat", "checksum");
        for (String program : programs) {
            for (String engine : List.of("jit", "jit-checked", "interpreter")) {
                EngineBenchmark benchmark = new EngineBenchmark();
                benchmark.program = program;
                benchmark.capture = "generated/imix.pcap";
                benchmark.engine = engine;
                benchmark.load();
                System.out.printf("%-16s %-12s %8.1f ns/packet%n", program, engine, benchmark.median());
                benchmark.close();
            }
        }
    }

    private double median() {
        double[] rounds = new double[2000];
        long end = System.nanoTime() + 2_000_000_000L;
        int count = 0;
        while (count < rounds.length || System.nanoTime() < end) {
            long start = System.nanoTime();
            run();
            rounds[count++ % rounds.length] = (System.nanoTime() - start) / (double) PACKETS;
        }
        java.util.Arrays.sort(rounds);
        return rounds[rounds.length / 2];
    }
}
