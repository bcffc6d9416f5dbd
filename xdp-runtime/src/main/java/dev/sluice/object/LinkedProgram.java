package dev.sluice.object;

import dev.sluice.btf.BtfExt;
import java.util.List;

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
