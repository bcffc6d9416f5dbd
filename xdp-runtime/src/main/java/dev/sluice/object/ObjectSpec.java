package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfAccess;
import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfKind;
import dev.sluice.btf.BtfType;
import dev.sluice.btf.BtfValues;
import dev.sluice.isa.Code;
import dev.sluice.isa.Instruction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * All that an object file says: programs, maps, types. Inert and immutable: nothing is loaded, and the same bytes give an
 * equal value on any machine.
 *
 * @param name libbpf's name of the object: the file's name up to its first dot, at most 15 characters
 * @param programs what can be loaded by itself, in order of section and offset
 * @param functions all functions, programs and subprograms, in order of section and offset
 * @param maps maps of the program first, then global variables, then {@code .kconfig}
 * @param externs what the object uses and does not define, in order of its symbols
 * @param btf its types, with the layout of its data sections filled in; null without a {@code .BTF} section
 * @param license as it is written in the {@code license} section; empty if there is none
 * @param kernelVersion of the {@code version} section, which kernels ignore since 5.0; 0 if there is none
 * @param sections names of the file's sections in order
 * @param warnings what was ignored, and why; each a sentence for a person
 */
public record ObjectSpec(
        String name,
        List<ProgramSpec> programs,
        List<FunctionSpec> functions,
        List<MapSpec> maps,
        List<ExternSpec> externs,
        @Nullable Btf btf,
        String license,
        int kernelVersion,
        List<String> sections,
        List<String> warnings) {
    /** Licenses that the kernel counts as compatible with its own. */
    private static final Set<String> GPL_COMPATIBLE =
            Set.of("GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL");

    /** Largest section of global variables that is written to before a load; damaged files claim anything. */
    private static final int MOST_CONTENTS = 256 << 20;

    /**
     * Reads an object file.
     *
     * @param fileName of the file, for the names of its maps of global variables; folders before it do not count
     * @param bytes of the whole file
     * @throws ObjectException if it is no object with BPF programs, or is damaged
     */
    public static ObjectSpec read(String fileName, byte[] bytes) {
        return ObjectReader.read(fileName, bytes);
    }

    /**
     * Reads an object file.
     *
     * @throws IOException if the file cannot be read
     * @throws ObjectException if it is no object with BPF programs, or is damaged
     */
    public static ObjectSpec read(Path file) throws IOException {
        return read(file.toString(), Files.readAllBytes(file));
    }

    /**
     * An object that no compiler has made, with one XDP program, which has the object's name.
     *
     * @param references what the code names of the maps
     */
    public static ObjectSpec of(
            String name, List<Instruction> code, List<FunctionSpec.CodeReference> references, List<MapSpec> maps) {
        FunctionSpec function = new FunctionSpec(
                name,
                "xdp",
                1,
                0,
                Blob.of(Code.of(code).toBytes()),
                true,
                false,
                false,
                0,
                List.copyOf(references),
                List.of(),
                List.of());
        return new ObjectSpec(
                name,
                List.of(new ProgramSpec(name, "xdp", SectionName.parse("xdp"), 0)),
                List.of(function),
                List.copyOf(maps),
                List.of(),
                null,
                "GPL",
                0,
                maps.isEmpty() ? List.of("xdp") : List.of("xdp", ".maps"),
                List.of());
    }

    /** Whether its programs may call helpers that are for GPL-compatible programs only. */
    public boolean isGplCompatible() {
        return GPL_COMPATIBLE.contains(license);
    }

    /** The program with this name, if there is one. */
    public Optional<ProgramSpec> program(String programName) {
        return programs.stream().filter(p -> p.name().equals(programName)).findFirst();
    }

    /** How a program shares a NIC with others. */
    public RunConfig runConfig(ProgramSpec program) {
        return RunConfig.of(this, program.name());
    }

    /** The programs whose sections say that they are for XDP. */
    public List<ProgramSpec> xdpPrograms() {
        return programs.stream().filter(ProgramSpec::isXdp).toList();
    }

    /** The map with this name, if there is one; for global variables the section's name is taken too. */
    public Optional<MapSpec> map(String mapName) {
        return maps.stream()
                .filter(m -> m.name().equals(mapName))
                .findFirst()
                .or(() -> maps.stream()
                        .filter(m -> m.isInternal() && m.section().equals(mapName))
                        .findFirst());
    }

    /** Index of a map of global variables by kind words as users write them: {@code rodata}, {@code .bss}, {@code data}. */
    private int internalMap(String sectionName) {
        String wanted = sectionName.startsWith(".") ? sectionName : "." + sectionName;
        for (int i = 0; i < maps.size(); i++) {
            if (maps.get(i).isInternal() && maps.get(i).section().equals(wanted)) {
                return i;
            }
        }
        return -1;
    }

    /**
     * The same object with a global variable that starts with another value.
     *
     * @param path the variable's name, or that of its section before it: {@code limit}, {@code rodata.limit}
     * @param value as many bytes as the variable has
     * @throws ObjectException if there is no such variable, or it has another size
     */
    public ObjectSpec withVariable(String path, byte[] value) {
        Place place = find(path);
        if (value.length != place.variable.size()) {
            throw new ObjectException(
                    "variable " + path + ": expected " + place.variable.size() + " bytes, found size=" + value.length);
        }
        return withBytes(place.map, place.variable.offset(), value);
    }

    private ObjectSpec withBytes(int index, int offset, byte[] value) {
        MapSpec map = maps.get(index);
        if (map.valueSize() > MOST_CONTENTS) {
            throw new ObjectException("section " + map.section() + ": too large to be written to: expected at most "
                    + MOST_CONTENTS + " bytes, found size=" + map.valueSize());
        }
        byte[] contents = map.contents() == null
                ? new byte[map.valueSize()]
                : map.contents().bytes();
        System.arraycopy(value, 0, contents, offset, value.length);
        return withMap(index, map.withContents(Blob.of(contents)));
    }

    /**
     * The same object with a global variable, or a part of one, that starts with another value.
     *
     * @param path as in {@link #withVariable(String, byte[])}; members and elements may follow: {@code
     *     rodata.config.ports[2].low}
     * @param value as {@link BtfValues#encode} takes it: a number, text, a list, a map by member names
     * @throws ObjectException if there is no such variable or member, or the value does not fit it
     */
    public ObjectSpec withVariable(String path, Object value) {
        if (btf == null) {
            return withVariable(path, untyped(path, variable(path).size(), value));
        }
        Part part = part(btf, path);
        byte[] bytes;
        try {
            bytes = BtfValues.encode(btf, part.type, value);
        } catch (BtfException e) {
            throw new ObjectException("variable " + path + ": " + e.getMessage());
        }
        return withBytes(part.map, part.offset, bytes);
    }

    /** Without types a number can be told from nothing but the variable's size. */
    private static byte[] untyped(String path, int size, Object value) {
        try {
            long number = Long.decode(value.toString().strip());
            boolean fits = size == Long.BYTES
                    || (size == 1 || size == 2 || size == 4)
                            && number >= -(1L << 8 * size - 1)
                            && number < 1L << 8 * size;
            if (fits) {
                byte[] bytes = new byte[size];
                for (int i = 0; i < size; i++) {
                    bytes[i] = (byte) (number >> 8 * i);
                }
                return bytes;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new ObjectException("variable " + path + ": the object has no types (section .BTF): expected a number of "
                + size + " bytes, found value=" + value);
    }

    /**
     * Where a variable, or a part of one, lies.
     *
     * @param map index of the map whose only value it is in
     * @param offset bytes from the start of the value
     * @param type id of its type, 0 without BTF
     */
    public record Part(int map, int offset, int size, int type) {}

    /**
     * Finds a global variable, or a part of one.
     *
     * @param path as in {@link #withVariable(String, Object)}
     * @throws ObjectException if there is no such variable or member
     */
    public Part part(String path) {
        if (btf != null) {
            return part(btf, path);
        }
        Place place = find(path);
        return new Part(place.map, place.variable.offset(), place.variable.size(), 0);
    }

    private Part part(Btf types, String path) {
        // the longest name of a variable wins: names of static variables in functions have dots themselves
        for (int end = path.length();
                end > 0;
                end = Math.max(path.lastIndexOf('.', end - 1), path.lastIndexOf('[', end - 1))) {
            List<Place> found = candidates(path.substring(0, end));
            if (found.size() == 1) {
                Place place = found.getFirst();
                try {
                    return member(types, place, path.substring(end));
                } catch (BtfException e) {
                    throw new ObjectException("variable " + path + ": " + e.getMessage());
                }
            }
        }
        Place place = find(path);
        return new Part(place.map, place.variable.offset(), place.variable.size(), place.variable.btfType());
    }

    private Part member(Btf types, Place place, String path) {
        BtfAccess access = BtfAccess.of(types, place.variable.btfType(), path);
        if (access.offset() + (long) types.sizeOf(access.type()) > place.variable.size()) {
            throw new ObjectException(
                    "variable " + place.variable.name() + ": member lies outside of it: path=" + path);
        }
        return new Part(
                place.map, place.variable.offset() + access.offset(), types.sizeOf(access.type()), access.type());
    }

    /**
     * The global variable of this name.
     *
     * @param path as in {@link #withVariable}
     * @throws ObjectException if there is none, or several
     */
    public Variable variable(String path) {
        return find(path).variable;
    }

    private record Place(int map, Variable variable) {}

    private List<Place> candidates(String path) {
        List<Place> found = new ArrayList<>();
        for (int i = 0; i < maps.size(); i++) {
            for (Variable variable : maps.get(i).variables()) {
                if (variable.name().equals(path)) {
                    found.add(new Place(i, variable));
                }
            }
        }
        for (int dot = path.indexOf('.', 1); found.isEmpty() && dot > 0; dot = path.indexOf('.', dot + 1)) {
            int map = internalMap(path.substring(0, dot));
            if (map >= 0) {
                for (Variable variable : maps.get(map).variables()) {
                    if (variable.name().equals(path.substring(dot + 1))) {
                        found.add(new Place(map, variable));
                    }
                }
            }
        }
        return found;
    }

    private Place find(String path) {
        List<Place> found = candidates(path);
        if (found.size() > 1) {
            throw new ObjectException(
                    "variable " + path + ": several sections have one: expected its section before it, found "
                            + found.stream().map(p -> maps.get(p.map).section()).toList());
        }
        if (found.isEmpty()) {
            List<String> known = maps.stream()
                    .flatMap(m -> m.variables().stream().map(v -> m.section().substring(1) + "." + v.name()))
                    .toList();
            throw new ObjectException(
                    known.isEmpty()
                            ? "no such variable: the object has none, name=" + path
                            : "no such variable: expected one of " + known + ", found name=" + path);
        }
        return found.getFirst();
    }

    private ObjectSpec withMap(int index, MapSpec map) {
        List<MapSpec> changed = new ArrayList<>(maps);
        changed.set(index, map);
        return new ObjectSpec(
                name,
                programs,
                functions,
                List.copyOf(changed),
                externs,
                btf,
                license,
                kernelVersion,
                sections,
                warnings);
    }

    /** The same object with one of its maps, found by its name, in another form. */
    public ObjectSpec withMap(MapSpec map) {
        for (int i = 0; i < maps.size(); i++) {
            if (maps.get(i).name().equals(map.name())) {
                return withMap(i, map);
            }
        }
        throw noSuchMap(map.name());
    }

    /**
     * The same object with a program in a slot of one of its prog arrays from the start.
     *
     * @param index of the slot
     * @throws ObjectException if there is no such prog array, slot or program
     */
    public ObjectSpec withTailCall(String mapName, int index, String programName) {
        MapSpec map = map(mapName).orElseThrow(() -> noSuchMap(mapName));
        if (map.type() != MapSpec.TYPE_PROG_ARRAY) {
            throw new ObjectException("map " + mapName + ": expected a prog array, found type=" + map.typeName());
        }
        if (Integer.compareUnsigned(index, map.maxEntries()) >= 0) {
            throw new ObjectException("map " + mapName + ": expected a slot below "
                    + Integer.toUnsignedString(map.maxEntries()) + ", found index=" + Integer.toUnsignedString(index));
        }
        if (program(programName).isEmpty()) {
            throw new ObjectException("map " + mapName + ": no such program, expected one of "
                    + programs.stream().map(ProgramSpec::name).toList() + ", found name=" + programName);
        }
        return withMap(map.withEntry(new MapSpec.Entry(index, programName, true)));
    }

    private ObjectException noSuchMap(String mapName) {
        return new ObjectException("no such map: expected one of "
                + maps.stream().map(MapSpec::name).toList() + ", found name=" + mapName);
    }

    /**
     * The same object with the kernel's configuration as given.
     *
     * @throws ObjectException if a variable that is not weak has no value, or a value does not fit its variable
     */
    public ObjectSpec withKconfig(Kconfig kconfig) {
        for (int i = 0; i < maps.size(); i++) {
            if (maps.get(i).kind() == MapSpec.Kind.KCONFIG) {
                if (btf == null) {
                    throw new AssertionError("a .kconfig map comes from BTF");
                }
                return withMap(
                        i,
                        maps.get(i)
                                .withContents(kconfig.contents(
                                        btf, externs, maps.get(i).valueSize())));
            }
        }
        return this;
    }

    /**
     * Links a program with what it calls.
     *
     * @param program one of {@link #programs()}, possibly {@linkplain ProgramSpec#asXdp() taken for XDP}
     * @throws ObjectException if the program refers to something that does not exist
     */
    public LinkedProgram link(ProgramSpec program) {
        return Linker.link(this, program, null);
    }

    /**
     * Links a program with what it calls and adapts it to the target's types.
     *
     * @param target types of the kernel; null for the built-in {@link KernelTypes}
     * @throws ObjectException if the program refers to something that does not exist, or a relocation fails
     */
    public LinkedProgram link(ProgramSpec program, @Nullable Btf target) {
        return Linker.link(this, program, target);
    }

    /**
     * The types in the form that the kernel's {@code BPF_BTF_LOAD} takes: what is defined elsewhere looks as if it were
     * defined here, hidden functions look static. Ids and strings are those of {@link #btf()}.
     */
    public @Nullable Btf kernelBtf() {
        if (btf == null) {
            return null;
        }
        BtfBuilder builder = BtfBuilder.from(btf);
        int integer = 0;
        int standIn = 0;
        for (int id = 1; id < btf.endId(); id++) {
            if (btf.kindOf(id) != BtfKind.DATASEC || !btf.nameOf(id).equals(".ksyms")) {
                continue;
            }
            BtfType.DataSec section = (BtfType.DataSec) btf.type(id);
            if (integer == 0) {
                integer = builder.integer("int", 4, true);
            }
            List<BtfType.SectionVar> layout = new ArrayList<>();
            for (BtfType.SectionVar place : section.vars()) {
                int var = place.var();
                if (btf.type(var) instanceof BtfType.Func function) {
                    builder.replaceFunctionLinkage(var, BtfType.Func.GLOBAL);
                    builder.nameParameters(function.proto());
                    if (standIn == 0) {
                        standIn = builder.variable("dummy_ksym", integer, BtfType.Var.GLOBAL);
                    }
                    var = standIn;
                } else {
                    builder.replaceVariable(var, integer, BtfType.Var.GLOBAL);
                }
                layout.add(new BtfType.SectionVar(var, 4 * layout.size(), 4));
            }
            builder.replaceDataSection(id, 4 * layout.size(), layout);
        }
        Set<Integer> hidden = new HashSet<>();
        for (FunctionSpec function : functions) {
            if (function.global() && function.hidden() && function.btfType() != 0 && hidden.add(function.btfType())) {
                builder.replaceFunctionLinkage(function.btfType(), BtfType.Func.STATIC);
            }
        }
        for (ExternSpec extern : externs) {
            if (extern.kind() == ExternSpec.Kind.KCONFIG && btf.type(extern.btfType()) instanceof BtfType.Var var) {
                builder.replaceVariable(var.id(), var.type(), BtfType.Var.GLOBAL);
            }
        }
        return builder.build();
    }
}
