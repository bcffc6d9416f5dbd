package dev.sluice.verifier;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfType;
import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.ValueFields;
import dev.sluice.object.FunctionSpec;
import dev.sluice.object.LinkedProgram;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.Reference;
import dev.sluice.program.SourceLine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Makes {@link Subject}s of the programs of object files, as a loader would give them to the kernel. */
public final class Subjects {
    private Subjects() {}

    /**
     * A program of an object.
     *
     * @param program one of the object's programs
     * @param target types of the kernel, for CO-RE relocations; null for the built-in ones
     * @throws ObjectException if it cannot be linked
     */
    public static Subject of(ObjectSpec object, ProgramSpec program, Btf target) {
        List<KnownMap> maps = new ArrayList<>();
        for (MapSpec map : object.maps()) {
            maps.add(known(map, object.btf()));
        }
        return of(object, object.link(program.asXdp(), target), maps);
    }

    /**
     * A program that has been linked.
     *
     * @param maps of the object, in its order, as they were made
     */
    public static Subject of(ObjectSpec object, LinkedProgram linked, List<KnownMap> maps) {
        byte[] insns = linked.insns().bytes();
        ByteBuffer words = ByteBuffer.wrap(insns).order(ByteOrder.LITTLE_ENDIAN);
        for (Reference reference : linked.references()) {
            switch (reference) {
                case Reference.ToMap map -> words.putInt(8 * map.slot() + 4, map.map());
                case Reference.ToValue value -> words.putInt(8 * value.slot() + 4, value.map());
                case Reference.Kfunc kfunc -> resolve(words, kfunc);
                case Reference.Ksym ksym -> {
                    Kfunc function = Kfunc.of(ksym.name());
                    boolean exists = function != null && function.isImplemented();
                    if (exists || ksym.weak()) {
                        // as the loader has it: a number that says whether it exists
                        words.put(8 * ksym.slot() + 1, (byte) (insns[8 * ksym.slot() + 1] & 0x0f));
                        words.putInt(8 * ksym.slot() + 4, exists ? function.number() : 0);
                    }
                }
            }
        }
        strayMaps(words, linked.references());
        Btf btf = usable(object.btf());
        List<Subject.Function> functions = new ArrayList<>();
        if (btf != null && !linked.functionInfo().isEmpty()) {
            Set<Integer> globals = globals(object, btf);
            linked.functions()
                    .forEach(f -> functions.add(
                            new Subject.Function(name(f, btf), f.start(), globals.contains(f.btfType()), f.btfType())));
        }
        List<SourceLine> lines = new ArrayList<>();
        if (btf != null) {
            linked.lines()
                    .forEach(line -> lines.add(new SourceLine(
                            line.slot(),
                            btf.string(line.fileNameOffset()),
                            btf.string(line.textOffset()).strip(),
                            line.line(),
                            line.column())));
        }
        return new Subject(
                linked.name(),
                insns,
                maps,
                object.isGplCompatible(),
                linked.spec().type().attach(),
                false,
                functions,
                btf,
                lines);
    }

