package dev.sluice.cli;

import dev.sluice.LoadedMap;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.kernel.MapEntry;
import dev.sluice.map.MapException;
import dev.sluice.packet.measure.EngineRepeater;
import dev.sluice.packet.measure.PacketSet;
import dev.sluice.packet.measure.Race;
import dev.sluice.packet.measure.Repeater;
import dev.sluice.packet.measure.SampleContender;
import dev.sluice.packet.measure.Stability;
import dev.sluice.packet.measure.WholeSetContender;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One program in a race: the engine, the kernel, the engines that check, and an empty program for the floors of engine and
 * kernel.
 */
final class ProgramBench implements AutoCloseable {
    static final String SLUICE = "sluice";
    static final String KERNEL = "kernel";
    static final String CHECKED = "jit-checked";
    static final String INTERPRETER = "interpreter";
    static final String NATIVE = "native";
    static final String SLUICE_FLOOR = "sluice floor";
    static final String KERNEL_FLOOR = "kernel floor";
    static final String WHOLE_SET = "whole set";

    /** What a contender's round should not take much longer than. */
    private static final long ROUND_NANOS = 40_000_000;

    /** What a run takes in the kernel, and each instruction, about. */
    private static final double USUAL_NANOS = 5;

    private static final double USUAL_INSTRUCTION_NANOS = 0.3;

    /** Packets of the sample that an empty program gets: it is the same for all of them. */
    private static final int FLOOR_PACKETS = 8;

    /**
     * How to measure.
     *
     * @param sample packets of the sample
     * @param repeat runs of each in a row, a multiple of 64
     * @param rounds measured rounds
     * @param warmUpNanos most that a warm-up may take
     * @param kernel whether to ask the kernel at all
     * @param sources C below {@code pcaps} to measure as native code too; empty for none
     */
    record Options(
            EngineChoice engine,
            long seed,
            NetworkOptions network,
            int sample,
            int repeat,
            int rounds,
            long warmUpNanos,
            boolean kernel,
            List<String> sources) {}

    private final ObjectOptions.Choice choice;
    private final PacketSet set;
    private final Map<String, List<MapEntry>> entries;
    private final Options options;
    private final List<AutoCloseable> opened = new ArrayList<>();

    private ProgramBench(
            ObjectOptions.Choice choice, PacketSet set, Map<String, List<MapEntry>> entries, Options options) {
        this.choice = choice;
        this.set = set;
        this.entries = entries;
        this.options = options;
    }

    /**
     * Measures a program.
     *
     * @param entries what maps start with beside the object's own, by name
     */
    static BenchResult run(
            ObjectOptions.Choice choice, PacketSet set, Map<String, List<MapEntry>> entries, Options options) {
        try (ProgramBench bench = new ProgramBench(choice, set, entries, options)) {
            return bench.run();
        }
    }

