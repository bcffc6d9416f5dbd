package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfExt;
import dev.sluice.object.FunctionSpec.CodeReference;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Joins a program with the functions that it calls.
 *
 * <p>The order is libbpf's, since the tag depends on it: instructions are walked from the first; a function that is met
 * for the first time, called or its address taken, is appended to what is there, and its own instructions are walked
 * before the caller's walk goes on. For one thread, used once.
 */
final class Linker {
    private static final int LDDW = 0x18;
    private static final int PSEUDO_MAP_FD = 1;
    private static final int PSEUDO_MAP_VALUE = 2;
    private static final int PSEUDO_BTF_ID = 3;
    private static final int PSEUDO_FUNC = 4;
    private static final int PSEUDO_KFUNC_CALL = 2;
    /** The kernel's own limit for a program. */
    private static final int MOST_SLOTS = 1_000_000;
    /** Chains of functions that call each other; the kernel allows 8 frames. */
    private static final int MOST_DEPTH = 512;

    private final ObjectSpec object;
    private final ProgramSpec program;
    private final @Nullable Btf target;
    private final Map<Long, Integer> functionByPlace = new HashMap<>();

    private final ByteArrayOutputStream code = new ByteArrayOutputStream();
    private byte[] linked = new byte[0];
    private final Map<Integer, Integer> startOf = new HashMap<>();
    private final List<LinkedProgram.Function> functions = new ArrayList<>();
    /** Calls and addresses of functions, by the slot that has them, with the slot where the function starts. */
    private final TreeMap<Integer, Integer> jumps = new TreeMap<>();

    private final List<Reference> references = new ArrayList<>();
    private final List<BtfExt.FuncInfo> functionInfo = new ArrayList<>();
    private final List<BtfExt.LineInfo> lines = new ArrayList<>();
    private @Nullable CoreRelocator relocator;
    private boolean targetUsed;

    private Linker(ObjectSpec object, ProgramSpec program, @Nullable Btf target) {
        this.object = object;
        this.program = program;
        this.target = target;
        for (int i = 0; i < object.functions().size(); i++) {
            FunctionSpec function = object.functions().get(i);
            functionByPlace.put(place(function.sectionIndex(), function.offset()), i);
        }
    }

    static LinkedProgram link(ObjectSpec object, ProgramSpec program, @Nullable Btf target) {
        try {
            return new Linker(object, program, target).link();
        } catch (ObjectException e) {
            throw new ObjectException("program " + program.name() + ": " + e.getMessage());
        }
    }

    private static long place(int section, int offset) {
        return (long) section << 32 | offset;
    }

    private LinkedProgram link() {
        append(program.function(), 0);
        linked = code.toByteArray();
        jumps.forEach(this::writeJump);
        references.sort(Comparator.comparingInt(Reference::slot));
        boolean allKnown = functionInfo.size() == functions.size();
        return new LinkedProgram(
                program,
                Blob.of(linked),
                List.copyOf(functions),
                List.copyOf(references),
                allKnown ? List.copyOf(functionInfo) : List.of(),
                List.copyOf(lines),
                targetUsed);
    }

    /** Appends a function and all that it calls; returns its first slot. */
    private int append(int index, int depth) {
        Integer known = startOf.get(index);
        if (known != null) {
            return known;
        }
        FunctionSpec function = object.functions().get(index);
        int start = code.size() / 8;
        if (start + function.slots() > MOST_SLOTS) {
            throw new ObjectException("more than " + MOST_SLOTS + " instructions with all functions that it calls");
        }
        if (depth > MOST_DEPTH) {
            throw new ObjectException(
                    "calls nest deeper than " + MOST_DEPTH + " functions: function=" + function.name());
        }
        startOf.put(index, start);
        functions.add(new LinkedProgram.Function(
                function.name(), start, function.slots(), function.global() && !function.hidden(), function.btfType()));
        if (function.btfType() != 0) {
            functionInfo.add(new BtfExt.FuncInfo(8 * start, function.btfType()));
        }
        for (BtfExt.LineInfo line : function.lines()) {
            lines.add(line.at(8 * start + line.offset()));
        }
        byte[] insns = function.insns().bytes();
        relocateTypes(function, insns);
        for (CodeReference reference : function.references()) {
            relocate(function, reference, start, insns);
        }
        code.writeBytes(insns);
        for (CodeReference reference : function.references()) {
            switch (reference) {
                case CodeReference.Call call ->
                    jumps.put(start + call.slot(), appendAt(call.sectionIndex(), call.offset(), depth));
                case CodeReference.FunctionAddress address ->
                    jumps.put(start + address.slot(), appendAt(address.sectionIndex(), address.offset(), depth));
                case CodeReference.ToMap m -> {}
                case CodeReference.ToValue v -> {}
                case CodeReference.ToExtern e -> {}
                case CodeReference.Broken b -> {}
            }
        }
        return start;
    }

