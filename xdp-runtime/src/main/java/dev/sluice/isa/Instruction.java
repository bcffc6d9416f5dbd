package dev.sluice.isa;

/**
 * One decoded instruction: an immutable value.
 *
 * @param opcode its row
 * @param dst the destination register's number, 0 to 10
 * @param src the source register's number, or what {@link Form#LDDW} and the calls keep in its place
 * @param off the 16-bit offset, sign-extended
 * @param imm the immediate; for {@link Form#LDDW} all 64 bits, else 32 bits sign-extended
 */
public record Instruction(Opcode opcode, int dst, int src, int off, long imm) {
    /** The frame pointer, r10. */
    public static final int FP = 10;

    /** Bytes of a slot. */
    public static final int SLOT_BYTES = 8;

    public Form form() {
        return opcode.form();
    }

    /** Slots taken: 2 for {@code lddw}, else 1. */
    public int slots() {
        return opcode.form() == Form.LDDW ? 2 : 1;
    }

    /** Whether its src field is a register, or may be. */
    public boolean hasSrcRegister() {
        return switch (opcode.form()) {
            case LDDW, CALL_HELPER, CALL_LOCAL, CALL_KFUNC -> false; // keep something else there
            case ALU_K,
                    ALU_X,
                    UNARY,
                    MOVSX,
                    JMP_K,
                    JMP_X,
                    JA,
                    GOTOL,
                    MAY_GOTO,
                    CALLX,
                    EXIT,
                    LD_ABS,
                    LD_IND,
                    LDX,
                    LDXSX,
                    ST,
                    STX,
                    ATOMIC,
                    LOAD_ACQ,
                    STORE_REL -> true;
        };
    }

    /** Whether a register is in its dst or src field, as a register. */
    public boolean names(int register) {
        return dst == register || hasSrcRegister() && src == register;
    }

    /** The immediate as 32 bits; for {@link Form#LDDW} the low half. */
    public int imm32() {
        return (int) imm;
    }

    /** What an {@link Form#LDDW}'s constant stands for. */
    public Pseudo pseudo() {
        return Pseudo.of(src);
    }

    /**
     * Where a jump goes, or the first slot of the function that a {@link Form#CALL_LOCAL} calls or a {@link
     * Pseudo#FUNC} names.
     *
     * @param slot this instruction's own slot
     */
    public int target(int slot) {
        return switch (opcode.form()) {
            case JMP_K, JMP_X, JA, MAY_GOTO -> slot + 1 + off;
            case GOTOL, CALL_LOCAL, LDDW -> slot + 1 + (int) imm;
            case ALU_K,
                    ALU_X,
                    UNARY,
                    MOVSX,
                    CALL_HELPER,
                    CALL_KFUNC,
                    CALLX,
                    EXIT,
                    LD_ABS,
                    LD_IND,
                    LDX,
                    LDXSX,
                    ST,
                    STX,
                    ATOMIC,
                    LOAD_ACQ,
                    STORE_REL -> throw new AssertionError("no target: " + this);
        };
    }

    /** The same instruction with another immediate (for {@code lddw}: all 64 bits). */
    public Instruction withImm(long newImm) {
        return new Instruction(opcode, dst, src, off, newImm);
    }

    /** The first (or only) slot as it is encoded: a little-endian long. */
    public long encode() {
        return (opcode.code() & 0xffL)
                | (long) (dst & 0xf) << 8
                | (long) (src & 0xf) << 12
                | (off & 0xffffL) << 16
                | imm << 32;
    }

    /** The second slot of {@code lddw} as it is encoded. */
    public long encodeSecond() {
        return imm >>> 32 << 32;
    }
}
