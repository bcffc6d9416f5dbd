package dev.sluice.bench;

import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.measure.EngineFrames;
import java.util.ArrayList;
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
 * What a call of a helper costs on each engine, its arguments and the use of its result included: a program that does nothing
 * but call it {@value #CALLS} times, over a batch of packets of 128 bytes. One operation is one call; {@code none} is the
 * program without them.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class HelperBenchmark {
    static final int CALLS = 16;
    static final int PACKETS = 64;
    private static final int PACKET_BYTES = 128;
    private static final int CONTEXT = 6;
    private static final int SUM = 7;
    private static final int BUFFER = -32;

    private static final int KTIME_GET_NS = 5;
    private static final int GET_PRANDOM_U32 = 7;
    private static final int GET_SMP_PROCESSOR_ID = 8;
    private static final int REDIRECT = 23;
    private static final int CSUM_DIFF = 28;
    private static final int XDP_ADJUST_HEAD = 44;
    private static final int JIFFIES64 = 118;
    private static final int XDP_LOAD_BYTES = 189;
    private static final int XDP_STORE_BYTES = 190;

    /** Without {@code bpf_}; {@code xdp_adjust_head} makes the packet longer and shorter in turn. */
    @Param({
        "none",
        "ktime_get_ns",
        "get_prandom_u32",
        "get_smp_processor_id",
        "jiffies64",
        "redirect",
        "csum_diff",
        "xdp_adjust_head",
        "xdp_load_bytes",
        "xdp_store_bytes"
    })
    String helper;

    @Param({"jit", "jit-checked", "interpreter"})
    String engine;

    private final List<Instruction> insns = new ArrayList<>();
    private final EngineFrames frames = new EngineFrames(PACKETS);
    private XdpRuntime runtime;
    private RunContext context;
    private Executable executable;

    /** Loads the program and makes the frames. */
    @Setup
    public void load() {
        runtime = new XdpRuntime(EngineBenchmark.engine(engine), 1, 0);
        ObjectSpec spec = program();
        LoadedObject object = runtime.load(spec, spec.xdpPrograms());
        executable = object.programs().getFirst().executable();
        if (!executable.engine().equals(engine)) {
            throw new AssertionError("expected " + engine + ", found " + executable.engine());
        }
        context = runtime.newContext(System::nanoTime, 0);
        for (int i = 0; i < PACKETS; i++) {
            frames.describe(i, PACKET_BYTES);
        }
    }

    /** All packets once; nothing needs to be put back, as the program leaves their bounds as they were. */
    @Benchmark
    @OperationsPerInvocation(PACKETS * CALLS)
    public void run() {
        executable.run(context, frames.descriptor(0), PACKETS, HelperBenchmark::unexpected);
    }

    private static void unexpected(int index, ProgramFault fault) {
        throw new AssertionError("packet " + index, fault);
    }

    /** What the program returned for a packet. */
    int action(int packet) {
        return Memory.getInt(frames.descriptor(packet) + FrameDescriptor.ACTION);
    }

    @TearDown
    public void close() {
        context.close();
        runtime.close();
        frames.close();
    }

    // --- the program

    private void add(Opcode opcode, int dst, int src, int off, long imm) {
        insns.add(new Instruction(opcode, dst, src, off, imm));
    }

    private ObjectSpec program() {
        add(Opcode.MOV64_X, CONTEXT, 1, 0, 0);
        add(Opcode.MOV64_K, SUM, 0, 0, 0);
        for (int at = BUFFER; at < 0; at += Long.BYTES) {
            add(Opcode.ST_DW, 10, 0, at, at);
        }
        for (int i = 0; i < CALLS; i++) {
            call(i);
            add(Opcode.ADD64_X, SUM, 0, 0, 0);
        }
        // XDP_DROP or XDP_PASS
        add(Opcode.MOV64_X, 0, SUM, 0, 0);
        add(Opcode.AND64_K, 0, 0, 0, 1);
        add(Opcode.ADD64_K, 0, 0, 0, 1);
        add(Opcode.EXIT, 0, 0, 0, 0);
        return ObjectSpec.of(helper, insns, List.of(), List.of());
    }

    private void call(int i) {
        int number = switch (helper) {
            case "ktime_get_ns" -> KTIME_GET_NS;
            case "get_prandom_u32" -> GET_PRANDOM_U32;
            case "get_smp_processor_id" -> GET_SMP_PROCESSOR_ID;
            case "jiffies64" -> JIFFIES64;
            case "redirect" -> {
                add(Opcode.MOV64_K, 1, 0, 0, 1);
                add(Opcode.MOV64_K, 2, 0, 0, 0);
                yield REDIRECT;
            }
            case "csum_diff" -> {
                add(Opcode.MOV64_K, 1, 0, 0, 0);
                add(Opcode.MOV64_K, 2, 0, 0, 0);
                buffer(3);
                add(Opcode.MOV64_K, 4, 0, 0, 20);
                add(Opcode.MOV64_X, 5, SUM, 0, 0);
                yield CSUM_DIFF;
            }
            case "xdp_adjust_head" -> {
                add(Opcode.MOV64_X, 1, CONTEXT, 0, 0);
                add(Opcode.MOV64_K, 2, 0, 0, i % 2 == 0 ? -8 : 8);
                yield XDP_ADJUST_HEAD;
            }
            case "xdp_load_bytes", "xdp_store_bytes" -> {
                add(Opcode.MOV64_X, 1, CONTEXT, 0, 0);
                add(Opcode.MOV64_K, 2, 0, 0, 2L * i);
                buffer(3);
                add(Opcode.MOV64_K, 4, 0, 0, 20);
                yield helper.equals("xdp_load_bytes") ? XDP_LOAD_BYTES : XDP_STORE_BYTES;
            }
            case "none" -> 0;
            default -> throw new IllegalArgumentException("no such helper here, name=" + helper);
        };
        if (number == 0) {
            add(Opcode.MOV64_K, 0, 0, 0, i);
        } else {
            add(Opcode.CALL, 0, 0, 0, number);
        }
    }

    private void buffer(int register) {
        add(Opcode.MOV64_X, register, 10, 0, 0);
        add(Opcode.ADD64_K, register, 0, 0, BUFFER);
    }
}