    private BenchResult run() {
        PacketSet.Sample sample = set.sample(options.sample);
        Session session = session(choice, options.engine, entries);
        RunReport.printWarnings(choice.file(), choice.spec(), List.of(session.program()), System.err);
        EngineRepeater sluice = repeater(session);
        Session slowSession = session(choice, EngineChoice.INTERPRETER, entries);
        Stability stability;
        try (RunContext context = slowSession.context(0, System::nanoTime)) {
            stability = Stability.of(set, sample, slowSession.program().executable(), context);
        }
        EngineRepeater interpreter = repeater(slowSession);
        EngineRepeater checked = repeater(session(choice, EngineChoice.JIT_CHECKED, entries));

        KernelSide kernelSide = null;
        String kernelReason = null;
        ObjectOptions.Choice empty = BenchPrograms.empty();
        PacketSet.Sample few = sample.head(FLOOR_PACKETS);
        Session emptySession = session(empty, options.engine, Map.of());
        EngineRepeater emptySluice = repeater(emptySession);
        KernelSide emptyKernel = null;
        KernelAccess access =
                options.kernel ? Kernel.open() : new KernelAccess.Unavailable("it was left out (--no-kernel)");
        switch (access) {
            case KernelAccess.Unavailable unavailable -> kernelReason = unavailable.reason();
            case KernelAccess.Available available -> {
                try {
                    emptyKernel = kernel(available.kernel(), empty, emptySession, Map.of());
                    Map<String, List<MapEntry>> all = KernelOptions.contents(choice, available.kernel());
                    all.putAll(entries);
                    kernelSide = kernel(available.kernel(), choice, session, all);
                } catch (KernelSide.Refused e) {
                    kernelReason = String.valueOf(e.getMessage());
                }
            }
        }

        // the same number of runs in a row for kernel and compiled code, none of which is compiled yet: by the kernel's
        // time, or
        // what it would take
        int repeat = kernelSide != null
                ? repeatFor(sample, kernelSide)
                : SampleContender.repeatFor(
                        sample,
                        USUAL_NANOS + USUAL_INSTRUCTION_NANOS * stability.executed(),
                        options.repeat,
                        ROUND_NANOS);
        Race race = new Race(SLUICE, new SampleContender(set, sample, sluice, repeat));
        if (kernelSide != null && emptyKernel != null) {
            race.add(KERNEL, new SampleContender(set, sample, kernelSide, repeat));
            race.add(KERNEL_FLOOR, new SampleContender(set, few, emptyKernel, options.repeat));
        }
        race.add(SLUICE_FLOOR, new SampleContender(set, few, emptySluice, options.repeat));
        race.add(CHECKED, new SampleContender(set, sample, checked, repeat));
        race.add(INTERPRETER, new SampleContender(set, sample, interpreter, repeatFor(sample, interpreter)));
        String nativeReason = addNative(race, sample);
        RunContext wholeContext = session.context(0, System::nanoTime);
        opened.add(wholeContext);
        WholeSetContender whole = new WholeSetContender(set, session.program().executable(), wholeContext);
        opened.add(whole);
        race.add(WHOLE_SET, whole);
        Race.Result result = race.run(options.rounds, options.warmUpNanos);
        ProgramFault fault = sluice.firstFault();
        return new BenchResult(
                choice.file().toString(),
                session.program().name(),
                session.program().linked().tag(),
                session.engineName(),
                session.program().executable().program().code().size(),
                set.size(),
                set.skipped(),
                set.isCut(),
                sample.size(),
                repeat,
                result,
                stability,
                fault == null ? null : String.valueOf(fault.getMessage()),
                kernelReason,
                nativeReason);
    }

    /** Why there is no native code; null when there is, or when nobody asked for it. */
    private @Nullable String addNative(Race race, PacketSet.Sample sample) {
        if (options.sources.isEmpty()) {
            return null;
        }
        try {
            NativeSide side = NativeSide.open(choice, options.sources, entries);
            opened.add(side);
            race.add(NATIVE, new SampleContender(set, sample, side, repeatFor(sample, side)));
            return null;
        } catch (NativeSide.Unavailable e) {
            return e.getMessage();
        }
    }

    private int repeatFor(PacketSet.Sample sample, Repeater repeater) {
        return SampleContender.repeatFor(set, sample, repeater, options.repeat, ROUND_NANOS);
    }

    private Session session(ObjectOptions.Choice of, EngineChoice engine, Map<String, List<MapEntry>> with) {
        Session session = session(of, engine, options, with);
        opened.add(session);
        return session;
    }

    /** A program loaded and its maps filled. */
    static Session session(
            ObjectOptions.Choice of, EngineChoice engine, Options options, Map<String, List<MapEntry>> with) {
        Session session = Session.open(of, RunOptions.of(engine, options.seed, options.network), 1, false);
        boolean filled = false;
        try {
            with.forEach((name, list) -> fill(session, name, list));
            filled = true;
            return session;
        } finally {
            if (!filled) {
                session.close();
            }
        }
    }

    private static void fill(Session session, String name, List<MapEntry> entries) {
        LoadedMap map = session.object().map(name).orElseThrow(() -> new CommandFailure("no such map, name=" + name));
        try {
            entries.forEach(entry -> map.map().put(entry.key(), entry.value(), 0));
        } catch (MapException e) {
            throw new CommandFailure("entries of map " + name + ": " + e.getMessage());
        }
    }

    private EngineRepeater repeater(Session session) {
        RunContext context = session.context(0, System::nanoTime);
        opened.add(context);
        EngineRepeater repeater = new EngineRepeater(session.program().executable(), context);
        opened.add(repeater);
        return repeater;
    }

    private KernelSide kernel(Kernel kernel, ObjectOptions.Choice of, Session session, Map<String, List<MapEntry>> with)
            throws KernelSide.Refused {
        KernelSide side = KernelSide.open(kernel, of, session, with);
        opened.add(side);
        return side;
    }

    @Override
    public void close() {
        for (AutoCloseable closeable : opened.reversed()) {
            try {
                closeable.close();
            } catch (Exception e) {
                throw new AssertionError("closing what was measured", e);
            }
        }
    }
}
