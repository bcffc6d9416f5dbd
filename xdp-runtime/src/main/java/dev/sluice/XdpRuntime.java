package dev.sluice;

import dev.sluice.btf.Btf;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.helper.Clock;
import dev.sluice.helper.Network;
import dev.sluice.helper.ReceiveHints;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapTable;
import dev.sluice.map.ProgArrayMap;
import dev.sluice.memory.Regions;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.program.Program;
import dev.sluice.program.Verified;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A BPF subsystem of its own: an engine, maps and programs by id, and the memory that programs may touch. Loading and
 * closing belong to one thread; what was loaded may run on every queue.
 */
public final class XdpRuntime implements AutoCloseable {
    /** What a run may execute unless the context says otherwise: no program hangs its caller. */
    public static final long DEFAULT_INSTRUCTION_LIMIT = RunContext.USUAL_LIMIT;

    private final Engine engine;
    private final int cpus;
    private final long seed;
    private final MapTable maps = new MapTable();
    private final Regions regions = new Regions();
    private final Network network = new Network();
    private final Pins pins = new Pins();
    private volatile @Nullable Executable[] programs = {};
    private int lastProgramId;
    private boolean deviceBound;

    /**
     * @param cpus CPUs that per-CPU maps have room for, 1 or more
     * @param seed of random numbers and hash functions
     */
    public XdpRuntime(Engine engine, int cpus, long seed) {
        this.engine = engine;
        this.cpus = cpus;
        this.seed = seed;
    }

    /**
     * Loads programs of an object, with all its maps.
     *
     * @throws LoadException when something that the programs need does not exist here
     * @throws VerificationException when the engine wants programs to be proved and the verifier rejects one
     * @throws dev.sluice.object.ObjectException when a program can't be linked
     */
    public LoadedObject load(ObjectSpec spec, List<ProgramSpec> programs) {
        return load(spec, programs, null);
    }

    /**
     * The same, with field offsets of CO-RE relocations taken from a kernel's types.
     *
     * @param target types of the kernel to run as; null for the built-in {@link dev.sluice.object.KernelTypes}
     */
    public LoadedObject load(ObjectSpec spec, List<ProgramSpec> programs, @Nullable Btf target) {
        return load(spec, programs, target, Map.of());
    }

    /**
     * The same, with maps that exist in place of some of the object's own ({@code bpf_map__reuse_fd}): so a changed program goes
     * on with what the one before it knows.
     *
     * @param reused by the name of the object's map
     * @throws LoadException when one is not like the object's: type, sizes, entries, flags or map_extra differ
     */
    public LoadedObject load(
            ObjectSpec spec, List<ProgramSpec> programs, @Nullable Btf target, Map<String, BpfMap> reused) {
        return new ObjectLoader(this, spec, target, reused).load(programs);
    }

    /**
     * Makes the state that one queue runs programs with.
     *
     * @param clock behind bpf_ktime_get_ns
     * @param queue whose random numbers it gets
     */
    public RunContext newContext(Clock clock, int queue) {
        RunContext context = new RunContext(maps, regions, clock, seed + queue);
        context.network = network;
        context.hints = ReceiveHints.TIMESTAMPS;
        context.secret = seed;
        context.instructionLimit = DEFAULT_INSTRUCTION_LIMIT;
        return context;
    }

    /**
     * Replaces a global function of a program by a program of another object ({@code freplace}). The result runs checked.
     *
     * @param object of the program whose function is replaced
     * @param function its name
     * @param other object of the replacing program, loaded in this runtime
     * @throws LoadException if there is no such function, it is not global, or has another prototype
     */
    public LoadedProgram replace(
            LoadedObject object, LoadedProgram program, String function, LoadedObject other, LoadedProgram with) {
        Executable replaced = load(FunctionReplacement.of(object, program, function, other, with));
        List<Integer> maps = new ArrayList<>(program.maps());
        with.maps().stream().filter(map -> !maps.contains(map)).forEach(maps::add);
        List<String> warnings = new ArrayList<>(program.warnings());
        warnings.addAll(with.warnings());
        object.maps().forEach(map -> exchange(map.map(), program.executable(), replaced));
        return new LoadedProgram(program.linked(), replaced, null, List.copyOf(maps), List.copyOf(warnings));
    }

    /** Tail calls of a program lead to what took its place. */
    private static void exchange(BpfMap map, Executable before, Executable after) {
        if (map instanceof ProgArrayMap array) {
            for (int index = 0; index < array.def().maxEntries(); index++) {
                if (before.equals(array.program(index))) {
                    array.set(index, after);
                }
            }
        }
    }

    /** Makes one runnable of several programs, which run one after the other as libxdp's dispatcher runs them. */
    public ProgramChain chain(List<ProgramChain.Link> links) {
        return new ProgramChain(links, ++lastProgramId);
    }

    /** Makes what runs a program on single packets, by the machine's clock. */
    public TestRun testRun(LoadedProgram program) {
        return testRun(program, System::nanoTime);
    }

    /**
     * The same with another clock.
     *
     * @param clock behind bpf_ktime_get_ns
     */
    public TestRun testRun(LoadedProgram program, Clock clock) {
        return new TestRun(this, program, clock);
    }

    /**
     * Opens a ring buffer or a perf event array for a reader who polls.
     *
     * @throws IllegalArgumentException for other maps
     * @throws dev.sluice.map.MapException when a perf event array has a reader already
     */
    public EventReader events(LoadedMap map) {
        return EventReader.open(map, cpus);
    }

    /**
     * Has each event of a ring buffer or a perf event array shown at once, on the thread of the program that wrote it: then
     * none is lost for want of room, and the same run gives the same events.
     *
     * @throws IllegalArgumentException for other maps
     * @throws dev.sluice.map.MapException when a perf event array has a reader already
     */
    public EventReader events(LoadedMap map, EventReader.Listener listener) {
        return EventReader.listen(map, cpus, listener);
    }

    /**
     * Whether programs are loaded for the device whose packets they get ({@code bpftool prog load … xdpmeta_dev}): only such
     * programs may ask it for what it knows of a packet ({@code bpf_xdp_metadata_rx_*}). False at first.
     */
    public void setDeviceBound(boolean bound) {
        deviceBound = bound;
    }

    boolean isDeviceBound() {
        return deviceBound;
    }

    /** The network that programs see, empty at first; may be changed while they run. */
    public Network network() {
        return network;
    }

    /** The maps that objects share by path. */
    public Pins pins() {
        return pins;
    }

    /** The maps by id. */
    public MapTable maps() {
        return maps;
    }

    /** The memory that programs may touch beside the packet. */
    public Regions regions() {
        return regions;
    }

    public Engine engine() {
        return engine;
    }

    /** CPUs that per-CPU maps have room for. */
    public int cpus() {
        return cpus;
    }

    /** The seed of random numbers and hash functions. */
    public long seed() {
        return seed;
    }

    Executable load(Program program) {
        return add(engine.load(program, ++lastProgramId));
    }

    Executable load(Verified verified) {
        return add(engine.load(verified, ++lastProgramId));
    }

    private Executable add(Executable executable) {
        Executable[] more = Arrays.copyOf(programs, lastProgramId + 1);
        more[lastProgramId] = executable;
        programs = more;
        return executable;
    }

    /** The program of an id, or null: what entries of devmaps and cpumaps refer to. Any thread. */
    public @Nullable Executable program(int id) {
        Executable[] known = programs;
        return id > 0 && id < known.length ? known[id] : null;
    }

    /** Gives all maps back. No program may be running any more. */
    @Override
    public void close() {
        maps.closeAll();
    }
}