    /**
     * Bare instructions, without maps.
     *
     * @param kernel types by whose ids they name functions of the kernel; null where they name none
     */
    public static Subject raw(byte[] insns, Btf kernel) {
        byte[] changed = insns.clone();
        ByteBuffer words = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at + 8 <= changed.length; at += 8) {
            boolean wide = changed[at] == Opcode.LDDW.code();
            if ((changed[at] & 0xff) == Opcode.CALL.code() && changed[at + 1] >> 4 == 2 && words.getInt(at + 4) != 0) {
                words.putInt(at + 4, number(words.getInt(at + 4), kernel));
            }
            at += wide ? 8 : 0;
        }
        return Subject.of(changed, List.of());
    }

    /** The number here of a function of the kernel, or what no function has. */
    private static int number(int id, Btf kernel) {
        boolean known = kernel != null && id > 0 && id < kernel.endId();
        int number = known && kernel.type(id) instanceof BtfType.Func function ? Kfunc.numberOf(function.name()) : 0;
        return number == 0 ? -1 : number;
    }

    /** By its type: a specialised copy of a function has its name. */
    private static String name(LinkedProgram.Function function, Btf btf) {
        return function.btfType() != 0 && btf.type(function.btfType()) instanceof BtfType.Func func
                ? func.name()
                : function.name();
    }

    /** Functions that are global by their types, as specialised copies of them are, unless libbpf makes them static. */
    private static Set<Integer> globals(ObjectSpec object, Btf btf) {
        Set<String> hidden = object.functions().stream()
                .filter(function -> function.global() && function.hidden())
                .map(FunctionSpec::name)
                .collect(Collectors.toSet());
        return object.functions().stream()
                .map(FunctionSpec::btfType)
                .filter(id -> id != 0
                        && btf.type(id) instanceof BtfType.Func func
                        && func.linkage() == BtfType.Func.GLOBAL
                        && !hidden.contains(func.name()))
                .collect(Collectors.toSet());
    }

    /** Descriptors that the object itself names are nobody's here, nor indices of our maps. */
    private static void strayMaps(ByteBuffer words, List<Reference> references) {
        Set<Integer> known = references.stream().map(Reference::slot).collect(Collectors.toSet());
        for (int slot = 0; 8 * slot < words.capacity(); slot++) {
            if (words.get(8 * slot) != Opcode.LDDW.code()) {
                continue;
            }
            Pseudo pseudo = Pseudo.of(words.get(8 * slot + 1) >> 4 & 0xf);
            if ((pseudo == Pseudo.MAP_FD || pseudo == Pseudo.MAP_VALUE) && !known.contains(slot)) {
                words.putInt(8 * slot + 4, words.getInt(8 * slot + 4) | Subject.STRAY);
            }
            slot++;
        }
    }

    /** A weak function that does not exist must not be called where a path leads. */
    private static void resolve(ByteBuffer words, Reference.Kfunc call) {
        int at = 8 * call.slot();
        int number = Kfunc.numberOf(call.name());
        if (number != 0) {
            words.putInt(at + 4, number);
        } else if (call.weak()) {
            words.put(at + 1, (byte) 0);
            words.putInt(at + 4, Kfunc.MISSING + call.extern());
        } else {
            throw new ObjectException(
                    "calls a function of the kernel that Linux 6.18 does not have, name=" + call.name());
        }
    }

    /** Types that the kernel takes, or null: loaders then go on without. */
    private static Btf usable(Btf btf) {
        return btf != null && ValueFields.acceptsTypes(btf) ? btf : null;
    }

    /** What maps inside of a map look like, or null: any map of that shape may be there, so that it has no name. */
    private static KnownMap inner(MapSpec map, Btf btf) {
        if (map.inner() == null) {
            return null;
        }
        KnownMap known = known(map.inner(), btf);
        MapDef def = known.def();
        MapDef nameless = new MapDef(
                "",
                def.type(),
                def.keySize(),
                def.valueSize(),
                def.maxEntries(),
                def.flags(),
                def.extra(),
                def.inner());
        return new KnownMap(nameless, known.frozen(), known.contents(), known.inner(), known.typed(), known.fields());
    }

    /** A map as its spec says that it will be made. */
    public static KnownMap known(MapSpec map, Btf btf) {
        MapType type = MapType.of(map.type());
        if (type == null) {
            throw new ObjectException("map " + map.name() + ": no such map type, type=" + map.type());
        }
        KnownMap inner = inner(map, btf);
        MapDef def = new MapDef(
                map.name(),
                type,
                map.keySize(),
                map.valueSize(),
                map.entriesOn(Runtime.getRuntime().availableProcessors()),
                map.flags(),
                map.extra(),
                inner == null ? null : inner.def());
        byte[] contents = null;
        if (map.frozen()) {
            contents = map.contents() == null
                    ? new byte[map.valueSize()]
                    : map.contents().bytes();
        }
        return known(map, btf, def, contents);
    }

    /**
     * A map as it was made.
     *
     * @param contents its only value when it is frozen, else null
     */
    public static KnownMap known(MapSpec map, Btf types, MapDef def, byte[] contents) {
        Btf btf = usable(types);
        KnownMap inner = inner(map, btf);
        ValueFields fields =
                btf == null || map.valueBtfType() == 0 ? ValueFields.NONE : ValueFields.of(btf, map.valueBtfType());
        // a map whose type refuses the fields is made without types
        boolean typed = btf != null && map.valueBtfType() != 0 && fields.fit(def);
        return new KnownMap(def, contents != null, contents, inner, typed, typed ? fields : ValueFields.NONE);
    }
}
