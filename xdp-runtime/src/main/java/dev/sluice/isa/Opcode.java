package dev.sluice.isa;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Every operation of the instruction set, one row each.
 *
 * <p>A row is found by the opcode byte and, where several share one, by the field that {@code Select} names: the offset
 * (signed division, sign-extending moves), the immediate (byte order, atomics) or src (calls). The CPU version is the
 * {@code -mcpu=vN} of clang that first emits the row.
 */
public enum Opcode {
    ADD64_K(0x07, Form.ALU_K, Width.DW, 1, AluOp.ADD, Select.OFF, 0),
    ADD64_X(0x0f, Form.ALU_X, Width.DW, 1, AluOp.ADD, Select.OFF, 0),
    SUB64_K(0x17, Form.ALU_K, Width.DW, 1, AluOp.SUB, Select.OFF, 0),
    SUB64_X(0x1f, Form.ALU_X, Width.DW, 1, AluOp.SUB, Select.OFF, 0),
    MUL64_K(0x27, Form.ALU_K, Width.DW, 1, AluOp.MUL, Select.OFF, 0),
    MUL64_X(0x2f, Form.ALU_X, Width.DW, 1, AluOp.MUL, Select.OFF, 0),
    DIV64_K(0x37, Form.ALU_K, Width.DW, 1, AluOp.DIV, Select.OFF, 0),
    DIV64_X(0x3f, Form.ALU_X, Width.DW, 1, AluOp.DIV, Select.OFF, 0),
    OR64_K(0x47, Form.ALU_K, Width.DW, 1, AluOp.OR, Select.OFF, 0),
    OR64_X(0x4f, Form.ALU_X, Width.DW, 1, AluOp.OR, Select.OFF, 0),
    AND64_K(0x57, Form.ALU_K, Width.DW, 1, AluOp.AND, Select.OFF, 0),
    AND64_X(0x5f, Form.ALU_X, Width.DW, 1, AluOp.AND, Select.OFF, 0),
    LSH64_K(0x67, Form.ALU_K, Width.DW, 1, AluOp.LSH, Select.OFF, 0),
    LSH64_X(0x6f, Form.ALU_X, Width.DW, 1, AluOp.LSH, Select.OFF, 0),
    RSH64_K(0x77, Form.ALU_K, Width.DW, 1, AluOp.RSH, Select.OFF, 0),
    RSH64_X(0x7f, Form.ALU_X, Width.DW, 1, AluOp.RSH, Select.OFF, 0),
    MOD64_K(0x97, Form.ALU_K, Width.DW, 1, AluOp.MOD, Select.OFF, 0),
    MOD64_X(0x9f, Form.ALU_X, Width.DW, 1, AluOp.MOD, Select.OFF, 0),
    XOR64_K(0xa7, Form.ALU_K, Width.DW, 1, AluOp.XOR, Select.OFF, 0),
    XOR64_X(0xaf, Form.ALU_X, Width.DW, 1, AluOp.XOR, Select.OFF, 0),
    MOV64_K(0xb7, Form.ALU_K, Width.DW, 1, AluOp.MOV, Select.OFF, 0),
    MOV64_X(0xbf, Form.ALU_X, Width.DW, 1, AluOp.MOV, Select.OFF, 0),
    ARSH64_K(0xc7, Form.ALU_K, Width.DW, 1, AluOp.ARSH, Select.OFF, 0),
    ARSH64_X(0xcf, Form.ALU_X, Width.DW, 1, AluOp.ARSH, Select.OFF, 0),
    SDIV64_K(0x37, Form.ALU_K, Width.DW, 4, AluOp.SDIV, Select.OFF, 1),
    SDIV64_X(0x3f, Form.ALU_X, Width.DW, 4, AluOp.SDIV, Select.OFF, 1),
    SMOD64_K(0x97, Form.ALU_K, Width.DW, 4, AluOp.SMOD, Select.OFF, 1),
    SMOD64_X(0x9f, Form.ALU_X, Width.DW, 4, AluOp.SMOD, Select.OFF, 1),
    MOVSX8_64(0xbf, Form.MOVSX, Width.DW, 4, AluOp.MOVSX8, Select.OFF, 8),
    MOVSX16_64(0xbf, Form.MOVSX, Width.DW, 4, AluOp.MOVSX16, Select.OFF, 0x10),
    MOVSX32_64(0xbf, Form.MOVSX, Width.DW, 4, AluOp.MOVSX32, Select.OFF, 0x20),
    NEG64(0x87, Form.UNARY, Width.DW, 1, AluOp.NEG, Select.OFF, 0),
    ADD32_K(0x04, Form.ALU_K, Width.W, 1, AluOp.ADD, Select.OFF, 0),
    ADD32_X(0x0c, Form.ALU_X, Width.W, 1, AluOp.ADD, Select.OFF, 0),
    SUB32_K(0x14, Form.ALU_K, Width.W, 1, AluOp.SUB, Select.OFF, 0),
    SUB32_X(0x1c, Form.ALU_X, Width.W, 1, AluOp.SUB, Select.OFF, 0),
    MUL32_K(0x24, Form.ALU_K, Width.W, 1, AluOp.MUL, Select.OFF, 0),
    MUL32_X(0x2c, Form.ALU_X, Width.W, 1, AluOp.MUL, Select.OFF, 0),
    DIV32_K(0x34, Form.ALU_K, Width.W, 1, AluOp.DIV, Select.OFF, 0),
    DIV32_X(0x3c, Form.ALU_X, Width.W, 1, AluOp.DIV, Select.OFF, 0),
    OR32_K(0x44, Form.ALU_K, Width.W, 1, AluOp.OR, Select.OFF, 0),
    OR32_X(0x4c, Form.ALU_X, Width.W, 1, AluOp.OR, Select.OFF, 0),
    AND32_K(0x54, Form.ALU_K, Width.W, 1, AluOp.AND, Select.OFF, 0),
    AND32_X(0x5c, Form.ALU_X, Width.W, 1, AluOp.AND, Select.OFF, 0),
    LSH32_K(0x64, Form.ALU_K, Width.W, 1, AluOp.LSH, Select.OFF, 0),
    LSH32_X(0x6c, Form.ALU_X, Width.W, 1, AluOp.LSH, Select.OFF, 0),
    RSH32_K(0x74, Form.ALU_K, Width.W, 1, AluOp.RSH, Select.OFF, 0),
    RSH32_X(0x7c, Form.ALU_X, Width.W, 1, AluOp.RSH, Select.OFF, 0),
    MOD32_K(0x94, Form.ALU_K, Width.W, 1, AluOp.MOD, Select.OFF, 0),
    MOD32_X(0x9c, Form.ALU_X, Width.W, 1, AluOp.MOD, Select.OFF, 0),
    XOR32_K(0xa4, Form.ALU_K, Width.W, 1, AluOp.XOR, Select.OFF, 0),
    XOR32_X(0xac, Form.ALU_X, Width.W, 1, AluOp.XOR, Select.OFF, 0),
    MOV32_K(0xb4, Form.ALU_K, Width.W, 1, AluOp.MOV, Select.OFF, 0),
    MOV32_X(0xbc, Form.ALU_X, Width.W, 1, AluOp.MOV, Select.OFF, 0),
    ARSH32_K(0xc4, Form.ALU_K, Width.W, 1, AluOp.ARSH, Select.OFF, 0),
    ARSH32_X(0xcc, Form.ALU_X, Width.W, 1, AluOp.ARSH, Select.OFF, 0),
    SDIV32_K(0x34, Form.ALU_K, Width.W, 4, AluOp.SDIV, Select.OFF, 1),
    SDIV32_X(0x3c, Form.ALU_X, Width.W, 4, AluOp.SDIV, Select.OFF, 1),
    SMOD32_K(0x94, Form.ALU_K, Width.W, 4, AluOp.SMOD, Select.OFF, 1),
    SMOD32_X(0x9c, Form.ALU_X, Width.W, 4, AluOp.SMOD, Select.OFF, 1),
    MOVSX8_32(0xbc, Form.MOVSX, Width.W, 4, AluOp.MOVSX8, Select.OFF, 8),
    MOVSX16_32(0xbc, Form.MOVSX, Width.W, 4, AluOp.MOVSX16, Select.OFF, 0x10),
    NEG32(0x84, Form.UNARY, Width.W, 1, AluOp.NEG, Select.OFF, 0),
    LE16(0xd4, Form.UNARY, Width.DW, 1, AluOp.LE16, Select.IMM, 0x10),
    LE32(0xd4, Form.UNARY, Width.DW, 1, AluOp.LE32, Select.IMM, 0x20),
    LE64(0xd4, Form.UNARY, Width.DW, 1, AluOp.LE64, Select.IMM, 0x40),
    BE16(0xdc, Form.UNARY, Width.DW, 1, AluOp.BE16, Select.IMM, 0x10),
    BE32(0xdc, Form.UNARY, Width.DW, 1, AluOp.BE32, Select.IMM, 0x20),
    BE64(0xdc, Form.UNARY, Width.DW, 1, AluOp.BE64, Select.IMM, 0x40),
    BSWAP16(0xd7, Form.UNARY, Width.DW, 4, AluOp.BSWAP16, Select.IMM, 0x10),
    BSWAP32(0xd7, Form.UNARY, Width.DW, 4, AluOp.BSWAP32, Select.IMM, 0x20),
    BSWAP64(0xd7, Form.UNARY, Width.DW, 4, AluOp.BSWAP64, Select.IMM, 0x40),
    JEQ_K(0x15, Form.JMP_K, Width.DW, 1, JmpOp.EQ, Select.NONE, 0),
    JEQ_X(0x1d, Form.JMP_X, Width.DW, 1, JmpOp.EQ, Select.NONE, 0),
    JGT_K(0x25, Form.JMP_K, Width.DW, 1, JmpOp.GT, Select.NONE, 0),
    JGT_X(0x2d, Form.JMP_X, Width.DW, 1, JmpOp.GT, Select.NONE, 0),
    JGE_K(0x35, Form.JMP_K, Width.DW, 1, JmpOp.GE, Select.NONE, 0),
    JGE_X(0x3d, Form.JMP_X, Width.DW, 1, JmpOp.GE, Select.NONE, 0),
    JSET_K(0x45, Form.JMP_K, Width.DW, 1, JmpOp.SET, Select.NONE, 0),
    JSET_X(0x4d, Form.JMP_X, Width.DW, 1, JmpOp.SET, Select.NONE, 0),
    JNE_K(0x55, Form.JMP_K, Width.DW, 1, JmpOp.NE, Select.NONE, 0),
    JNE_X(0x5d, Form.JMP_X, Width.DW, 1, JmpOp.NE, Select.NONE, 0),
    JSGT_K(0x65, Form.JMP_K, Width.DW, 1, JmpOp.SGT, Select.NONE, 0),
    JSGT_X(0x6d, Form.JMP_X, Width.DW, 1, JmpOp.SGT, Select.NONE, 0),
    JSGE_K(0x75, Form.JMP_K, Width.DW, 1, JmpOp.SGE, Select.NONE, 0),
    JSGE_X(0x7d, Form.JMP_X, Width.DW, 1, JmpOp.SGE, Select.NONE, 0),
    JLT_K(0xa5, Form.JMP_K, Width.DW, 2, JmpOp.LT, Select.NONE, 0),
    JLT_X(0xad, Form.JMP_X, Width.DW, 2, JmpOp.LT, Select.NONE, 0),
    JLE_K(0xb5, Form.JMP_K, Width.DW, 2, JmpOp.LE, Select.NONE, 0),
    JLE_X(0xbd, Form.JMP_X, Width.DW, 2, JmpOp.LE, Select.NONE, 0),
    JSLT_K(0xc5, Form.JMP_K, Width.DW, 2, JmpOp.SLT, Select.NONE, 0),
    JSLT_X(0xcd, Form.JMP_X, Width.DW, 2, JmpOp.SLT, Select.NONE, 0),
    JSLE_K(0xd5, Form.JMP_K, Width.DW, 2, JmpOp.SLE, Select.NONE, 0),
    JSLE_X(0xdd, Form.JMP_X, Width.DW, 2, JmpOp.SLE, Select.NONE, 0),
    JEQ32_K(0x16, Form.JMP_K, Width.W, 3, JmpOp.EQ, Select.NONE, 0),
    JEQ32_X(0x1e, Form.JMP_X, Width.W, 3, JmpOp.EQ, Select.NONE, 0),
    JGT32_K(0x26, Form.JMP_K, Width.W, 3, JmpOp.GT, Select.NONE, 0),
    JGT32_X(0x2e, Form.JMP_X, Width.W, 3, JmpOp.GT, Select.NONE, 0),
    JGE32_K(0x36, Form.JMP_K, Width.W, 3, JmpOp.GE, Select.NONE, 0),
    JGE32_X(0x3e, Form.JMP_X, Width.W, 3, JmpOp.GE, Select.NONE, 0),
    JSET32_K(0x46, Form.JMP_K, Width.W, 3, JmpOp.SET, Select.NONE, 0),
    JSET32_X(0x4e, Form.JMP_X, Width.W, 3, JmpOp.SET, Select.NONE, 0),
    JNE32_K(0x56, Form.JMP_K, Width.W, 3, JmpOp.NE, Select.NONE, 0),
    JNE32_X(0x5e, Form.JMP_X, Width.W, 3, JmpOp.NE, Select.NONE, 0),
    JSGT32_K(0x66, Form.JMP_K, Width.W, 3, JmpOp.SGT, Select.NONE, 0),
    JSGT32_X(0x6e, Form.JMP_X, Width.W, 3, JmpOp.SGT, Select.NONE, 0),
    JSGE32_K(0x76, Form.JMP_K, Width.W, 3, JmpOp.SGE, Select.NONE, 0),
    JSGE32_X(0x7e, Form.JMP_X, Width.W, 3, JmpOp.SGE, Select.NONE, 0),
    JLT32_K(0xa6, Form.JMP_K, Width.W, 3, JmpOp.LT, Select.NONE, 0),
    JLT32_X(0xae, Form.JMP_X, Width.W, 3, JmpOp.LT, Select.NONE, 0),
    JLE32_K(0xb6, Form.JMP_K, Width.W, 3, JmpOp.LE, Select.NONE, 0),
    JLE32_X(0xbe, Form.JMP_X, Width.W, 3, JmpOp.LE, Select.NONE, 0),
    JSLT32_K(0xc6, Form.JMP_K, Width.W, 3, JmpOp.SLT, Select.NONE, 0),
    JSLT32_X(0xce, Form.JMP_X, Width.W, 3, JmpOp.SLT, Select.NONE, 0),
    JSLE32_K(0xd6, Form.JMP_K, Width.W, 3, JmpOp.SLE, Select.NONE, 0),
    JSLE32_X(0xde, Form.JMP_X, Width.W, 3, JmpOp.SLE, Select.NONE, 0),
    JA(0x05, Form.JA, Width.DW, 1, null, Select.NONE, 0),
    GOTOL(0x06, Form.GOTOL, Width.DW, 4, null, Select.NONE, 0),
    MAY_GOTO(0xe5, Form.MAY_GOTO, Width.DW, 4, null, Select.NONE, 0),
    CALL(0x85, Form.CALL_HELPER, Width.DW, 1, null, Select.SRC, 0),
    CALL_LOCAL(0x85, Form.CALL_LOCAL, Width.DW, 1, null, Select.SRC, 1),
    CALL_KFUNC(0x85, Form.CALL_KFUNC, Width.DW, 1, null, Select.SRC, 2),
    CALLX(0x8d, Form.CALLX, Width.DW, 1, null, Select.NONE, 0),
    EXIT(0x95, Form.EXIT, Width.DW, 1, null, Select.NONE, 0),
    LDDW(0x18, Form.LDDW, Width.DW, 1, null, Select.NONE, 0),
    LDABS_B(0x30, Form.LD_ABS, Width.B, 1, null, Select.NONE, 0),
    LDABS_H(0x28, Form.LD_ABS, Width.H, 1, null, Select.NONE, 0),
    LDABS_W(0x20, Form.LD_ABS, Width.W, 1, null, Select.NONE, 0),
    LDIND_B(0x50, Form.LD_IND, Width.B, 1, null, Select.NONE, 0),
    LDIND_H(0x48, Form.LD_IND, Width.H, 1, null, Select.NONE, 0),
    LDIND_W(0x40, Form.LD_IND, Width.W, 1, null, Select.NONE, 0),
    LDX_B(0x71, Form.LDX, Width.B, 1, null, Select.NONE, 0),
    LDX_H(0x69, Form.LDX, Width.H, 1, null, Select.NONE, 0),
    LDX_W(0x61, Form.LDX, Width.W, 1, null, Select.NONE, 0),
    LDX_DW(0x79, Form.LDX, Width.DW, 1, null, Select.NONE, 0),
    LDXSX_B(0x91, Form.LDXSX, Width.B, 4, null, Select.NONE, 0),
    LDXSX_H(0x89, Form.LDXSX, Width.H, 4, null, Select.NONE, 0),
    LDXSX_W(0x81, Form.LDXSX, Width.W, 4, null, Select.NONE, 0),
    ST_B(0x72, Form.ST, Width.B, 1, null, Select.NONE, 0),
    ST_H(0x6a, Form.ST, Width.H, 1, null, Select.NONE, 0),
    ST_W(0x62, Form.ST, Width.W, 1, null, Select.NONE, 0),
    ST_DW(0x7a, Form.ST, Width.DW, 1, null, Select.NONE, 0),
    STX_B(0x73, Form.STX, Width.B, 1, null, Select.NONE, 0),
    STX_H(0x6b, Form.STX, Width.H, 1, null, Select.NONE, 0),
    STX_W(0x63, Form.STX, Width.W, 1, null, Select.NONE, 0),
    STX_DW(0x7b, Form.STX, Width.DW, 1, null, Select.NONE, 0),
    ATOMIC_ADD32(0xc3, Form.ATOMIC, Width.W, 1, AtomicOp.ADD, Select.IMM, 0),
    ATOMIC_FETCH_ADD32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.ADD, Select.IMM, 1),
    ATOMIC_OR32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.OR, Select.IMM, 0x40),
    ATOMIC_FETCH_OR32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.OR, Select.IMM, 0x41),
    ATOMIC_AND32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.AND, Select.IMM, 0x50),
    ATOMIC_FETCH_AND32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.AND, Select.IMM, 0x51),
    ATOMIC_XOR32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.XOR, Select.IMM, 0xa0),
    ATOMIC_FETCH_XOR32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.XOR, Select.IMM, 0xa1),
    ATOMIC_XCHG32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.XCHG, Select.IMM, 0xe1),
    ATOMIC_CMPXCHG32(0xc3, Form.ATOMIC, Width.W, 3, AtomicOp.CMPXCHG, Select.IMM, 0xf1),
    ATOMIC_ADD64(0xdb, Form.ATOMIC, Width.DW, 1, AtomicOp.ADD, Select.IMM, 0),
    ATOMIC_FETCH_ADD64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.ADD, Select.IMM, 1),
    ATOMIC_OR64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.OR, Select.IMM, 0x40),
    ATOMIC_FETCH_OR64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.OR, Select.IMM, 0x41),
    ATOMIC_AND64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.AND, Select.IMM, 0x50),
    ATOMIC_FETCH_AND64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.AND, Select.IMM, 0x51),
    ATOMIC_XOR64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.XOR, Select.IMM, 0xa0),
    ATOMIC_FETCH_XOR64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.XOR, Select.IMM, 0xa1),
    ATOMIC_XCHG64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.XCHG, Select.IMM, 0xe1),
    ATOMIC_CMPXCHG64(0xdb, Form.ATOMIC, Width.DW, 3, AtomicOp.CMPXCHG, Select.IMM, 0xf1),
    LOAD_ACQ_B(0xd3, Form.LOAD_ACQ, Width.B, 4, null, Select.IMM, 0x100),
    LOAD_ACQ_H(0xcb, Form.LOAD_ACQ, Width.H, 4, null, Select.IMM, 0x100),
    LOAD_ACQ_W(0xc3, Form.LOAD_ACQ, Width.W, 4, null, Select.IMM, 0x100),
    LOAD_ACQ_DW(0xdb, Form.LOAD_ACQ, Width.DW, 4, null, Select.IMM, 0x100),
    STORE_REL_B(0xd3, Form.STORE_REL, Width.B, 4, null, Select.IMM, 0x110),
    STORE_REL_H(0xcb, Form.STORE_REL, Width.H, 4, null, Select.IMM, 0x110),
    STORE_REL_W(0xc3, Form.STORE_REL, Width.W, 4, null, Select.IMM, 0x110),
    STORE_REL_DW(0xdb, Form.STORE_REL, Width.DW, 4, null, Select.IMM, 0x110);

    /** The field, beside the opcode byte, that tells rows of one byte apart. */
    private enum Select {
        NONE,
        OFF,
        IMM,
        SRC
    }

    private static final Opcode[][] BY_CODE = new Opcode[256][];

    static {
        for (Opcode opcode : values()) {
            Opcode[] rows = BY_CODE[opcode.code];
            rows = rows == null ? new Opcode[1] : Arrays.copyOf(rows, rows.length + 1);
            rows[rows.length - 1] = opcode;
            BY_CODE[opcode.code] = rows;
        }
    }

    private final int code;
    private final Form form;
    private final Width width;
    private final int cpuVersion;
    private final @Nullable Enum<?> operation;
    private final Select select;
    private final int selector;

    Opcode(int code, Form form, Width width, int cpuVersion, @Nullable Enum<?> operation, Select select, int selector) {
        this.code = code;
        this.form = form;
        this.width = width;
        this.cpuVersion = cpuVersion;
        this.operation = operation;
        this.select = select;
        this.selector = selector;
    }

    /**
     * The row of an encoded instruction, or null where there is none.
     *
     * @param code the opcode byte, 0 to 255
     */
    public static @Nullable Opcode of(int code, int src, int off, int imm) {
        Opcode[] rows = BY_CODE[code];
        if (rows != null) {
            for (Opcode row : rows) {
                boolean found = switch (row.select) {
                    case NONE -> true;
                    case OFF -> row.selector == off;
                    case IMM -> row.selector == imm;
                    case SRC -> row.selector == src;
                };
                if (found) {
                    return row;
                }
            }
        }
        return null;
    }

    /** Whether any row has this opcode byte (0 to 255). */
    public static boolean isKnown(int code) {
        return BY_CODE[code] != null;
    }

    /** The opcode byte, 0 to 255. */
    public int code() {
        return code;
    }

    public Form form() {
        return form;
    }

    /** The width of the arithmetic, of the comparison or of the memory access. */
    public Width width() {
        return width;
    }

    /** Whether an arithmetic operation or a comparison is on 64 bits. */
    public boolean is64() {
        return width == Width.DW;
    }

    /** The {@code -mcpu=vN} of clang that brought it, 1 to 4. */
    public int cpuVersion() {
        return cpuVersion;
    }

    /** The operation of an arithmetic row; an error of ours on any other. */
    public AluOp alu() {
        return (AluOp) operation;
    }

    /** The condition of a conditional branch; an error of ours on any other. */
    public JmpOp jmp() {
        return (JmpOp) operation;
    }

    /** The operation of an {@link Form#ATOMIC} row; an error of ours on any other. */
    public AtomicOp atomic() {
        return (AtomicOp) operation;
    }

    /** The row of the operation's own table, or null where the form says all. */
    @Nullable
    Enum<?> operation() {
        return operation;
    }

    /** Whether an atomic operation gives the old value to a register. */
    public boolean fetches() {
        return form == Form.ATOMIC && (selector & AtomicOp.FETCH) != 0;
    }

    /** The value of the offset field, where it is part of the encoding, else 0. */
    public int fixedOffset() {
        return select == Select.OFF ? selector : 0;
    }

    /** The value of the immediate, where it is part of the encoding, else 0. */
    public int fixedImm() {
        return select == Select.IMM ? selector : 0;
    }

    /** Whether the offset is part of the encoding. */
    boolean offsetSelects() {
        return select == Select.OFF;
    }

    /** Whether the immediate is part of the encoding. */
    boolean immSelects() {
        return select == Select.IMM;
    }
}
