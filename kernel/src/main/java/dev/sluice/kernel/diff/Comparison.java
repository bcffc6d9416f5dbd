package dev.sluice.kernel.diff;

import dev.sluice.Engines;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedProgram;
import dev.sluice.btf.Btf;
import dev.sluice.exec.Engine;
import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.CpuPin;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.MapEntry;
import dev.sluice.kernel.TestRun;
import dev.sluice.map.MapException;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.SectionName;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One program in the kernel and on engines, packet by packet.
 *
 * <pre>{@code
 * try (Comparison comparison = Comparison.open(kernel, spec, program, Comparison.Options.of(engines))) {
 *     comparison.packet(bytes);
 *     DiffReport report = comparison.finish();
 * }
 * }</pre>
 *
 * <p>Owner thread: the one that opened it, which stays on one CPU until it is closed. A packet allocates only where
 * something differs.
 */
public final class Comparison implements AutoCloseable {
    /** The shortest packet that a test run takes: an Ethernet header. */
    public static final int MIN_PACKET_BYTES = 14;

    private static final int XDP_REDIRECT = 4;

    /**
     * How to compare.
     *
     * @param engines what to compare with the kernel, each once
     * @param initialMaps entries that maps start with, on both sides, beside the object's own; by the map's name
     * @param keptDifferences how many differences to describe; all are counted
     * @param seed of our random numbers and hash functions
     */
    public record Options(
            List<Engine> engines, Map<String, List<MapEntry>> initialMaps, int keptDifferences, long seed) {
        public Options {
            engines = List.copyOf(engines);
            initialMaps = new LinkedHashMap<>(initialMaps);
        }

        /** Nothing but the engines. */
        public static Options of(List<Engine> engines) {
            return new Options(engines, Map.of(), 10, 0);
        }
    }

    /** What an engine has come to so far. */
    private static final class Score {
        private final EngineSide side;
        private long equalPackets;
        private long excusedPackets;
        private long differentPackets;
        private long equalEntries;
        private long excusedEntries;
        private long differentEntries;

        Score(EngineSide side) {
            this.side = side;
        }

        DiffReport.EngineResult result() {
            return new DiffReport.EngineResult(
                    side.engine(),
                    equalPackets,
                    excusedPackets,
                    differentPackets,
                    equalEntries,
                    excusedEntries,
                    differentEntries);
        }
    }

    private final Kernel kernel;
    private final ProgramSpec program;
    private final Options options;
    private final CpuPin pin;
    private final Arena arena = Arena.ofConfined();
    private final long input = Memory.allocate(arena, TestRun.MAX_DATA_BYTES, 64);
    private final List<Score> scores = new ArrayList<>();
    private final EngineSide tracer;
    private final boolean tracerIsExtra;
    private final StepRecorder recorder;
    private final KernelObject kernelObject;
    private final TestRun testRun;
    private final Events kernelEvents;
    private List<String> taken = List.of();
    private final Map<String, Long> eventCounts = new TreeMap<>();

    private final Map<Rule, Long> applied = new EnumMap<>(Rule.class);
    private final Map<Integer, Long> verdicts = new TreeMap<>();
    private final List<Difference> differences = new ArrayList<>();
    private final List<String> unsupported = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();

    /** Rules that excuse all that follows. */
    private final Set<Rule> taints = EnumSet.noneOf(Rule.class);

    private long packets;
    private long compared;

    /**
     * Loads the program on all sides, with the maps that it needs and the programs that its program arrays start with.
     *
     * @throws NotComparableException if a side does not take it
     */
    public static Comparison open(Kernel kernel, ObjectSpec spec, ProgramSpec program, Options options) {
        return new Comparison(kernel, spec.withKconfig(KernelLoader.kconfig(kernel)), program.asXdp(), options);
    }

