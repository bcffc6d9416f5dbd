package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfExt;
import dev.sluice.btf.BtfKind;
import dev.sluice.btf.BtfType;
import dev.sluice.btf.CoreRelocation;
import dev.sluice.object.ElfFile.Relocation;
import dev.sluice.object.ElfFile.Section;
import dev.sluice.object.ElfFile.Symbol;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** From an ELF file to an {@link ObjectSpec}. For one thread, used once. */
final class ObjectReader {
    private static final int CALL = 0x85;
    private static final int LDDW = 0x18;
    private static final int PSEUDO_CALL = 1;
    private static final int PSEUDO_FUNC = 4;
    private static final int NAME_BYTES = 16;

    private final String name;
    private final ElfFile elf;
    private final List<String> warnings = new ArrayList<>();

    private @Nullable Btf btf;
    private BtfExt btfExt = BtfExt.EMPTY;
    private String license = "";
    private int kernelVersion;

    private final List<ExternSpec> externs = new ArrayList<>();
    private final Map<Integer, Integer> externBySymbol = new HashMap<>();
    private int kconfigSize;
    private int kconfigMap = -1;

    private final LegacyMaps legacyMaps = new LegacyMaps();
    private final List<MapSpec> maps = new ArrayList<>();
    /** Index of a defined map by {@link #place} of its definition. */
    private final Map<Long, Integer> mapByPlace = new HashMap<>();
    /** Index of a map of global variables by the index of its section. */
    private final Map<Integer, Integer> mapBySection = new HashMap<>();
    /** Offsets within a section of global variables that hold addresses, which nobody fills in. */
    private final Map<Integer, NavigableMap<Integer, String>> addressesInData = new HashMap<>();

    /** Functions by section and offset. */
    private final Map<Integer, NavigableMap<Integer, Draft>> drafts = new TreeMap<>();

    /** A function while its parts are collected. */
    private static final class Draft {
        final @Nullable Symbol symbol;
        final Section section;
        final int offset;
        final String name;
        final byte[] insns;
        final NavigableMap<Integer, FunctionSpec.CodeReference> references = new TreeMap<>();
        /** Whether another function calls it or takes its address. */
        boolean used;

        int index;

        Draft(@Nullable Symbol symbol, String name, Section section, int offset, byte[] insns) {
            this.symbol = symbol;
            this.section = section;
            this.offset = offset;
            this.name = name;
            this.insns = insns;
        }

        boolean isGlobal() {
            return symbol == null || symbol.isGlobal();
        }

        int slots() {
            return insns.length / 8;
        }
    }

    private ObjectReader(String name, byte[] bytes) {
        this.name = name;
        this.elf = ElfFile.parse(bytes);
    }

    static ObjectSpec read(String fileName, byte[] bytes) {
        try {
            return new ObjectReader(objectName(fileName), bytes.clone()).read();
        } catch (ObjectException e) {
            throw new ObjectException(fileName + ": " + e.getMessage());
        } catch (BtfException e) {
            throw new ObjectException(fileName + ": " + e.getMessage());
        }
    }

    private ObjectSpec read() {
        readSmallSections();
        readTypes();
        readExterns();
        layOutDataSections();
        readMaps();
        findFunctions();
        findReferences();
        List<FunctionSpec> functions = functions();
        List<ProgramSpec> programs = programs();
        fillMaps(programs);
        return new ObjectSpec(
                name,
                programs,
                functions,
                List.copyOf(maps),
                List.copyOf(externs),
                btf,
                license,
                kernelVersion,
                elf.sections().stream().map(Section::name).toList(),
                List.copyOf(warnings));
    }

    /** The file's name without folders, up to its first dot, as libbpf cuts it. */
    static String objectName(String fileName) {
        String base = fileName.substring(fileName.lastIndexOf('/') + 1);
        String cut = base.length() >= NAME_BYTES ? base.substring(0, NAME_BYTES - 1) : base;
        int dot = cut.indexOf('.');
        return dot < 0 ? cut : cut.substring(0, dot);
    }

    // ---- license, version, types

    private void readSmallSections() {
        for (Section section : elf.sections()) {
            if (section.type() == ElfFile.SHT_NOBITS || section.size() == 0) {
                continue;
            }
            if (section.name().equals("license")) {
                license = text(elf.contents(section));
            } else if (section.name().equals("version") && section.size() == 4) {
                kernelVersion = Blob.i32(elf.contents(section), 0);
            }
        }
    }

