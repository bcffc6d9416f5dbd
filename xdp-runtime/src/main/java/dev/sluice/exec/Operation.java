package dev.sluice.exec;

import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import org.jspecify.annotations.Nullable;

/**
 * What the interpreter's loop does for an instruction, or for two or three that follow each other: the usual rows of
 * {@link Opcode}, the usual sequences, and {@link #STEP} for all other rows. Numbers, because the loop reads them out of a
 * word:
 *
 * <pre>
 * bits 0-7 operation, 8-11 dst, 12-15 src, 16-31 offset, 32-63 immediate
 * </pre>
 */
final class Operation {
    /** By {@link SingleStep}. */
    static final int STEP = 0;

    // --- what leaves the function, or counts
    static final int CALL = 1;
    static final int CALL_LOCAL = 2;
    static final int CALL_KFUNC = 3;
    static final int CALLX = 4;
    static final int EXIT = 5;
    static final int MAY_GOTO = 6;

    // --- rows
    static final int LDDW = 7;
    static final int ADD64_K = 8;
    static final int ADD64_X = 9;
    static final int SUB64_X = 10;
    static final int MUL64_X = 11;
    static final int AND64_K = 12;
    static final int AND64_X = 13;
    static final int OR64_X = 14;
    static final int XOR64_X = 15;
    static final int LSH64_K = 16;
    static final int RSH64_K = 17;
    static final int ARSH64_K = 18;
    static final int MOV64_K = 19;
    static final int MOV64_X = 20;
    static final int ADD32_K = 21;
    static final int ADD32_X = 22;
    static final int SUB32_X = 23;
    static final int MUL32_K = 24;
    static final int AND32_K = 25;
    static final int AND32_X = 26;
    static final int OR32_X = 27;
    static final int XOR32_K = 28;
    static final int XOR32_X = 29;
    static final int LSH32_K = 30;
    static final int RSH32_K = 31;
    static final int MOV32_K = 32;
    static final int MOV32_X = 33;
    static final int BE16 = 34;
    static final int BE32 = 35;
    static final int JA = 36;
    static final int JEQ_K = 37;
    static final int JNE_K = 38;
    static final int JEQ_X = 39;
    static final int JNE_X = 40;
    static final int JGT_X = 41;
    static final int JGE_X = 42;
    static final int JLT_X = 43;
    static final int JLE_X = 44;
    static final int JEQ32_K = 45;
    static final int JNE32_K = 46;
    static final int JGT32_K = 47;
    static final int JLT32_K = 48;
    static final int JEQ32_X = 49;
    static final int JNE32_X = 50;
    static final int JGT32_X = 51;
    static final int JLE32_X = 52;

    // --- sequences
    /** {@code d = s; d += imm}. */
    static final int LEA = 53;

    /** {@code d = s; d += imm; if d > x goto}: the usual comparison with the packet's end. */
    static final int LEA_JGT = 54;

    /** {@code w_d = imm; exit}. */
    static final int MOV32_K_EXIT = 55;

    /** {@code w_d &= imm; if w_d == imm goto}. */
    static final int AND32_K_JEQ = 56;

    static final int AND32_K_JNE = 57;

    // --- accesses to memory: their low bits say how many bytes, src is the base, dst the other operand
    static final int LDX_B = 64;
    static final int LDX_H = 65;
    static final int LDX_W = 66;
    static final int LDX_DW = 67;

    /** {@code d = *(u8 *)(s + off); if w_d == imm goto}, and so on. */
    static final int LDX_B_JEQ = 68;

    static final int LDX_H_JEQ = 69;
    static final int LDX_B_JNE = 72;
    static final int LDX_H_JNE = 73;

    /** Stores from here on. */
    static final int ST_B = 76;

    static final int ST_H = 77;
    static final int ST_W = 78;
    static final int ST_DW = 79;
    static final int STX_B = 80;
    static final int STX_H = 81;
    static final int STX_W = 82;
    static final int STX_DW = 83;

    /** No operation of a word: a jump after which it is time to count. */
    static final int COUNT = 256;

    /** The offset of {@code data_end} in the context. */
    static final int DATA_END = 4;

    private static final int DATA_META = 8;

    private Operation() {}

    static int operation(long word) {
        return (int) word & 0xff;
    }

    /** Whether one of the packet's bounds is at an offset in the context. */
    static boolean isBound(int off) {
        return off == 0 || off == DATA_END || off == DATA_META;
    }

    static int dst(long word) {
        return (int) word >>> 8 & 15;
    }

    static int src(long word) {
        return (int) word >>> 12 & 15;
    }

    static int off(long word) {
        return (int) word >> 16;
    }

    static long imm(long word) {
        return word >> 32;
    }