    @SuppressWarnings("this-escape") // final class; closed where construction fails
    private Comparison(Kernel kernel, ObjectSpec spec, ProgramSpec program, Options options) {
        this.kernel = kernel;
        this.program = program;
        if (program.type().attach() != SectionName.Attach.DEVICE) {
            throw new NotComparableException("the kernel has no test run of programs for devmap and cpumap entries,"
                    + " program=" + program.name() + " section=" + program.section());
        }
        this.options = options;
        pin = pin();
        List<AutoCloseable> opened = new ArrayList<>(List.of(pin, arena));
        try {
            Btf target = KernelLoader.targetTypes(spec);
            EngineSide interpreter = null;
            for (Engine engine : options.engines) {
                EngineSide side = new EngineSide(engine, spec, program, target, kernel.possibleCpus(), options.seed);
                opened.add(side);
                scores.add(new Score(side));
                if (engine.name().equals(Engines.interpreter().name())) {
                    interpreter = side;
                }
            }
            tracerIsExtra = interpreter == null;
            if (interpreter == null) {
                interpreter = new EngineSide(
                        Engines.interpreter(), spec, program, target, kernel.possibleCpus(), options.seed);
                opened.add(interpreter);
            }
            tracer = interpreter;
            recorder = new StepRecorder(tracer.object().programs(), pin.cpu() == 0);
            tracer.record(recorder);
            kernelObject = loadIntoKernel(spec);
            opened.add(kernelObject);
            testRun = kernelObject.program(program.name()).testRun();
            opened.add(testRun);
            kernelEvents = Events.ofKernel(kernel, kernelObject, tracer.object());
            opened.add(kernelEvents);
            fillMaps();
            remark();
        } catch (RuntimeException | Error e) {
            closeAll(opened, e);
            throw e;
        }
    }

    private static CpuPin pin() {
        try {
            return CpuPin.to(0);
        } catch (BpfException e) {
            return CpuPin.toFirstAllowed();
        }
    }

    private KernelObject loadIntoKernel(ObjectSpec spec) {
        Set<String> needed =
                tracer.object().programs().stream().map(LoadedProgram::name).collect(Collectors.toSet());
        KernelObject loaded;
        try {
            loaded = KernelObject.load(kernel, KernelLoader.plan(kernel, spec, p -> needed.contains(p.name())));
        } catch (BpfException e) {
            throw new NotComparableException("the kernel does not make its maps: " + e.getMessage());
        }
        for (Map.Entry<String, LoadResult> entry : loaded.results().entrySet()) {
            if (entry.getValue() instanceof LoadResult.Rejected rejected) {
                loaded.close();
                throw new NotComparableException("the kernel refuses program " + entry.getKey() + ": "
                        + rejected.errnoName() + ": " + end(rejected.log()));
            }
        }
        return loaded;
    }

    /** What the verifier complained of: the line before the statistics. */
    private static String end(String log) {
        List<String> lines = log.lines()
                .filter(line -> !line.startsWith("processed ") && !line.isBlank())
                .toList();
        return lines.isEmpty() ? "(no log)" : lines.getLast();
    }

    private void fillMaps() {
        options.initialMaps.forEach((name, entries) -> {
            KernelMap theirs = kernelObject.maps().get(name);
            if (theirs == null) {
                throw new NotComparableException("no such map, expected one of "
                        + String.join(", ", kernelObject.maps().keySet()) + ", name=" + name);
            }
            for (MapEntry entry : entries) {
                try {
                    theirs.update(entry.key(), entry.value());
                    for (EngineSide side : sides()) {
                        LoadedMap ours = side.object()
                                .map(name)
                                .orElseThrow(() -> new NotComparableException("map " + name
                                        + ": sluice does not make it, as no program needs it and its type is not"
                                        + " supported"));
                        ours.map().put(entry.key(), entry.value(), 0);
                    }
                } catch (BpfException | MapException | IllegalArgumentException e) {
                    throw new NotComparableException("initial entry of map " + name + ": " + e.getMessage());
                }
            }
        });
    }

    private List<EngineSide> sides() {
        List<EngineSide> sides =
                scores.stream().map(score -> score.side).collect(Collectors.toCollection(ArrayList::new));
        if (tracerIsExtra) {
            sides.add(tracer);
        }
        return sides;
    }

