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
import dev.sluice.packet.measure.CpuClock;
import dev.sluice.packet.measure.EngineFrames;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code bench/run load}: what it takes from an object to the first packet, by the program's size. */
@Command(
        name = "bench/run load",
        description = "Measures the CPU time in which programs of several sizes load and run their first packets.",
        mixinStandardHelpOptions = true)
public final class LoadTimes implements Callable<Integer> {
    private static final int PACKETS = 8;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final int WARM_UP_SLOTS = 500;

    /** Loads of which the median counts. */
    private static final int TIMES = 5;

    /** Programs larger than this are loaded once. */
    private static final int LARGE = 50_000;

    @Option(
            names = "--sizes",
            paramLabel = "N",
            split = ",",
            defaultValue = "500,5000,20000,100000,1000000",
            description = "Instructions of the programs, 40 to 1,000,000 (default: ${DEFAULT-VALUE}).")
    private int[] sizes = {};

    @Option(
            names = "--warm-up",
            paramLabel = "N",
            defaultValue = "100",
            description = "Programs of 500 instructions that are loaded before (default: ${DEFAULT-VALUE}).")
    private int warmUp;

    @Option(
            names = {"-j", "--json"},
            description =
                    "Print JSON, a line an engine and size: engine, instructions, load_ns, first_run_ns, ns_per_instruction.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create(); // picocli puts the real one here

    /**
     * One load and a first batch of packets.
     *
     * @param load nanoseconds of this thread's CPU time of the load: linked, maps made, verified where the engine wants it
     * @param run nanoseconds of CPU of the first batch, for which code is made
     * @param actions of its packets
     * @param counters the map's values behind it
     */
    record Result(long load, long run, List<Integer> actions, List<Long> counters) {}

    /** Loads an object of {@link StraightProgram} and runs a batch of packets that all differ. */
    static Result measure(Engine engine, ObjectSpec spec) {
        try (EngineFrames frames = new EngineFrames(PACKETS);
                XdpRuntime runtime = new XdpRuntime(engine, 1, 0);
                RunContext context = runtime.newContext(() -> 0, 0)) {
            fill(frames);
            long start = CpuClock.nanos();
            LoadedObject object = runtime.load(spec, spec.xdpPrograms());
            long loaded = CpuClock.nanos();
            Executable executable = object.programs().getFirst().executable();
            if (!executable.engine().equals(engine.name())) {
                throw new AssertionError("expected " + engine.name() + ", found " + executable.engine());
            }
            executable.run(context, frames.descriptor(0), PACKETS, LoadTimes::unexpected);
            long run = CpuClock.nanos() - loaded;
            List<Integer> actions = new ArrayList<>();
            for (int i = 0; i < PACKETS; i++) {
                actions.add(Memory.getInt(frames.descriptor(i) + FrameDescriptor.ACTION));
            }
            return new Result(
                    loaded - start, run, actions, counters(object.maps().getFirst()));
        }
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

    /** Packets that all differ. */
    private static void fill(EngineFrames frames) {
        for (int i = 0; i < PACKETS; i++) {
            for (int b = 0; b < StraightProgram.PACKET_BYTES; b++) {
                Memory.putByte(frames.packet(i) + b, (byte) (31 * i + 7 * b));
            }
            frames.describe(i, StraightProgram.PACKET_BYTES);
        }
    }

    private static void unexpected(int index, ProgramFault fault) {
        throw new AssertionError("packet " + index, fault);
    }

    @Override
    public Integer call() {
        for (int size : sizes) {
            BenchLine.requireBetween(spec, "--sizes", size, StraightProgram.LEAST_SLOTS, StraightProgram.MOST_SLOTS);
        }
        BenchLine.requireBetween(spec, "--warm-up", warmUp, 0, Integer.MAX_VALUE);
        List<Engine> engines = List.of(Engines.jit(), Engines.jitChecked());
        ObjectSpec small = StraightProgram.of(WARM_UP_SLOTS);
        for (int i = 0; i < warmUp; i++) {
            engines.forEach(engine -> measure(engine, small));
        }
        if (!json) {
            System.out.printf("%-12s %9s %10s %14s %10s%n", "engine", "insns", "load ms", "first run ms", "us/insn");
        }
        for (int size : sizes) {
            ObjectSpec object = StraightProgram.of(size);
            List<Long> reference = measure(Engines.interpreter(), object).counters();
            for (Engine engine : engines) {
                print(engine.name(), size, median(engine, object, reference, size > LARGE ? 1 : TIMES));
            }
        }
        return CommandLine.ExitCode.OK;
    }

    private static Result median(Engine engine, ObjectSpec object, List<Long> reference, int times) {
        Result[] results = new Result[times];
        for (int i = 0; i < results.length; i++) {
            results[i] = measure(engine, object);
            if (!results[i].counters().equals(reference)) {
                throw new AssertionError(engine.name() + " counts other than the interpreter");
            }
        }
        Arrays.sort(results, (a, b) -> Long.compare(a.load + a.run, b.load + b.run));
        return results[results.length / 2];
    }

    private void print(String engine, int size, Result result) {
        double each = (double) (result.load + result.run) / size;
        if (json) {
            System.out.printf(
                    Locale.ROOT,
                    "{\"engine\":\"%s\",\"instructions\":%d,\"load_ns\":%d,\"first_run_ns\":%d,"
                            + "\"ns_per_instruction\":%.1f}%n",
                    engine,
                    size,
                    result.load,
                    result.run,
                    each);
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%-12s %,9d %10.1f %14.1f %10.2f%n",
                    engine,
                    size,
                    result.load / NANOS_PER_MILLI,
                    result.run / NANOS_PER_MILLI,
                    each / 1000);
        }
    }

    /** Runs the command. */
    public static void main(String[] args) {
        System.exit(BenchLine.execute(new LoadTimes(), args));
    }
}
