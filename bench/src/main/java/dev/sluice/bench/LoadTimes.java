package dev.sluice.bench;

import dev.sluice.Engines;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run load}: what it takes from an object to the first packet, by the program's size. */
@Command(
        name = "bench/run load",
        description = "Measures the CPU time in which programs of several sizes load and run their first packets.",
        mixinStandardHelpOptions = true)
public final class LoadTimes implements Callable<Integer> {
    private static final int PACKETS = 8;
    private static final int FRAME = 2048;
    private static final int HEADROOM = 256;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final int WARM_UP_SLOTS = 500;

    @Option(
            names = "--sizes",
            split = ",",
            defaultValue = "500,5000,20000,100000,1000000",
            description = "Instructions of the programs (default: ${DEFAULT-VALUE}).")
    private int[] sizes = {};

    @Option(
            names = "--warmup",
            defaultValue = "100",
            description = "Programs of 500 instructions that are loaded before (default: ${DEFAULT-VALUE}).")
    private int warmUp;

    /**
     * One load and a first batch of packets.
     *
     * @param load nanoseconds of CPU of the load: linked, maps made, verified where the engine wants it
     * @param run nanoseconds of CPU of the first batch, for which code is made
     * @param actions of its packets
     * @param counters the map's values behind it
     */
    record Result(long load, long run, List<Integer> actions, List<Long> counters) {}

    /** Loads an object of {@link StraightProgram} and runs a batch of packets that all differ. */
    static Result measure(Engine engine, ObjectSpec spec) {
        try (Arena arena = Arena.ofConfined();
                XdpRuntime runtime = new XdpRuntime(engine, 1, 0);
                RunContext context = runtime.newContext(() -> 0, 0)) {
            long descriptors = packets(arena);
            long start = cpuNanos();
            LoadedObject object = runtime.load(spec, spec.xdpPrograms());
            long loaded = cpuNanos();
            Executable executable = object.programs().getFirst().executable();
            if (!executable.engine().equals(engine.name())) {
                throw new AssertionError("expected " + engine.name() + ", found " + executable.engine());
            }
            executable.run(context, descriptors, PACKETS, LoadTimes::unexpected);
            long run = cpuNanos() - loaded;
            List<Integer> actions = new ArrayList<>();
            for (int i = 0; i < PACKETS; i++) {
                actions.add(Memory.getInt(descriptors + (long) i * FrameDescriptor.BYTES + FrameDescriptor.ACTION));
            }
            return new Result(
                    loaded - start, run, actions, counters(object.maps().getFirst()));
        }
    }

    /** Of this thread, which does it all: what else runs on the machine, and HotSpot's own threads, do not count. */
    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static List<Long> counters(LoadedMap map) {
        List<Long> values = new ArrayList<>();
        for (int i = 0; i < StraightProgram.COUNTERS; i++) {
            byte[] key = ByteBuffer.allocate(Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(i)
                    .array();
            values.add(ByteBuffer.wrap(map.map().get(key))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getLong());
        }
        return values;
    }

    private static long packets(Arena arena) {
        long descriptors = Memory.allocate(arena, (long) PACKETS * FrameDescriptor.BYTES, FrameDescriptor.BYTES);
        for (int i = 0; i < PACKETS; i++) {
            long frame = Memory.allocate(arena, FRAME, FRAME);
            long descriptor = descriptors + (long) i * FrameDescriptor.BYTES;
            for (int b = 0; b < StraightProgram.PACKET_BYTES; b++) {
                Memory.putByte(frame + HEADROOM + b, (byte) (31 * i + 7 * b));
            }
            Memory.putLong(descriptor + FrameDescriptor.DATA, frame + HEADROOM);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, frame + HEADROOM + StraightProgram.PACKET_BYTES);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, frame + HEADROOM);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
        }
        return descriptors;
    }

    private static void unexpected(int index, ProgramFault fault) {
        throw new AssertionError("packet " + index, fault);
    }

    @Override
    public Integer call() {
        List<Engine> engines = List.of(Engines.jit(), Engines.jitChecked());
        ObjectSpec small = StraightProgram.of(WARM_UP_SLOTS);
        for (int i = 0; i < warmUp; i++) {
            engines.forEach(engine -> measure(engine, small));
        }
        System.out.printf("%-12s %9s %10s %14s %10s%n", "engine", "insns", "load ms", "first run ms", "us/insn");
        for (int size : sizes) {
            ObjectSpec spec = StraightProgram.of(size);
            List<Long> reference = measure(Engines.interpreter(), spec).counters();
            for (Engine engine : engines) {
                Result[] results = new Result[size > 50_000 ? 1 : 5];
                for (int i = 0; i < results.length; i++) {
                    results[i] = measure(engine, spec);
                    if (!results[i].counters().equals(reference)) {
                        throw new AssertionError(engine.name() + " counts other than the interpreter, size=" + size);
                    }
                }
                Arrays.sort(results, (a, b) -> Long.compare(a.load + a.run, b.load + b.run));
                Result median = results[results.length / 2];
                System.out.printf(
                        "%-12s %,9d %10.1f %14.1f %10.2f%n",
                        engine.name(),
                        size,
                        median.load / NANOS_PER_MILLI,
                        median.run / NANOS_PER_MILLI,
                        (median.load + median.run) / 1000.0 / size);
            }
        }
        return CommandLine.ExitCode.OK;
    }

    /** Runs the command. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new LoadTimes()).execute(args));
    }
}