    private static String text(byte[] bytes) {
        int end = 0;
        // the kernel's own limit is 128 bytes
        while (end < Math.min(bytes.length, 128) && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }

    private @Nullable Section sectionNamed(String sectionName) {
        for (Section section : elf.sections()) {
            if (section.name().equals(sectionName) && section.type() != ElfFile.SHT_NOBITS && section.size() > 0) {
                return section;
            }
        }
        return null;
    }

    private void readTypes() {
        Section types = sectionNamed(".BTF");
        if (types == null) {
            return;
        }
        try {
            btf = Btf.parse(elf.contents(types));
        } catch (BtfException e) {
            // as libbpf does: old loaders' objects work without types; what needs them says so below
            warnings.add("section .BTF ignored: " + e.getMessage());
            return;
        }
        Section more = sectionNamed(".BTF.ext");
        if (more == null) {
            return;
        }
        try {
            btfExt = BtfExt.parse(elf.contents(more), btf);
        } catch (BtfException e) {
            warnings.add("section .BTF.ext ignored: " + e.getMessage());
        }
    }

    private Btf types(String forWhat) {
        if (btf == null) {
            throw new ObjectException(forWhat + " needs a section .BTF: expected an object compiled with -g, found "
                    + (warnings.isEmpty() ? "none" : warnings.getFirst()));
        }
        return btf;
    }

    // ---- what the object uses and does not define

    private void readExterns() {
        Map<String, Integer> declared = new HashMap<>();
        Map<Integer, String> sectionOf = new HashMap<>();
        if (btf != null) {
            for (int id = 1; id < btf.endId(); id++) {
                switch (btf.kindOf(id)) {
                    case VAR -> {
                        if (btf.type(id) instanceof BtfType.Var v && v.linkage() == BtfType.Var.EXTERN) {
                            declared.putIfAbsent(v.name(), id);
                        }
                    }
                    case FUNC -> {
                        if (btf.type(id) instanceof BtfType.Func f && f.linkage() == BtfType.Func.EXTERN) {
                            declared.putIfAbsent(f.name(), id);
                        }
                    }
                    case DATASEC -> {
                        for (BtfType.SectionVar var : ((BtfType.DataSec) btf.type(id)).vars()) {
                            sectionOf.putIfAbsent(var.var(), btf.nameOf(id));
                        }
                    }
                    default -> {}
                }
            }
        }
        for (Symbol symbol : elf.symbols()) {
            if (!symbol.isUndefined() || !symbol.isGlobal() || symbol.name().isEmpty()) {
                continue;
            }
            int type = declared.getOrDefault(symbol.name(), 0);
            ExternSpec.Kind kind = externKind(type, sectionOf.getOrDefault(type, ""));
            int size = kind == ExternSpec.Kind.KCONFIG ? types(".kconfig").sizeOf(type) : 0;
            externBySymbol.put(symbol.index(), externs.size());
            externs.add(new ExternSpec(symbol.name(), kind, symbol.isWeak(), type, 0, size));
        }
        layOutKconfig();
    }

    private ExternSpec.Kind externKind(int type, String section) {
        if (type == 0 || btf == null) {
            return ExternSpec.Kind.UNKNOWN;
        }
        boolean function = btf.kindOf(type) == BtfKind.FUNC;
        return switch (section) {
            case ".kconfig" -> function ? ExternSpec.Kind.UNKNOWN : ExternSpec.Kind.KCONFIG;
            case ".ksyms" -> {
                if (function) {
                    yield ExternSpec.Kind.KFUNC;
                }
                BtfType of = btf.resolve(((BtfType.Var) btf.type(type)).type());
                yield of.kind() == BtfKind.VOID ? ExternSpec.Kind.KSYM_TYPELESS : ExternSpec.Kind.KSYM_TYPED;
            }
            default -> ExternSpec.Kind.UNKNOWN;
        };
    }

    /** Greatest alignment first, then smallest size, then by name, as libbpf does. */
    private void layOutKconfig() {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < externs.size(); i++) {
            if (externs.get(i).kind() == ExternSpec.Kind.KCONFIG) {
                order.add(i);
            }
        }
        if (order.isEmpty()) {
            return;
        }
        Btf known = types(".kconfig");
        order.sort(Comparator.comparingInt(
                        (Integer i) -> -alignment(known, externs.get(i).btfType(), 8))
                .thenComparingInt(i -> externs.get(i).size())
                .thenComparing(i -> externs.get(i).name()));
        long offset = 0;
        for (int i : order) {
            ExternSpec extern = externs.get(i);
            int alignment = alignment(known, extern.btfType(), 8);
            offset = (offset + alignment - 1) / alignment * alignment;
            externs.set(
                    i,
                    new ExternSpec(
                            extern.name(),
                            extern.kind(),
                            extern.weak(),
                            extern.btfType(),
                            (int) offset,
                            extern.size()));
            offset += extern.size();
            if (offset > 1 << 20) {
                throw new ObjectException("section .kconfig is too large: expected at most 1 MB");
            }
        }
        kconfigSize = (int) offset;
    }

    /** Alignment of a type in bytes, at least 1. */
    private static int alignment(Btf btf, int id, int depth) {
        BtfType type = btf.type(id) instanceof BtfType.Var v ? btf.resolve(v.type()) : btf.resolve(id);
        if (depth == 0) {
            return 1;
        }
        return switch (type) {
            case BtfType.Int t -> Math.max(1, Math.min(8, Integer.highestOneBit(t.size())));
            case BtfType.Enum t -> Math.min(8, t.size());
            case BtfType.Float t -> Math.max(1, Math.min(8, Integer.highestOneBit(t.size())));
            case BtfType.Ptr t -> 8;
            case BtfType.Array t -> alignment(btf, t.element(), depth - 1);
            case BtfType.Composite t -> {
                int most = 1;
                for (BtfType.Member member : t.members()) {
                    most = Math.max(most, alignment(btf, member.type(), depth - 1));
                }
                yield most;
            }
            default -> 1;
        };
    }

