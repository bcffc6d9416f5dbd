package dev.sluice.bench;

import dev.sluice.Engines;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.measure.EngineFrames;
import dev.sluice.packet.measure.PacketSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
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
 * as frames, made anew (bytes and descriptors) before each pass; that does not count. One operation is one packet.
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

    /** An object of {@code pcaps/programs}; its first program runs. */
    @Param({"drop_udp_port", "proto_counter", "firewall", "echo_tx", "parser", "calls", "tail_calls", "nat", "checksum"
    })
    String program;

    /** A capture of {@code pcaps/captures}. */
    @Param("generated/imix.pcap")
    String capture;

    @Param({"jit", "jit-checked", "interpreter"})
    String engine;

    final EngineFrames frames = new EngineFrames(PACKETS);
    PacketSet packets;
    private XdpRuntime runtime;
    private RunContext context;
    private Executable executable;

    /** Loads the program and reads the capture. */
    @Setup
    public void load() throws IOException {
        Path pcaps = pcaps();
        packets = PacketSet.read(List.of(pcaps.resolve("captures/" + capture).toString()), PACKETS);
        runtime = new XdpRuntime(engine(engine), 1, 0);
        ObjectSpec spec = ObjectSpec.read(pcaps.resolve("programs/" + program + ".bpf.o"));
        LoadedObject object = runtime.load(spec, spec.xdpPrograms());
        executable = object.programs().getFirst().executable();
        context = runtime.newContext(System::nanoTime, 0);
    }

    /** Fills the frames with the capture's packets, again and again. */
    @Setup(Level.Invocation)
    public void restore() {
        for (int i = 0; i < PACKETS; i++) {
            int from = i % packets.size();
            frames.put(i, packets.address(from), packets.length(from));
        }
    }

    /** @param name as {@code --engine} has it */
    static Engine engine(String name) {
        return switch (name) {
            case "jit" -> Engines.jit();
            case "jit-checked" -> Engines.jitChecked();
            case "interpreter" -> Engines.interpreter();
            default -> throw new IllegalArgumentException("no such engine, name=" + name);
        };
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
            executable.run(context, frames.descriptor(i), BATCH, EngineBenchmark::unexpected);
        }
    }

    private static void unexpected(int index, ProgramFault fault) {
        throw new AssertionError("packet " + index, fault);
    }

    @TearDown
    public void close() {
        context.close();
        runtime.close();
        frames.close();
        packets.close();
    }
}