    private int appendAt(int section, int offset, int depth) {
        Integer index = functionByPlace.get(place(section, offset));
        if (index == null) {
            throw new AssertionError(
                    "a reference to a function that was not read: section=" + section + " offset=" + offset);
        }
        return append(index, depth + 1);
    }

    private void writeJump(int slot, int target) {
        int at = 8 * slot;
        Blob.i32(linked, at + 4, target - slot - 1);
        if ((linked[at] & 0xff) == LDDW) {
            setSource(linked, at, PSEUDO_FUNC);
            Blob.i32(linked, at + 12, 0);
        }
    }

    private void relocateTypes(FunctionSpec function, byte[] insns) {
        if (function.relocations().isEmpty()) {
            return;
        }
        if (object.btf() == null) {
            throw new AssertionError("relocations come from .BTF.ext, which needs .BTF");
        }
        if (relocator == null) {
            relocator = new CoreRelocator(object.btf(), target == null ? KernelTypes.btf() : target);
        }
        targetUsed |= relocator.apply(function, insns);
    }

    private void relocate(FunctionSpec function, CodeReference reference, int start, byte[] insns) {
        int at = 8 * reference.slot();
        int slot = start + reference.slot();
        switch (reference) {
            case CodeReference.Call call -> {}
            case CodeReference.FunctionAddress address -> {}
            case CodeReference.ToMap map -> {
                setSource(insns, at, PSEUDO_MAP_FD);
                Blob.i32(insns, at + 4, 0);
                Blob.i32(insns, at + 12, 0);
                references.add(new Reference.ToMap(
                        slot, map.map(), object.maps().get(map.map()).name()));
            }
            case CodeReference.ToValue value -> {
                setSource(insns, at, PSEUDO_MAP_VALUE);
                Blob.i32(insns, at + 4, 0);
                Blob.i32(insns, at + 12, value.offset());
                references.add(new Reference.ToValue(
                        slot, value.map(), object.maps().get(value.map()).name(), value.offset()));
            }
            case CodeReference.ToExtern extern -> relocateExtern(function, extern, slot, at, insns);
            case CodeReference.Broken broken ->
                throw new ObjectException(where(function, broken.slot()) + broken.message());
        }
    }

    private static String where(FunctionSpec function, int slot) {
        return "function " + function.name() + " instruction " + slot + ": ";
    }

    private void relocateExtern(
            FunctionSpec function, CodeReference.ToExtern reference, int slot, int at, byte[] insns) {
        ExternSpec extern = object.externs().get(reference.extern());
        boolean call = (insns[at] & 0xff) != LDDW;
        switch (extern.kind()) {
            case UNKNOWN -> {
                // a weak symbol that nothing defines is address 0
                if (call || !extern.weak()) {
                    throw new ObjectException(where(function, reference.slot())
                            + "undefined symbol: expected it in the object, or"
                            + " declared with __ksym, __kconfig or in a linked object, found name=" + extern.name());
                }
                setSource(insns, at, 0);
                Blob.i32(insns, at + 4, 0);
                Blob.i32(insns, at + 12, 0);
            }
            case KFUNC -> {
                if (call) {
                    setSource(insns, at, PSEUDO_KFUNC_CALL);
                    Blob.i16(insns, at + 2, (short) 0);
                    Blob.i32(insns, at + 4, 0);
                    references.add(new Reference.Kfunc(slot, reference.extern(), extern.name(), extern.weak()));
                } else {
                    loadSymbol(reference, extern, true, slot, at, insns);
                }
            }
            case KSYM_TYPED, KSYM_TYPELESS -> {
                if (call) {
                    throw new ObjectException(
                            where(function, reference.slot()) + "calls a variable: name=" + extern.name());
                }
                loadSymbol(reference, extern, extern.kind() == ExternSpec.Kind.KSYM_TYPED, slot, at, insns);
            }
            case KCONFIG -> throw new AssertionError("a .kconfig variable is a place in a map");
        }
    }

    private void loadSymbol(
            CodeReference.ToExtern reference, ExternSpec extern, boolean typed, int slot, int at, byte[] insns) {
        setSource(insns, at, typed ? PSEUDO_BTF_ID : 0);
        Blob.i32(insns, at + 4, 0);
        Blob.i32(insns, at + 12, 0);
        references.add(new Reference.Ksym(slot, reference.extern(), extern.name(), extern.weak(), typed));
    }

    private static void setSource(byte[] insns, int at, int source) {
        insns[at + 1] = (byte) (insns[at + 1] & 0xf | source << 4);
    }
}