    // ---- the layout of data sections, which compilers leave to the loader

    private void layOutDataSections() {
        if (btf == null) {
            return;
        }
        Btf known = btf;
        Map<String, Map<String, Symbol>> symbols = new HashMap<>();
        for (Symbol symbol : elf.symbols()) {
            if (symbol.isGlobal()
                    && symbol.section() > 0
                    && symbol.section() < elf.sections().size()) {
                symbols.computeIfAbsent(elf.sections().get(symbol.section()).name(), n -> new HashMap<>())
                        .putIfAbsent(symbol.name(), symbol);
            }
        }
        BtfBuilder builder = null;
        for (int id = 1; id < known.endId(); id++) {
            if (known.kindOf(id) != BtfKind.DATASEC) {
                continue;
            }
            BtfType.DataSec section = (BtfType.DataSec) known.type(id);
            int size = section.size();
            List<BtfType.SectionVar> layout;
            if (section.name().equals(".kconfig")) {
                size = kconfigSize;
                layout = kconfigLayout(section);
            } else {
                for (Section candidate : elf.sections()) {
                    if (candidate.name().equals(section.name()) && candidate.size() > 0) {
                        size = candidate.size();
                        break;
                    }
                }
                layout = layout(section, symbols.getOrDefault(section.name(), Map.of()));
            }
            if (size != section.size() || !layout.equals(section.vars())) {
                if (builder == null) {
                    builder = BtfBuilder.from(known);
                }
                builder.replaceDataSection(id, size, layout);
            }
        }
        if (builder != null) {
            btf = builder.build();
        }
    }

    private List<BtfType.SectionVar> layout(BtfType.DataSec section, Map<String, Symbol> symbols) {
        List<BtfType.SectionVar> layout = new ArrayList<>();
        for (BtfType.SectionVar place : section.vars()) {
            int offset = place.offset();
            if (btf != null
                    && btf.type(place.var()) instanceof BtfType.Var var
                    && var.linkage() != BtfType.Var.STATIC
                    && symbols.get(var.name()) instanceof Symbol symbol
                    && symbol.value() >= 0
                    && symbol.value() <= Integer.MAX_VALUE) {
                offset = (int) symbol.value();
            }
            layout.add(new BtfType.SectionVar(place.var(), offset, place.size()));
        }
        layout.sort(Comparator.comparingInt(BtfType.SectionVar::offset));
        return layout;
    }

    private List<BtfType.SectionVar> kconfigLayout(BtfType.DataSec section) {
        List<BtfType.SectionVar> layout = new ArrayList<>();
        for (BtfType.SectionVar place : section.vars()) {
            int offset = place.offset();
            for (ExternSpec extern : externs) {
                if (extern.btfType() == place.var() && extern.kind() == ExternSpec.Kind.KCONFIG) {
                    offset = extern.offset();
                }
            }
            layout.add(new BtfType.SectionVar(place.var(), offset, place.size()));
        }
        layout.sort(Comparator.comparingInt(BtfType.SectionVar::offset));
        return layout;
    }

    // ---- maps

    private static long place(int section, long offset) {
        return (long) section << 32 | offset & 0xffff_ffffL;
    }

    private void readMaps() {
        Map<Integer, List<Relocation>> relocations = relocationsByTarget();
        for (Section section : elf.sections()) {
            if (section.type() == ElfFile.SHT_PROGBITS && section.size() > 0 && LegacyMaps.isSection(section.name())) {
                legacyMaps
                        .read(elf, section, relocations.getOrDefault(section.index(), List.of()))
                        .forEach((offset, map) -> addMap(section, offset, map));
            }
        }
        for (Section section : elf.sections()) {
            if (section.name().equals(".maps") && section.type() == ElfFile.SHT_PROGBITS && section.size() > 0) {
                BtfMaps.read(types("section .maps")).forEach((offset, map) -> addMap(section, offset, map));
            }
        }
        Set<String> names = new HashSet<>();
        for (MapSpec map : maps) {
            if (!names.add(map.name())) {
                throw new ObjectException("two maps have the same name: name=" + map.name());
            }
        }
        for (Section section : elf.sections()) {
            MapSpec.Kind kind = dataKind(section);
            if (kind != null) {
                mapBySection.put(section.index(), maps.size());
                maps.add(dataMap(section, kind));
                noteAddresses(section, relocations.getOrDefault(section.index(), List.of()));
            }
        }
        if (kconfigSize > 0) {
            kconfigMap = maps.size();
            maps.add(kconfigMap());
        }
    }

    private void addMap(Section section, int offset, MapSpec map) {
        mapByPlace.put(place(section.index(), offset), maps.size());
        maps.add(map);
    }