    private void remark() {
        remarks.addAll(kernelObject.remarks());
        for (LoadedProgram loaded : tracer.object().programs()) {
            loaded.warnings().forEach(warning -> unsupported.add("program " + loaded.name() + " " + warning));
        }
    }

    /** Gives a packet to all sides. */
    public void packet(byte[] bytes) {
        int length = Math.min(bytes.length, TestRun.MAX_DATA_BYTES);
        Memory.copy(bytes, 0, input, length);
        packet(input, bytes.length);
    }

    /**
     * Gives a packet to all sides.
     *
     * @param address of its first byte; it is only read
     * @param length bytes
     */
    public void packet(long address, int length) {
        packets++;
        if (length < MIN_PACKET_BYTES) {
            apply(Rule.SHORT_PACKET);
            return;
        }
        if (length > TestRun.MAX_PACKET_BYTES) {
            apply(Rule.LONG_PACKET);
        }
        compare(address, Math.min(length, TestRun.MAX_PACKET_BYTES));
    }

    private void compare(long address, int length) {
        MemorySegment.copy(Memory.ALL, address, testRun.input(), 0, length);
        try {
            testRun.run(length);
        } catch (BpfException e) {
            throw new NotComparableException("packet " + packets + ": the kernel does not run it: " + e.getMessage());
        }
        compared++;
        verdicts.merge(testRun.retval(), 1L, Long::sum);
        if (testRun.retval() == XDP_REDIRECT) {
            apply(Rule.REDIRECT_TARGET);
        }
        taken = kernelEvents.take();
        for (String event : taken) {
            eventCounts.merge(event.substring(0, event.indexOf(": ")), 1L, Long::sum);
        }
        tracer.run(address, length);
        for (Score score : scores) {
            if (score.side != tracer) {
                score.side.run(address, length);
            }
        }
        if (recorder.met().contains(Rule.TRACE)) {
            apply(Rule.TRACE);
        }
        for (Rule rule : recorder.met()) {
            if (rule.taints()) {
                taints.add(rule);
            }
        }
        judge(address, length);
    }

    /** Packets given so far. */
    public long packets() {
        return packets;
    }

    private void judge(long address, int length) {
        boolean excused = false;
        for (Score score : scores) {
            if (isEqual(score.side)) {
                score.equalPackets++;
            } else if (!taints.isEmpty() && score.side.fault() == null) {
                score.excusedPackets++;
                excused = true;
            } else {
                score.differentPackets++;
                if (differences.size() < options.keptDifferences) {
                    differences.add(describe(score.side, address, length));
                }
            }
        }
        if (excused) {
            taints.forEach(this::apply);
        }
    }

    private boolean isEqual(EngineSide side) {
        return side.fault() == null
                && side.action() == testRun.retval()
                && side.metadataBytes() == testRun.outputMetadataBytes()
                && side.outputLength() == testRun.outputLength()
                && bytesAreEqual(side)
                && side.events().equals(taken);
    }

    private boolean bytesAreEqual(EngineSide side) {
        int length = testRun.outputLength();
        return MemorySegment.mismatch(testRun.output(), 0, length, Memory.ALL, side.output(), side.output() + length)
                < 0;
    }

    private Difference describe(EngineSide side, long address, int length) {
        List<Difference.Aspect> aspects = new ArrayList<>();
        if (side.fault() != null) {
            aspects.add(Difference.Aspect.FAULT);
        }
        if (side.action() != testRun.retval()) {
            aspects.add(Difference.Aspect.RETURN_VALUE);
        }
        if (side.metadataBytes() != testRun.outputMetadataBytes()) {
            aspects.add(Difference.Aspect.METADATA_LENGTH);
        }
        if (side.outputLength() != testRun.outputLength()) {
            aspects.add(Difference.Aspect.LENGTH);
        } else if (!bytesAreEqual(side)) {
            aspects.add(Difference.Aspect.BYTES);
        }
        if (!side.events().equals(taken)) {
            aspects.add(Difference.Aspect.EVENTS);
        }
        return new Difference.Packet(
                side.engine(),
                packets,
                List.copyOf(aspects),
                Memory.bytes(address, length),
                new Outcome(testRun.retval(), testRun.outputMetadataBytes(), testRun.outputBytes(), null, taken),
                side.outcome(),
                recorder.trace(tracer::show),
                recorder.count());
    }

