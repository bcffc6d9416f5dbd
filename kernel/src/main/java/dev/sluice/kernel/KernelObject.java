package dev.sluice.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An object in the kernel: its maps and programs by name. Made in libbpf's order: BTF, maps with their first contents,
 * programs, and last the slots of maps that hold maps and programs.
 *
 * <p>A program that the verifier refuses is a result beside the others, and the object is usable without it. A map that
 * cannot be made is an exception, as no program can be judged then; nothing is left behind.
 *
 * <p>Thread-safe, but for {@link #close}.
 */
public final class KernelObject implements AutoCloseable {
    private static final int INSTRUCTION_BYTES = 8;
    private static final int IMM_OFFSET = 4;

    private final Kernel kernel;
    private final ObjectPlan plan;
    private final Map<String, KernelMap> maps = new LinkedHashMap<>();
    private final Map<String, LoadResult> results = new LinkedHashMap<>();
    private final List<String> remarks = new ArrayList<>();
    private @Nullable KernelBtf btf;

    private KernelObject(Kernel kernel, ObjectPlan plan) {
        this.kernel = kernel;
        this.plan = plan;
    }

    /** As the other one, with a log where a program is refused. */
    public static KernelObject load(Kernel kernel, ObjectPlan plan) {
        return load(kernel, plan, ProgramAttributes.LOG_ON_REJECTION);
    }

    /**
     * Makes everything.
     *
     * @param logLevel see {@link ProgramAttributes#withLogLevel}
     * @throws BpfException where a map is refused
     */
    public static KernelObject load(Kernel kernel, ObjectPlan plan, int logLevel) {
        KernelObject object = new KernelObject(kernel, plan);
        try {
            object.loadBtf();
            for (ObjectPlan.MapPlan map : plan.maps()) {
                object.createMap(map);
            }
            for (ObjectPlan.MapPlan map : plan.maps()) {
                object.fillMapSlots(map);
            }
            for (ObjectPlan.ProgramPlan program : plan.programs()) {
                object.loadProgram(program, logLevel);
            }
            for (ObjectPlan.Unlinkable program : plan.unlinkable()) {
                object.results.put(program.name(), new LoadResult.Rejected(Errno.ESRCH, program.message(), false));
            }
            for (ObjectPlan.MapPlan map : plan.maps()) {
                object.fillProgramSlots(map);
            }
            return object;
        } catch (RuntimeException | Error e) {
            object.close();
            throw e;
        }
    }

    private void loadBtf() {
        byte[] bytes = plan.btf();
        if (bytes != null) {
            try {
                btf = kernel.loadBtf(bytes);
            } catch (BpfException e) {
                remarks.add("BTF was refused, everything is made without types: " + withoutDump(e));
            }
        }
    }

    /** The message of a refusal: the call, and the last line of the kernel's log, which lists all types before it. */
    private static String withoutDump(BpfException refusal) {
        List<String> lines = String.valueOf(refusal.getMessage())
                .lines()
                .filter(line -> !line.isBlank())
                .toList();
        return lines.size() < 2
                ? String.join("", lines)
                : lines.getFirst() + ": " + lines.getLast().strip();
    }

    private void createMap(ObjectPlan.MapPlan map) {
        if (maps.containsKey(map.name())) {
            throw new IllegalArgumentException(plan.name() + ": two maps of one name, map=" + map.name());
        }
        KernelMap made = create(map);
        maps.put(map.name(), made);
        for (MapEntry entry : map.values()) {
            made.update(entry.key(), entry.value());
        }
        if (map.frozen()) {
            made.freeze();
        }
    }

    private KernelMap create(ObjectPlan.MapPlan map) {
        ObjectPlan.MapPlan innerPlan = map.inner();
        if (innerPlan == null) {
            return createWithTypes(map, map.attributes());
        }
        // The kernel copies what inner maps are like; the template itself is not needed any more.
        try (KernelMap template = create(innerPlan)) {
            return createWithTypes(map, map.attributes().withInner(template));
        }
    }

    /** Maps that do not take BTF types are made without them, as libbpf does; where that is not usual, with a remark. */
    private KernelMap createWithTypes(ObjectPlan.MapPlan map, MapAttributes attributes) {
        boolean typed = map.btfKeyTypeId() != 0 || map.btfValueTypeId() != 0;
        if (btf != null && typed && takesTypes(attributes.type)) {
            try {
                return kernel.createMap(attributes.withBtf(btf, map.btfKeyTypeId(), map.btfValueTypeId()));
            } catch (BpfException e) {
                remarks.add("map " + map.name() + ": made without BTF types: " + e.errnoName());
            }
        }
        return kernel.createMap(attributes);
    }

    private static boolean takesTypes(int mapType) {
        return switch (mapType) {
            case Uapi.MAP_TYPE_PERF_EVENT_ARRAY,
                    Uapi.MAP_TYPE_CGROUP_ARRAY,
                    Uapi.MAP_TYPE_STACK_TRACE,
                    Uapi.MAP_TYPE_ARRAY_OF_MAPS,
                    Uapi.MAP_TYPE_HASH_OF_MAPS,
                    Uapi.MAP_TYPE_DEVMAP,
                    Uapi.MAP_TYPE_DEVMAP_HASH,
                    Uapi.MAP_TYPE_CPUMAP,
                    Uapi.MAP_TYPE_XSKMAP,
                    Uapi.MAP_TYPE_SOCKMAP,
                    Uapi.MAP_TYPE_SOCKHASH,
                    Uapi.MAP_TYPE_QUEUE,
                    Uapi.MAP_TYPE_STACK -> false;
            default -> true;
        };
    }

    private void fillMapSlots(ObjectPlan.MapPlan map) {
        for (ObjectPlan.Slot slot : map.mapSlots()) {
            map(map.name()).update(slot.key(), Uapi.u32(map(slot.target()).fd()));
        }
    }

    private void fillProgramSlots(ObjectPlan.MapPlan map) {
        for (ObjectPlan.Slot slot : map.programSlots()) {
            LoadResult result = results.get(slot.target());
            if (result == null) {
                throw new IllegalArgumentException(plan.name() + ": map " + map.name()
                        + " holds a program that is not there: program=" + slot.target());
            }
            // An empty slot is what a refused program leaves: a tail call to it goes on with the next instruction.
            if (result instanceof LoadResult.Loaded loaded) {
                map(map.name()).update(slot.key(), Uapi.u32(loaded.program().fd()));
            }
        }
    }

    private void loadProgram(ObjectPlan.ProgramPlan program, int logLevel) {
        byte[] instructions = program.instructions().clone();
        MemorySegment code = MemorySegment.ofArray(instructions);
        for (ObjectPlan.MapReference reference : program.mapReferences()) {
            long at = (long) reference.slot() * INSTRUCTION_BYTES + IMM_OFFSET;
            code.set(ValueLayout.JAVA_INT_UNALIGNED, at, map(reference.map()).fd());
        }
        ProgramAttributes attributes = ProgramAttributes.of(program.type(), instructions)
                .withName(program.name())
                .withLicense(plan.license())
                .withExpectedAttachType(program.expectedAttachType())
                .withFlags(program.flags())
                .withLogLevel(logLevel);
        if (btf != null) {
            attributes = attributes.withBtf(btf, program.funcInfo(), 8, program.lineInfo(), 16);
        }
        if (results.containsKey(program.name())) {
            throw new IllegalArgumentException(plan.name() + ": two programs of one name, program=" + program.name());
        }
        LoadResult result = kernel.load(attributes);
        results.put(program.name(), result);
        if (result instanceof LoadResult.Loaded loaded) {
            bindMaps(loaded.program());
        }
    }

    private void bindMaps(KernelProgram program) {
        for (ObjectPlan.MapPlan map : plan.maps()) {
            if (map.bound()) {
                try {
                    program.bind(map(map.name()));
                } catch (BpfException e) {
                    // Linux before 5.10: nothing depends on it
                    remarks.add(
                            "map " + map.name() + ": not bound to program " + program.name() + ": " + e.errnoName());
                }
            }
        }
    }

    /** The map of that name. IllegalArgumentException where there is none. */
    public KernelMap map(String name) {
        KernelMap map = maps.get(name);
        if (map == null) {
            throw new IllegalArgumentException(
                    plan.name() + ": no such map, expected one of " + maps.keySet() + ", map=" + name);
        }
        return map;
    }

    /** All maps by name, in the plan's order. */
    public Map<String, KernelMap> maps() {
        return Collections.unmodifiableMap(maps);
    }

    /** What the verifier said of a program. IllegalArgumentException where there is none of that name. */
    public LoadResult result(String name) {
        LoadResult result = results.get(name);
        if (result == null) {
            throw new IllegalArgumentException(
                    plan.name() + ": no such program, expected one of " + results.keySet() + ", program=" + name);
        }
        return result;
    }

    /** What the verifier said of all programs by name, in the plan's order. */
    public Map<String, LoadResult> results() {
        return Collections.unmodifiableMap(results);
    }

    /**
     * The program of that name; it is closed with this object.
     *
     * @throws BpfException with the log, where the verifier refused it
     */
    public KernelProgram program(String name) {
        return result(name).orThrow();
    }

    /** What is not quite as planned, a sentence each: what is without its BTF types. */
    public List<String> remarks() {
        return Collections.unmodifiableList(remarks);
    }

    /** The BTF, if there is any; it is closed with this object. */
    public @Nullable KernelBtf btf() {
        return btf;
    }

    /** Closes all maps, programs and BTF. */
    @Override
    public void close() {
        for (LoadResult result : results.values()) {
            if (result instanceof LoadResult.Loaded loaded) {
                loaded.program().close();
            }
        }
        for (KernelMap map : maps.values()) {
            map.close();
        }
        if (btf != null) {
            btf.close();
        }
    }
}