    private Map<Integer, List<Relocation>> relocationsByTarget() {
        Map<Integer, List<Relocation>> found = new HashMap<>();
        for (Section section : elf.sections()) {
            if (section.type() == ElfFile.SHT_REL || section.type() == ElfFile.SHT_RELA) {
                Section target = elf.sectionAt(section.info(), "section " + section.name());
                if (target.isCode()
                        || dataKind(target) != null
                        || target.name().equals(".maps")
                        || LegacyMaps.isSection(target.name())) {
                    found.computeIfAbsent(target.index(), i -> new ArrayList<>())
                            .addAll(elf.relocations(section));
                }
            }
        }
        return found;
    }

    private static MapSpec.@Nullable Kind dataKind(Section section) {
        String sectionName = section.name();
        if (section.size() == 0) {
            return null;
        }
        if (section.type() == ElfFile.SHT_PROGBITS && !section.isCode()) {
            if (sectionName.equals(".data") || sectionName.startsWith(".data.")) {
                return MapSpec.Kind.DATA;
            }
            if (sectionName.equals(".rodata") || sectionName.startsWith(".rodata.")) {
                return MapSpec.Kind.RODATA;
            }
        }
        if (section.type() == ElfFile.SHT_NOBITS && (sectionName.equals(".bss") || sectionName.startsWith(".bss."))) {
            return MapSpec.Kind.BSS;
        }
        return null;
    }

