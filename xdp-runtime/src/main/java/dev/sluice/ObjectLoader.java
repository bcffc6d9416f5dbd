package dev.sluice;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfExt;
import dev.sluice.exec.Executable;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapException;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.map.ProgArrayMap;
import dev.sluice.map.ValueFields;
import dev.sluice.object.LinkedProgram;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.ProgramType;
import dev.sluice.object.Reference;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import dev.sluice.program.Subprogram;
import dev.sluice.program.Verified;
import dev.sluice.verifier.KnownMap;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Loads one object: links programs, makes maps, fills addresses in, fills prog arrays. */
final class ObjectLoader {
    private static final int PAGE_BYTES = 4096;

    private final XdpRuntime runtime;
    private final ObjectSpec spec;
    private final @Nullable Btf target;
    private final Map<String, BpfMap> reused;
    private final Map<Integer, LoadedMap> maps = new LinkedHashMap<>();
    private final Map<String, LoadedProgram> programs = new LinkedHashMap<>();

    /** @param reused maps to use in place of those of these names */
    ObjectLoader(XdpRuntime runtime, ObjectSpec spec, @Nullable Btf target, Map<String, BpfMap> reused) {
        this.runtime = runtime;
        this.spec = spec;
        this.target = target;
        this.reused = reused;
    }

    LoadedObject load(List<ProgramSpec> wanted) {
        Map<String, LinkedProgram> linked = new LinkedHashMap<>();
        for (ProgramSpec program : wanted) {
            link(program, linked);
        }
        makeMaps(linked.values());
        linked.values().forEach(program -> programs.put(program.name(), load(program)));
        maps.values().forEach(this::fillPrograms);
        return new LoadedObject(spec, List.copyOf(maps.values()), List.copyOf(programs.values()));
    }

    /** Links a program and, through the prog arrays that it uses, the programs that it may continue in. */
    private void link(ProgramSpec program, Map<String, LinkedProgram> linked) {
        if (linked.containsKey(program.name())) {
            return;
        }
        LinkedProgram made = spec.link(program, target);
        linked.put(program.name(), made);
        for (int index : mapsOf(made)) {
            for (MapSpec.Entry entry : spec.maps().get(index).entries()) {
                if (entry.isProgram()) {
                    link(programNamed(entry.target()), linked);
                }
            }
        }
    }

    private ProgramSpec programNamed(String name) {
        return spec.program(name)
                .map(ProgramSpec::asXdp)
                .orElseThrow(() -> new LoadException("prog array: no such program in the object, name=" + name));
    }

    private static Set<Integer> mapsOf(LinkedProgram program) {
        Set<Integer> used = new LinkedHashSet<>();
        for (Reference reference : program.references()) {
            switch (reference) {
                case Reference.ToMap map -> used.add(map.map());
                case Reference.ToValue value -> used.add(value.map());
                case Reference.Kfunc kfunc -> {}
                case Reference.Ksym ksym -> {}
            }
        }
        return used;
    }

    // --- maps

    private void makeMaps(Iterable<LinkedProgram> linked) {
        Set<Integer> needed = new TreeSet<>();
        linked.forEach(program -> needed.addAll(mapsOf(program)));
        for (int index : List.copyOf(needed)) {
            for (MapSpec.Entry entry : spec.maps().get(index).entries()) {
                if (!entry.isProgram()) {
                    needed.add(indexOf(entry.target(), spec.maps().get(index)));
                }
            }
        }
        for (int index = 0; index < spec.maps().size(); index++) {
            MapSpec map = spec.maps().get(index);
            // libbpf makes every map of the object; one that nobody uses must not keep a program from running
            if (needed.contains(index)) {
                maps.put(index, make(map));
            } else if (Maps.supports(MapType.of(map.type()))) {
                try {
                    maps.put(index, make(map));
                } catch (LoadException e) {
                    // such as one whose size its loader was to set
                }
            }
        }
        maps.values().forEach(this::fillMaps);
    }