    static long word(int operation, int dst, int src, int off, long imm) {
        return operation | (long) dst << 8 | (long) src << 12 | (off & 0xffffL) << 16 | imm << 32;
    }

    /** Bytes of an access. */
    static int bytes(int access) {
        return 1 << (access & 3);
    }

    static boolean isStore(int access) {
        return access >= ST_B;
    }

    /** Whether a load with a comparison jumps when both are equal. */
    static boolean jumpsWhenEqual(int access) {
        return access < LDX_B_JNE;
    }

    /** What an operation is in code whose every step is watched: all but what the loop has to do itself is a single step. */
    static int watched(int operation) {
        return operation <= MAY_GOTO ? operation : STEP;
    }

    /** What a row is on its own. */
    static int of(Opcode row) {
        return switch (row) {
            case CALL -> CALL;
            case CALL_LOCAL -> CALL_LOCAL;
            case CALL_KFUNC -> CALL_KFUNC;
            case CALLX -> CALLX;
            case EXIT -> EXIT;
            case MAY_GOTO -> MAY_GOTO;
            case LDDW -> LDDW;
            case ADD64_K -> ADD64_K;
            case ADD64_X -> ADD64_X;
            case SUB64_X -> SUB64_X;
            case MUL64_X -> MUL64_X;
            case AND64_K -> AND64_K;
            case AND64_X -> AND64_X;
            case OR64_X -> OR64_X;
            case XOR64_X -> XOR64_X;
            case LSH64_K -> LSH64_K;
            case RSH64_K -> RSH64_K;
            case ARSH64_K -> ARSH64_K;
            case MOV64_K -> MOV64_K;
            case MOV64_X -> MOV64_X;
            case ADD32_K -> ADD32_K;
            case ADD32_X -> ADD32_X;
            case SUB32_X -> SUB32_X;
            case MUL32_K -> MUL32_K;
            case AND32_K -> AND32_K;
            case AND32_X -> AND32_X;
            case OR32_X -> OR32_X;
            case XOR32_K -> XOR32_K;
            case XOR32_X -> XOR32_X;
            case LSH32_K -> LSH32_K;
            case RSH32_K -> RSH32_K;
            case MOV32_K -> MOV32_K;
            case MOV32_X -> MOV32_X;
            case BE16, BSWAP16 -> BE16;
            case BE32, BSWAP32 -> BE32;
            case JA -> JA;
            case JEQ_K -> JEQ_K;
            case JNE_K -> JNE_K;
            case JEQ_X -> JEQ_X;
            case JNE_X -> JNE_X;
            case JGT_X -> JGT_X;
            case JGE_X -> JGE_X;
            case JLT_X -> JLT_X;
            case JLE_X -> JLE_X;
            case JEQ32_K -> JEQ32_K;
            case JNE32_K -> JNE32_K;
            case JGT32_K -> JGT32_K;
            case JLT32_K -> JLT32_K;
            case JEQ32_X -> JEQ32_X;
            case JNE32_X -> JNE32_X;
            case JGT32_X -> JGT32_X;
            case JLE32_X -> JLE32_X;
            case LDX_B -> LDX_B;
            case LDX_H -> LDX_H;
            case LDX_W -> LDX_W;
            case LDX_DW -> LDX_DW;
            case ST_B -> ST_B;
            case ST_H -> ST_H;
            case ST_W -> ST_W;
            case ST_DW -> ST_DW;
            case STX_B -> STX_B;
            case STX_H -> STX_H;
            case STX_W -> STX_W;
            case STX_DW -> STX_DW;
            default -> STEP;
        };
    }

    /** What an instruction is together with those behind it: {@code single} when there is nothing faster. */
    static int fused(int single, Instruction first, @Nullable Instruction second, @Nullable Instruction third) {
        if (second == null) {
            return single;
        }
        boolean same = second.dst() == first.dst();
        return switch (first.opcode()) {
            case MOV64_X -> {
                if (second.opcode() != Opcode.ADD64_K || !same) {
                    yield single;
                }
                yield third != null && third.opcode() == Opcode.JGT_X && third.dst() == first.dst() ? LEA_JGT : LEA;
            }
            case LDX_B -> same ? compared(second, single, LDX_B_JEQ, LDX_B_JNE) : single;
            case LDX_H -> same ? compared(second, single, LDX_H_JEQ, LDX_H_JNE) : single;
            case AND32_K -> same ? compared(second, single, AND32_K_JEQ, AND32_K_JNE) : single;
            case MOV32_K -> second.opcode() == Opcode.EXIT ? MOV32_K_EXIT : single;
            default -> single;
        };
    }

    private static int compared(Instruction second, int single, int whenEq, int whenNe) {
        return switch (second.opcode()) {
            case JEQ32_K -> whenEq;
            case JNE32_K -> whenNe;
            default -> single;
        };
    }
}