    /**
     * libbpf's name of a map of global variables: of the object's name as much as fits before the section's, which gets at
     * least seven characters; sections with a name of their own stand alone; at most 15 characters.
     */
    static String internalMapName(String objectName, String sectionName) {
        int suffix = Math.min(NAME_BYTES - 1, Math.max(7, sectionName.length()));
        boolean custom = sectionName.indexOf('.', 1) >= 0;
        int prefix = custom ? 0 : Math.min(NAME_BYTES - suffix - 1, objectName.length());
        String joined =
                objectName.substring(0, prefix) + sectionName.substring(0, Math.min(suffix, sectionName.length()));
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < joined.length(); i++) {
            char c = joined.charAt(i);
            boolean allowed =
                    c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.';
            plain.append(allowed ? c : '_');
        }
        return plain.toString();
    }

    private MapSpec dataMap(Section section, MapSpec.Kind kind) {
        int dataSec = btf == null ? 0 : btf.find(BtfKind.DATASEC, section.name());
        boolean frozen = kind == MapSpec.Kind.RODATA;
        int flags = (frozen ? MapSpec.FLAG_RDONLY_PROG : 0) | (hasSharedVariable(dataSec) ? MapSpec.FLAG_MMAPABLE : 0);
        return internalMap(
                section.name(),
                kind,
                section.size(),
                flags,
                dataSec,
                kind == MapSpec.Kind.BSS ? null : Blob.of(elf.contents(section)),
                frozen,
                variables(section, dataSec));
    }

    private MapSpec kconfigMap() {
        Btf known = types(".kconfig");
        int dataSec = known.find(BtfKind.DATASEC, ".kconfig");
        List<Variable> variables = new ArrayList<>();
        for (ExternSpec extern : externs) {
            if (extern.kind() == ExternSpec.Kind.KCONFIG) {
                int type = ((BtfType.Var) known.type(extern.btfType())).type();
                variables.add(new Variable(extern.name(), extern.offset(), extern.size(), type));
            }
        }
        variables.sort(Comparator.comparingInt(Variable::offset));
        return internalMap(
                ".kconfig",
                MapSpec.Kind.KCONFIG,
                kconfigSize,
                MapSpec.FLAG_RDONLY_PROG | MapSpec.FLAG_MMAPABLE,
                dataSec,
                Kconfig.DEFAULT.contents(known, externs, kconfigSize),
                true,
                variables);
    }

    private MapSpec internalMap(
            String section,
            MapSpec.Kind kind,
            int size,
            int flags,
            int dataSec,
            @Nullable Blob contents,
            boolean frozen,
            List<Variable> variables) {
        return new MapSpec(
                internalMapName(name, section),
                section,
                kind,
                MapSpec.TYPE_ARRAY,
                4,
                size,
                1,
                flags,
                0,
                0,
                MapSpec.Pinning.NONE,
                "",
                0,
                dataSec,
                null,
                List.of(),
                contents,
                frozen,
                variables);
    }

    private boolean hasSharedVariable(int dataSec) {
        if (btf == null || dataSec == 0) {
            return false;
        }
        for (BtfType.SectionVar place : ((BtfType.DataSec) btf.type(dataSec)).vars()) {
            if (btf.type(place.var()) instanceof BtfType.Var var && var.linkage() != BtfType.Var.STATIC) {
                return true;
            }
        }
        return false;
    }

    private List<Variable> variables(Section section, int dataSec) {
        List<Variable> found = new ArrayList<>();
        if (btf != null && dataSec != 0) {
            for (BtfType.SectionVar place : ((BtfType.DataSec) btf.type(dataSec)).vars()) {
                if (btf.type(place.var()) instanceof BtfType.Var var
                        && place.offset() >= 0
                        && place.size() <= section.size() - place.offset()) {
                    found.add(new Variable(var.name(), place.offset(), place.size(), var.type()));
                }
            }
        } else {
            for (Symbol symbol : elf.symbols()) {
                if (symbol.section() == section.index()
                        && symbol.type() == ElfFile.STT_OBJECT
                        && symbol.value() >= 0
                        && symbol.value() <= section.size()
                        && symbol.size() > 0
                        && symbol.size() <= section.size() - symbol.value()) {
                    found.add(new Variable(symbol.name(), (int) symbol.value(), (int) symbol.size(), 0));
                }
            }
            found.sort(Comparator.comparingInt(Variable::offset).thenComparing(Variable::name));
        }
        return List.copyOf(found);
    }

    private void noteAddresses(Section section, List<Relocation> relocations) {
        for (Relocation relocation : relocations) {
            if (relocation.offset() >= 0 && relocation.offset() < section.size()) {
                addressesInData
                        .computeIfAbsent(section.index(), i -> new TreeMap<>())
                        .put((int) relocation.offset(), symbolName(relocation.symbol()));
            }
        }
    }

    private String symbolName(Symbol symbol) {
        if (symbol.isSection() && symbol.section() < elf.sections().size()) {
            return elf.sections().get(symbol.section()).name();
        }
        return symbol.name();
    }

    /** Relocations in {@code .maps}: inner maps and programs that slots start with. */
    private void fillMaps(List<ProgramSpec> programs) {
        Map<Integer, List<Relocation>> relocations = relocationsByTarget();
        Map<Integer, List<MapSpec.Entry>> entries = new HashMap<>();
        for (Section section : elf.sections()) {
            if (!section.name().equals(".maps")) {
                continue;
            }
            NavigableMap<Long, Integer> byOffset = new TreeMap<>();
            mapByPlace.forEach((place, map) -> {
                if (place >>> 32 == section.index()) {
                    byOffset.put(place & 0xffff_ffffL, map);
                }
            });
            byte[] contents = section.type() == ElfFile.SHT_NOBITS ? new byte[0] : elf.contents(section);
            for (Relocation relocation : relocations.getOrDefault(section.index(), List.of())) {
                Map.Entry<Long, Integer> at = byOffset.floorEntry(relocation.offset());
                if (at == null) {
                    throw new ObjectException(
                            "section .maps: relocation outside of all maps: offset=" + relocation.offset());
                }
                MapSpec map = maps.get(at.getValue());
                long within =
                        relocation.offset() - at.getKey() - BtfMaps.valuesOffset(types("section .maps"), map.name());
                if (within < 0 || within % 8 != 0 || within / 8 > Integer.MAX_VALUE) {
                    throw new ObjectException(
                            "map " + map.name() + ": relocation outside of its values: offset=" + relocation.offset());
                }
                String target = target(map, relocation, contents, programs);
                entries.computeIfAbsent(at.getValue(), i -> new ArrayList<>())
                        .add(new MapSpec.Entry((int) (within / 8), target, map.type() == MapSpec.TYPE_PROG_ARRAY));
            }
        }
        entries.forEach((map, list) -> {
            list.sort(Comparator.comparingInt(MapSpec.Entry::key));
            maps.set(
                    map,
                    maps.get(map).withEntries(List.copyOf(list), maps.get(map).inner()));
        });
        legacyMaps.connect(maps, programs);
    }

    private String target(MapSpec map, Relocation relocation, byte[] contents, List<ProgramSpec> programs) {
        Symbol symbol = relocation.symbol();
        long addend = 0;
        if (relocation.addend() != null) {
            addend = relocation.addend();
        } else if (relocation.offset() >= 0 && relocation.offset() + 8 <= contents.length) {
            addend = Blob.i64(contents, (int) relocation.offset());
        }
        if (map.isMapInMap()) {
            Integer inner = mapByPlace.get(place(symbol.section(), symbol.value() + addend));
            if (inner == null) {
                throw new ObjectException(
                        "map " + map.name() + ": expected a map as a value, found " + symbolName(symbol));
            }
            return maps.get(inner).name();
        }
        if (map.type() == MapSpec.TYPE_PROG_ARRAY) {
            Draft function = draftAt(symbol.section(), symbol.value() + addend);
            if (function != null) {
                for (ProgramSpec program : programs) {
                    if (program.function() == function.index) {
                        return program.name();
                    }
                }
            }
            throw new ObjectException(
                    "map " + map.name() + ": expected a program as a value, found " + symbolName(symbol));
        }
        throw new ObjectException(
                "map " + map.name() + ": has values to start with: expected an array or hash of maps, or a"
                        + " program array, found type=" + map.typeName());
    }

    // ---- functions

    private void findFunctions() {
        boolean anyCode = false;
        for (Section section : elf.sections()) {
            if (!section.isCode()) {
                continue;
            }
            anyCode = true;
            if (section.size() % 8 != 0) {
                throw new ObjectException("section " + section.name()
                        + ": expected whole instructions of 8 bytes, found size=" + section.size());
            }
            drafts.put(section.index(), functionsOf(section, elf.contents(section)));
        }
        if (!anyCode) {
            throw new ObjectException(
                    "no programs: expected a section with instructions, found sections " + sectionNames());
        }
        int index = 0;
        for (NavigableMap<Integer, Draft> section : drafts.values()) {
            for (Draft draft : section.values()) {
                draft.index = index++;
            }
        }
    }

    private List<String> sectionNames() {
        return elf.sections().stream()
                .map(Section::name)
                .filter(n -> !n.isEmpty() && !n.startsWith(".debug") && !n.startsWith(".rel"))
                .toList();
    }

    private NavigableMap<Integer, Draft> functionsOf(Section section, byte[] code) {
        List<Symbol> typed = new ArrayList<>();
        List<Symbol> untyped = new ArrayList<>();
        for (Symbol symbol : elf.symbols()) {
            if (symbol.section() != section.index() || symbol.name().isEmpty()) {
                continue;
            }
            if (symbol.type() == ElfFile.STT_FUNC) {
                typed.add(symbol);
            } else if (symbol.type() == ElfFile.STT_NOTYPE) {
                untyped.add(symbol);
            }
        }
        NavigableMap<Integer, Draft> found = new TreeMap<>();
        if (!typed.isEmpty()) {
            NavigableMap<Integer, Symbol> starts = new TreeMap<>();
            typed.forEach(symbol -> starts.merge(start(section, symbol), symbol, ObjectReader::preferred));
            starts.forEach((start, symbol) -> {
                Integer next = starts.higherKey(start);
                long end = symbol.size() == 0 ? (next == null ? code.length : next) : start + symbol.size();
                if (symbol.size() < 0 || end > code.length || end % 8 != 0) {
                    throw new ObjectException("section " + section.name()
                            + ": function crosses the end of the section: name=" + symbol.name() + " offset=" + start
                            + " size=" + Long.toUnsignedString(symbol.size()));
                }
                found.put(start, new Draft(symbol, symbol.name(), section, start, Arrays.copyOfRange(code, start, (int)
                        end)));
            });
            return found;
        }
        // Objects of old compilers: symbols have no type and no size, and labels within functions are symbols too. A
        // function starts at a global symbol, at the target of a call, and at the start of the section.
        NavigableMap<Integer, Symbol> starts = new TreeMap<>();
        Set<Integer> targets = localCallTargets(code);
        for (Symbol symbol : untyped) {
            if (symbol.isGlobal()
                    || (symbol.value() >= 0
                            && symbol.value() < code.length
                            && targets.contains((int) symbol.value()))) {
                starts.merge(start(section, symbol), symbol, ObjectReader::preferred);
            }
        }
        NavigableMap<Integer, String> names = new TreeMap<>();
        starts.forEach((start, symbol) -> names.put(start, symbol.name()));
        names.putIfAbsent(0, section.name());
        names.forEach((start, functionName) -> {
            Integer next = names.higherKey(start);
            found.put(
                    start,
                    new Draft(
                            starts.get(start),
                            functionName,
                            section,
                            start,
                            Arrays.copyOfRange(code, start, next == null ? code.length : next)));
        });
        return found;
    }

    /** Of two names of the same function, the global one counts, then the first in the symbol table. */
    private static Symbol preferred(Symbol first, Symbol second) {
        return !first.isGlobal() && second.isGlobal() ? second : first;
    }

    private static int start(Section section, Symbol symbol) {
        if (symbol.value() < 0 || symbol.value() >= section.size() || symbol.value() % 8 != 0) {
            throw new ObjectException("section " + section.name() + ": function does not start at an instruction: name="
                    + symbol.name() + " offset=" + Long.toUnsignedString(symbol.value()));
        }
        return (int) symbol.value();
    }

    private static Set<Integer> localCallTargets(byte[] code) {
        Set<Integer> targets = new HashSet<>();
        for (int at = 0; at + 8 <= code.length; at += 8) {
            if (isLocalCall(code, at)) {
                long target = at + 8 * (Blob.i32(code, at + 4) + 1L);
                if (target >= 0 && target < code.length) {
                    targets.add((int) target);
                }
            }
        }
        return targets;
    }

    private static boolean isLocalCall(byte[] code, int at) {
        return (code[at] & 0xff) == CALL && (code[at + 1] >>> 4 & 0xf) == PSEUDO_CALL;
    }

    private @Nullable Draft draftAt(int section, long offset) {
        NavigableMap<Integer, Draft> inSection = drafts.get(section);
        return inSection == null || offset < 0 || offset > Integer.MAX_VALUE ? null : inSection.get((int) offset);
    }

    private @Nullable Draft draftAround(int section, long offset) {
        NavigableMap<Integer, Draft> inSection = drafts.get(section);
        if (inSection == null || offset < 0 || offset > Integer.MAX_VALUE) {
            return null;
        }
        Map.Entry<Integer, Draft> entry = inSection.floorEntry((int) offset);
        return entry == null || offset >= entry.getKey() + entry.getValue().insns.length ? null : entry.getValue();
    }

    private void findReferences() {
        Map<Integer, List<Relocation>> relocations = relocationsByTarget();
        drafts.forEach((sectionIndex, functions) -> {
            for (Relocation relocation : relocations.getOrDefault(sectionIndex, List.of())) {
                Draft draft = draftAround(sectionIndex, relocation.offset());
                if (draft == null) {
                    // between functions: nothing that could run
                    continue;
                }
                int slot = (int) ((relocation.offset() - draft.offset) / 8);
                if (relocation.offset() % 8 != 0) {
                    throw new ObjectException("section " + draft.section.name()
                            + ": relocation is not at the start of an instruction: offset=" + relocation.offset());
                }
                draft.references.put(slot, reference(draft, slot, relocation));
            }
            functions.values().forEach(this::findLocalCalls);
        });
    }

    private FunctionSpec.CodeReference reference(Draft draft, int slot, Relocation relocation) {
        int at = slot * 8;
        int code = draft.insns[at] & 0xff;
        Symbol symbol = relocation.symbol();
        boolean call = code == CALL;
        boolean load = code == LDDW && slot + 1 < draft.slots();
        if (!call && !load) {
            return broken(
                    slot,
                    "relocation of an instruction that is neither a call nor a 64-bit load: opcode=0x"
                            + Integer.toHexString(code) + " symbol=" + symbolName(symbol));
        }
        if (symbol.isUndefined()) {
            Integer extern = externBySymbol.get(symbol.index());
            if (extern == null) {
                return broken(slot, "refers to no symbol");
            }
            if (externs.get(extern).kind() == ExternSpec.Kind.KCONFIG) {
                return call
                        ? broken(slot, "calls a variable: name=" + symbol.name())
                        : new FunctionSpec.CodeReference.ToValue(
                                slot, kconfigMap, externs.get(extern).offset() + Blob.i32(draft.insns, at + 4));
            }
            return new FunctionSpec.CodeReference.ToExtern(slot, extern);
        }
        int imm = relocation.addend() == null
                ? Blob.i32(draft.insns, at + 4)
                : call ? (int) (relocation.addend() / 8 - 1) : (int) (long) relocation.addend();
        if (call) {
            if ((draft.insns[at + 1] >>> 4 & 0xf) != PSEUDO_CALL) {
                return broken(slot, "relocation of a call of a helper: symbol=" + symbolName(symbol));
            }
            return toFunction(slot, symbol, symbol.value() + 8 * (imm + 1L), false);
        }
        if (drafts.containsKey(symbol.section())) {
            return toFunction(slot, symbol, symbol.value() + imm, true);
        }
        Integer map = mapByPlace.get(place(symbol.section(), symbol.value() + imm));
        if (map != null) {
            return new FunctionSpec.CodeReference.ToMap(slot, map);
        }
        Integer data = mapBySection.get(symbol.section());
        if (data != null) {
            return toData(slot, symbol, data, symbol.value() + imm);
        }
        return broken(
                slot,
                "refers to something that is no map, variable or function: symbol=" + symbolName(symbol)
                        + " section="
                        + (symbol.section() < elf.sections().size()
                                ? elf.sections().get(symbol.section()).name()
                                : Integer.toString(symbol.section())));
    }

    private FunctionSpec.CodeReference toData(int slot, Symbol symbol, int map, long offset) {
        if (offset < Integer.MIN_VALUE || offset > Integer.MAX_VALUE) {
            return broken(
                    slot,
                    "refers to a place outside of section " + maps.get(map).section() + ": offset=" + offset);
        }
        NavigableMap<Integer, String> addresses = addressesInData.get(symbol.section());
        if (addresses != null) {
            int from = (int) offset;
            int to = from;
            for (Variable variable : maps.get(map).variables()) {
                if (offset >= variable.offset() && offset < variable.offset() + (long) variable.size()) {
                    from = variable.offset();
                    to = variable.offset() + variable.size() - 1;
                }
            }
            Map.Entry<Integer, String> address = addresses.ceilingEntry(from);
            if (address != null && address.getKey() <= to) {
                return broken(
                        slot,
                        "uses a variable that holds the address of something, which loaders do not fill in: section="
                                + maps.get(map).section() + " offset=" + address.getKey() + " symbol="
                                + address.getValue());
            }
        }
        return new FunctionSpec.CodeReference.ToValue(slot, map, (int) offset);
    }

    private FunctionSpec.CodeReference toFunction(int slot, Symbol symbol, long offset, boolean address) {
        Draft target = draftAt(symbol.section(), offset);
        if (target == null) {
            return broken(slot, "no function there: symbol=" + symbolName(symbol) + " offset=" + offset);
        }
        target.used = true;
        return address
                ? new FunctionSpec.CodeReference.FunctionAddress(slot, symbol.section(), (int) offset)
                : new FunctionSpec.CodeReference.Call(slot, symbol.section(), (int) offset);
    }

    private static FunctionSpec.CodeReference broken(int slot, String message) {
        return new FunctionSpec.CodeReference.Broken(slot, message);
    }

    /** Calls within a section need no relocation: imm counts slots from the next one, as in a finished program. */
    private void findLocalCalls(Draft draft) {
        for (int slot = 0; slot < draft.slots(); slot++) {
            int at = slot * 8;
            int code = draft.insns[at] & 0xff;
            boolean call = isLocalCall(draft.insns, at);
            boolean address =
                    code == LDDW && (draft.insns[at + 1] >>> 4 & 0xf) == PSEUDO_FUNC && slot + 1 < draft.slots();
            if ((call || address) && !draft.references.containsKey(slot)) {
                long offset = draft.offset + 8 * (slot + 1L + Blob.i32(draft.insns, at + 4));
                Draft target = draftAt(draft.section.index(), offset);
                if (target != null) {
                    target.used |= target != draft;
                    draft.references.put(
                            slot,
                            call
                                    ? new FunctionSpec.CodeReference.Call(slot, draft.section.index(), (int) offset)
                                    : new FunctionSpec.CodeReference.FunctionAddress(
                                            slot, draft.section.index(), (int) offset));
                } else if (draftAround(draft.section.index(), offset) != draft) {
                    draft.references.put(
                            slot,
                            broken(
                                    slot,
                                    "calls a place where no function starts: section=" + draft.section.name()
                                            + " offset=" + offset));
                }
            }
            if (code == LDDW) {
                slot++;
            }
        }
    }

    private List<FunctionSpec> functions() {
        List<FunctionSpec> functions = new ArrayList<>();
        drafts.forEach((index, inSection) -> {
            Section section = elf.sections().get(index);
            NavigableMap<Integer, Integer> types = new TreeMap<>();
            for (BtfExt.FuncInfo info : btfExt.functions().getOrDefault(section.name(), List.of())) {
                types.put(info.offset(), info.type());
            }
            NavigableMap<Integer, BtfExt.LineInfo> lines = new TreeMap<>();
            for (BtfExt.LineInfo line : btfExt.lines().getOrDefault(section.name(), List.of())) {
                lines.put(line.offset(), line);
            }
            NavigableMap<Integer, List<CoreRelocation>> relocations = new TreeMap<>();
            for (CoreRelocation relocation : btfExt.relocations().getOrDefault(section.name(), List.of())) {
                relocations
                        .computeIfAbsent(relocation.offset(), o -> new ArrayList<>())
                        .add(relocation);
            }
            for (Draft draft : inSection.values()) {
                functions.add(function(draft, types, lines, relocations));
            }
        });
        return List.copyOf(functions);
    }

    private FunctionSpec function(
            Draft draft,
            NavigableMap<Integer, Integer> types,
            NavigableMap<Integer, BtfExt.LineInfo> lines,
            NavigableMap<Integer, List<CoreRelocation>> relocations) {
        int from = draft.offset;
        int to = from + draft.insns.length;
        int type = types.getOrDefault(from, 0);
        if (type != 0 && (btf == null || btf.kindOf(type) != BtfKind.FUNC)) {
            warnings.add("function info ignored: expected a function, found type=" + type);
            type = 0;
        }
        List<CoreRelocation> core = new ArrayList<>();
        relocations
                .subMap(from, to)
                .values()
                .forEach(list -> list.forEach(
                        r -> core.add(new CoreRelocation(r.offset() - from, r.type(), r.access(), r.kind()))));
        return new FunctionSpec(
                draft.name,
                draft.section.name(),
                draft.section.index(),
                from,
                Blob.of(draft.insns),
                draft.isGlobal(),
                draft.symbol != null && draft.symbol.isWeak(),
                draft.symbol != null && draft.symbol.visibility() != 0 && draft.symbol.visibility() != 3,
                type,
                List.copyOf(draft.references.values()),
                lines.subMap(from, to).values().stream()
                        .map(line -> line.at(line.offset() - from))
                        .toList(),
                List.copyOf(core));
    }

    /**
     * Which functions are programs. Global ones outside of {@code .text} are. A static one is where nobody calls it (old
     * objects have static programs for tail calls). Functions in {@code .text} are only where there is nothing else.
     */
    private List<ProgramSpec> programs() {
        List<ProgramSpec> programs = new ArrayList<>();
        List<ProgramSpec> inText = new ArrayList<>();
        for (NavigableMap<Integer, Draft> section : drafts.values()) {
            for (Draft draft : section.values()) {
                String sectionName = draft.section.name();
                ProgramSpec program =
                        new ProgramSpec(draft.name, sectionName, SectionName.parse(sectionName), draft.index);
                if (sectionName.equals(".text")) {
                    if (!draft.used) {
                        inText.add(program);
                    }
                } else if (draft.isGlobal() || !draft.used) {
                    programs.add(program);
                }
            }
        }
        return List.copyOf(programs.isEmpty() ? inText : programs);
    }
}