    private int indexOf(String name, MapSpec user) {
        for (int index = 0; index < spec.maps().size(); index++) {
            if (spec.maps().get(index).name().equals(name)) {
                return index;
            }
        }
        throw new LoadException("map " + user.name() + ": no such map in the object, name=" + name);
    }

    /** Puts the maps that a map of maps starts with. */
    private void fillMaps(LoadedMap outer) {
        if (!outer.spec().isMapInMap() || reused.containsKey(outer.name())) {
            return;
        }
        for (MapSpec.Entry entry : outer.spec().entries()) {
            LoadedMap inner = maps.get(indexOf(entry.target(), outer.spec()));
            if (inner == null) {
                continue;
            }
            try {
                outer.map()
                        .put(littleEndian(entry.key()), littleEndian(inner.map().id()), BpfMap.ANY);
            } catch (MapException e) {
                throw new LoadException("map " + outer.name() + ": cannot hold map " + inner.name()
                        + ", it expected one like its inner maps: " + e.getMessage());
            }
        }
    }

    private static byte[] littleEndian(int value) {
        return new byte[] {(byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24)};
    }

    private MapDef definition(MapSpec map) {
        MapType type = MapType.of(map.type());
        if (type == null) {
            throw new LoadException("map " + map.name() + ": no such map type, type=" + map.type());
        }
        return new MapDef(
                map.name(),
                type,
                map.keySize(),
                map.valueSize(),
                entries(type, map),
                map.flags(),
                map.extra(),
                map.inner() == null ? null : definition(map.inner()));
    }

    private LoadedMap make(MapSpec map) {
        MapDef def = definition(map);
        BpfMap given = reused.get(map.name());
        if (given != null) {
            Pins.requireAlike(given.def(), def, "the map that is given for it", "id=" + given.id());
            return new LoadedMap(map, given, spec.btf());
        }
        String path = Pins.path(spec.name(), map);
        BpfMap pinned = path == null ? null : runtime.pins().reuse(path, def);
        if (pinned != null) {
            return new LoadedMap(map, pinned, spec.btf());
        }
        BpfMap made;
        try {
            made = Maps.create(def, runtime.maps(), runtime.regions(), runtime.cpus(), runtime.seed());
            if (made instanceof ProgArrayMap array) {
                array.resolvePrograms(runtime::program);
            }
            ValueFields fields = fields(map);
            if (fields.fit(def)) {
                made.declareFields(fields);
            }
            if (map.contents() != null) {
                made.put(new byte[map.keySize()], map.contents().bytes(), BpfMap.ANY);
            }
        } catch (MapException e) {
            throw new LoadException(String.valueOf(e.getMessage()));
        }
        if (map.frozen()) {
            made.freeze();
        }
        if (path != null) {
            runtime.pins().put(path, def, made);
        }
        return new LoadedMap(map, made, spec.btf());
    }

    /** The fields of a map's values that belong to the kernel, as far as its types can be used. */
    private ValueFields fields(MapSpec map) {
        Btf btf = spec.btf();
        return btf == null || map.valueBtfType() == 0 || !ValueFields.acceptsTypes(btf)
                ? ValueFields.NONE
                : ValueFields.of(btf, map.valueBtfType());
    }

    /** What libbpf and its users make of the number of entries that a program gives, 0 where it leaves that open. */
    private int entries(MapType type, MapSpec map) {
        int entries = map.entriesOn(runtime.cpus());
        return switch (type) {
            case RINGBUF, USER_RINGBUF -> ringBytes(entries);
            default -> entries;
        };
    }

    /** A power of two of pages. */
    private static int ringBytes(int given) {
        int pages = Math.max(1, (int) ((Integer.toUnsignedLong(given) + PAGE_BYTES - 1) / PAGE_BYTES));
        return pages == 1 ? PAGE_BYTES : (Integer.highestOneBit(pages - 1) << 1) * PAGE_BYTES;
    }