    private void apply(Rule rule) {
        applied.merge(rule, 1L, Long::sum);
    }

    /** Compares all maps. Call it once, after the last packet. */
    public DiffReport finish() {
        List<DiffReport.MapResult> maps = new ArrayList<>();
        MapComparison comparison = new MapComparison(kernelObject, pin.cpu());
        for (Map.Entry<String, KernelMap> map : kernelObject.maps().entrySet()) {
            maps.add(compareMap(comparison, map.getKey(), map.getValue().type()));
        }
        return new DiffReport(
                program.name(),
                tracer.program().linked().tag(),
                kernel.release(),
                pin.cpu(),
                packets,
                compared,
                new TreeMap<>(verdicts),
                scores.stream().map(Score::result).toList(),
                List.copyOf(maps),
                List.copyOf(differences),
                new EnumMap<>(applied),
                List.copyOf(unsupported),
                List.copyOf(remarks));
    }

    private DiffReport.MapResult compareMap(MapComparison comparison, String name, int type) {
        LoadedMap traced = tracer.object().map(name).orElse(null);
        String whyNot = comparison.whyNot(name, traced);
        if (whyNot != null) {
            apply(Rule.UNREADABLE_MAP);
            return new DiffReport.MapResult(name, type, 0, whyNot);
        }
        if (Events.areIn(type)) {
            // compared packet by packet
            return new DiffReport.MapResult(name, type, eventCounts.getOrDefault(name, 0L), null);
        }
        long entries = 0;
        long mostExcused = 0;
        Rule rule = null;
        for (Score score : scores) {
            LoadedMap ours = score.side.object().map(name).orElseThrow();
            MapComparison.Result result = comparison.compare(score.side.engine(), name, ours, score.side.object());
            entries = result.entries();
            score.equalEntries += result.equal();
            rule = excuse(type, entries, ours);
            if (rule != null) {
                score.excusedEntries += result.differences().size();
                mostExcused = Math.max(mostExcused, result.differences().size());
            } else {
                score.differentEntries += result.differences().size();
                result.differences().stream()
                        .limit(Math.max(0, options.keptDifferences - differences.size()))
                        .forEach(differences::add);
            }
        }
        if (rule != null && mostExcused > 0) {
            applied.merge(rule, mostExcused, Long::sum);
        }
        if (MapComparison.isHash(type) && entries > 1) {
            apply(Rule.HASH_ORDER);
        }
        if (MapComparison.holdsIds(type) && entries > 0) {
            applied.merge(Rule.IDS, entries, Long::sum);
        }
        return new DiffReport.MapResult(name, type, entries, null);
    }

    /** The rule that excuses a map's differing entries, or null. */
    private @Nullable Rule excuse(int type, long entries, LoadedMap ours) {
        for (Rule rule : taints) {
            return rule;
        }
        // the kernel evicts before a map is full, when a CPU's list of free elements is empty
        boolean mayEvict = MapComparison.isLru(type)
                && 2 * entries >= Integer.toUnsignedLong(ours.map().def().maxEntries());
        return mayEvict ? Rule.EVICTION : null;
    }

    @Override
    public void close() {
        kernelEvents.close();
        testRun.close();
        kernelObject.close();
        sides().forEach(EngineSide::close);
        arena.close();
        pin.close();
    }

    private static void closeAll(List<AutoCloseable> opened, Throwable because) {
        for (AutoCloseable closeable : opened.reversed()) {
            try {
                closeable.close();
            } catch (Exception e) {
                because.addSuppressed(e);
            }
        }
    }
}
