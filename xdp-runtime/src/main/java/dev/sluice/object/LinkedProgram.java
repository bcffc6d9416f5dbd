package dev.sluice.object;

import dev.sluice.btf.BtfExt;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * A program with all its functions in one sequence of instructions. Immutable.
 *
 * @param spec what it was made from
 * @param insns eight bytes a slot; see {@link Reference} for what a loader still fills in
 * @param functions in order of their starts; the program itself is the first
 * @param references in order of their slots
 * @param functionInfo one for each function, offsets in bytes; empty if BTF does not know all of them
 * @param lines in order, offsets in bytes from the start
 * @param targetBtfUsed whether a CO-RE relocation looked at the target's types
 */
public record LinkedProgram(
        ProgramSpec spec,
        Blob insns,
        List<Function> functions,
        List<Reference> references,
        List<BtfExt.FuncInfo> functionInfo,
        List<BtfExt.LineInfo> lines,
        boolean targetBtfUsed) {
    private static final int CALL = 0x85;
    /** The number that libbpf gives to calls of weak kernel functions that do not exist, plus their position. */
    static final int BAD_KFUNC = 2_002_000_000;

    /**
     * A function of a linked program.
     *
     * @param start first slot
     * @param slots number of slots
     * @param btfType id of its {@code FUNC}, 0 if unknown
     */
    public record Function(String name, int start, int slots, boolean global, int btfType) {}

    public String name() {
        return spec.name();
    }

    /** Number of instruction slots. */
    public int slots() {
        return insns.size() / 8;
    }

    /** The kernel's tag of the program as it is, 16 hexadecimal digits. */
    public String tag() {
        return ProgramTag.compute(insns.bytes());
    }

    /**
     * The same program without the weak references whose target does not exist, as libbpf makes it: an address becomes 0, a
     * call becomes one of a kernel function that does not exist, which only a program that reaches it is refused for.
     *
     * @param exists whether there is a kernel function or variable of this name
     * @throws ObjectException if a reference that is not weak has no target
     */
    public LinkedProgram withoutWeak(Predicate<String> exists) {
        byte[] code = insns.bytes();
        List<Reference> kept = new ArrayList<>();
        for (Reference reference : references) {
            int at = 8 * reference.slot();
            switch (reference) {
                case Reference.ToMap map -> kept.add(map);
                case Reference.ToValue value -> kept.add(value);
                case Reference.Kfunc kfunc -> {
                    if (exists.test(kfunc.name())) {
                        kept.add(kfunc);
                    } else if (!kfunc.weak()) {
                        throw missing("kernel function", kfunc.name(), kfunc.slot());
                    } else {
                        Blob.i32(code, at, CALL);
                        Blob.i32(code, at + 4, BAD_KFUNC + kfunc.extern());
                    }
                }
                case Reference.Ksym ksym -> {
                    if (exists.test(ksym.name())) {
                        kept.add(ksym);
                    } else if (!ksym.weak()) {
                        throw missing("kernel variable", ksym.name(), ksym.slot());
                    } else {
                        // the source register says what the number means: now it is only a number
                        code[at + 1] &= 0xf;
                    }
                }
            }
        }
        return new LinkedProgram(spec, Blob.of(code), functions, List.copyOf(kept), functionInfo, lines, targetBtfUsed);
    }

    private ObjectException missing(String what, String name, int slot) {
        return new ObjectException(
                "program " + name() + ": instruction " + slot + ": no such " + what + ": name=" + name);
    }

    /** {@code func_info} as {@code BPF_PROG_LOAD} takes it: records of 8 bytes, {@code insn_off} counts slots. */
    public byte[] functionInfoBytes() {
        byte[] bytes = new byte[8 * functionInfo.size()];
        int at = 0;
        for (BtfExt.FuncInfo info : functionInfo) {
            Blob.i32(bytes, at, info.slot());
            Blob.i32(bytes, at + 4, info.type());
            at += 8;
        }
        return bytes;
    }

    /** {@code line_info} as {@code BPF_PROG_LOAD} takes it: records of 16 bytes, {@code insn_off} counts slots. */
    public byte[] lineInfoBytes() {
        byte[] bytes = new byte[16 * lines.size()];
        int at = 0;
        for (BtfExt.LineInfo line : lines) {
            Blob.i32(bytes, at, line.slot());
            Blob.i32(bytes, at + 4, line.fileNameOffset());
            Blob.i32(bytes, at + 8, line.textOffset());
            Blob.i32(bytes, at + 12, line.line() << 10 | line.column());
            at += 16;
        }
        return bytes;
    }
}