    private void fillPrograms(LoadedMap map) {
        for (MapSpec.Entry entry : map.spec().entries()) {
            LoadedProgram program = programs.get(entry.target());
            if (entry.isProgram() && program != null && map.map() instanceof ProgArrayMap array) {
                array.set(entry.key(), program.executable());
            }
        }
    }

    // --- programs

    private LoadedProgram load(LinkedProgram linked) {
        try {
            return loadCode(linked);
        } catch (MalformedCodeException e) {
            throw new LoadException("program " + linked.name() + ": " + e.getMessage());
        }
    }

    private LoadedProgram loadCode(LinkedProgram linked) {
        List<String> warnings = new ArrayList<>();
        Code code = Code.decode(linked.insns().bytes());
        Map<Integer, Instruction> resolved = new HashMap<>();
        Set<Integer> used = new LinkedHashSet<>();
        for (Reference reference : linked.references()) {
            int slot = reference.slot();
            Instruction insn = code.at(slot);
            switch (reference) {
                case Reference.ToMap map -> {
                    BpfMap made = made(map.map());
                    used.add(made.id());
                    resolved.put(slot, insn.withImm(made.handle()));
                }
                case Reference.ToValue value -> {
                    BpfMap made = made(value.map());
                    used.add(made.id());
                    if (made.valueAddress() == 0) {
                        throw new LoadException("program " + linked.name() + ": map " + value.name()
                                + " does not allow direct access to its value, type="
                                + made.def().type().bpftoolName());
                    }
                    resolved.put(slot, insn.withImm(made.valueAddress() + value.offset()));
                }
                case Reference.Kfunc call -> resolved.put(slot, insn.withImm(number(linked, call)));
                case Reference.Ksym ksym ->
                    resolved.put(slot, new Instruction(insn.opcode(), insn.dst(), 0, 0, address(linked, ksym)));
            }
        }
        for (int index : mapsOf(linked)) {
            MapSpec map = spec.maps().get(index);
            if (map.isGuessedSize()) {
                warnings.add("uses map " + map.name()
                        + ", whose size the object leaves to its user space (max_entries is 0):"
                        + " expected --max-entries " + map.name() + "=N, made with one entry a CPU, max_entries="
                        + runtime.cpus());
            }
        }
        Program program = new Program(
                linked.name(),
                linked.tag(),
                code.with(resolved),
                subprograms(linked),
                lines(linked),
                spec.isGplCompatible(),
                linked.spec().type().frags());
        Verified verified = null;
        // a replacing function's arguments are whatever its callers give, which the verifier is not told
        if (runtime.engine().wantsProof() && linked.spec().type().type() != ProgramType.EXT) {
            verified = prove(linked, program, warnings);
        } else {
            requireCallable(program, slot -> true);
        }
        Executable executable = verified == null ? runtime.load(program) : runtime.load(verified);
        return new LoadedProgram(linked, executable, verified, List.copyOf(used), List.copyOf(warnings));
    }

    /** Asks the verifier; null, with a warning that says why, where it neither proves nor rejects. */
    private @Nullable Verified prove(LinkedProgram linked, Program program, List<String> warnings) {
        Subject subject = Subjects.of(spec, linked, knownMaps()).withDeviceBound(runtime.isDeviceBound());
        Verifier verifier = Verifier.create().withCpus(runtime.cpus());
        return switch (verifier.verify(subject)) {
            case Verdict.Verified accepted -> {
                requireCallable(program, accepted.facts()::isReached);
                Verified proved = accepted.facts().verified(program).orElse(null);
                if (proved == null) {
                    warnings.add("runs checked: Linux accepts it, but that does not prove that it needs no checks");
                }
                yield proved;
            }
            case Verdict.Unsupported unsupported -> {
                requireCallable(program, slot -> true);
                warnings.add("runs checked: sluice's verifier does not know " + unsupported.why());
                yield null;
            }
            case Verdict.Rejected rejected -> {
                // again, for the log of the path
                Verdict logged = verifier.withLogLevel(1).verify(subject);
                throw new VerificationException(
                        linked.name(), logged instanceof Verdict.Rejected with ? with : rejected);
            }
        };
    }

    /** All maps of the object: as they were made, or where no program uses them as they would be. */
    private List<KnownMap> knownMaps() {
        List<KnownMap> known = new ArrayList<>();
        for (int index = 0; index < spec.maps().size(); index++) {
            LoadedMap made = maps.get(index);
            MapSpec map = spec.maps().get(index);
            if (made == null) {
                known.add(Subjects.known(map, spec.btf()));
            } else {
                boolean constant = made.map().isFrozen() && made.map().valueAddress() != 0;
                byte[] contents = constant ? made.map().get(new byte[map.keySize()]) : null;
                known.add(Subjects.known(map, spec.btf(), made.map().def(), contents));
            }
        }
        return known;
    }

    /** What stands for a kernel function in a call. A weak one that is missing may be called where no path leads. */
    private static int number(LinkedProgram linked, Reference.Kfunc call) {
        Kfunc kfunc = Kfunc.of(call.name());
        if (kfunc != null && kfunc.isImplemented()) {
            return kfunc.number();
        }
        if (call.weak()) {
            return Kfunc.MISSING + call.extern();
        }
        throw new LoadException(
                "program " + linked.name() + ": calls a function of the kernel that sluice does not have ("
                        + Kfunc.whyMissing(call.name()) + "), name=" + call.name());
    }

    /** Programs ask for the address of a function to know whether it exists. */
    private static long address(LinkedProgram linked, Reference.Ksym symbol) {
        Kfunc kfunc = Kfunc.of(symbol.name());
        if (kfunc != null && kfunc.isImplemented()) {
            return kfunc.number();
        }
        if (symbol.weak()) {
            return 0;
        }
        throw new LoadException("program " + linked.name()
                + ": uses a variable of the kernel, which sluice does not have, name=" + symbol.name());
    }

    private BpfMap made(int index) {
        LoadedMap map = maps.get(index);
        if (map == null) {
            throw new AssertionError("every map that a program uses has been made");
        }
        if (map.map().def().type() == MapType.ARENA) {
            throw new LoadException(
                    "map " + map.name() + ": a program uses an arena, which is not supported by sluice");
        }
        return map.map();
    }

    /** Refuses calls of what Sluice does not have where a path leads there. */
    private static void requireCallable(Program program, IntPredicate reached) {
        Code code = program.code();
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn == null || !reached.test(slot)) {
                continue;
            }
            boolean helper = insn.form() == Form.CALL_HELPER && Helper.callable(insn.imm32()) == null;
            boolean kfunc = insn.form() == Form.CALL_KFUNC && Kfunc.callable(insn.imm32()) == null;
            // a weak function that does not exist: whoever calls it has asked before, if only a proof knows
            if (helper || kfunc && insn.imm32() < Kfunc.MISSING) {
                throw new LoadException("program " + program.name() + ": "
                        + (helper ? Helper.describeMissing(insn.imm32()) : Kfunc.describeMissing(insn.imm32()))
                        + ", insn=" + slot);
            }
        }
    }

    private static List<Subprogram> subprograms(LinkedProgram linked) {
        return linked.functions().stream()
                .map(function -> new Subprogram(function.name(), function.start(), function.start() + function.slots()))
                .toList();
    }

    private List<SourceLine> lines(LinkedProgram linked) {
        Btf btf = spec.btf();
        if (btf == null) {
            return List.of();
        }
        List<SourceLine> lines = new ArrayList<>();
        for (BtfExt.LineInfo line : linked.lines()) {
            lines.add(new SourceLine(
                    line.slot(),
                    btf.string(line.fileNameOffset()),
                    btf.string(line.textOffset()).strip(),
                    line.line(),
                    line.column()));
        }
        return lines;
    }
}
