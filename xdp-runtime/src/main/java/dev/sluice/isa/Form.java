package dev.sluice.isa;

/** Which fields of an instruction are operands, and how they are written. All others are reserved and must be zero. */
public enum Form {
    /** {@code dst op= imm}. */
    ALU_K,
    /** {@code dst op= src}. */
    ALU_X,
    /** {@code dst = op dst}: negation and byte order. */
    UNARY,
    /** {@code dst = (sN)src}. */
    MOVSX,
    /** {@code if dst op imm goto +off}. */
    JMP_K,
    /** {@code if dst op src goto +off}. */
    JMP_X,
    /** {@code goto +off}. */
    JA,
    /** {@code gotol +imm}. */
    GOTOL,
    /** {@code may_goto +off}. */
    MAY_GOTO,
    /** {@code call helper}: imm is the helper's number. */
    CALL_HELPER,
    /** {@code call pc+imm}: a function of the same program. */
    CALL_LOCAL,
    /** {@code call kfunc}: imm is a BTF id, off an index into the fd array. */
    CALL_KFUNC,
    /** {@code callx dst}. */
    CALLX,
    /** {@code exit}. */
    EXIT,
    /** {@code dst = imm64 ll}; src says what the constant stands for, see {@link Pseudo}. */
    LDDW,
    /** {@code r0 = *(size *)skb[imm]}. */
    LD_ABS,
    /** {@code r0 = *(size *)skb[src + imm]}. */
    LD_IND,
    /** {@code dst = *(uN *)(src + off)}. */
    LDX,
    /** {@code dst = *(sN *)(src + off)}. */
    LDXSX,
    /** {@code *(uN *)(dst + off) = imm}. */
    ST,
    /** {@code *(uN *)(dst + off) = src}. */
    STX,
    /** {@code lock *(uN *)(dst + off) op= src}, with or without fetch; imm selects the operation. */
    ATOMIC,
    /** {@code dst = load_acquire((uN *)(src + off))}. */
    LOAD_ACQ,
    /** {@code store_release((uN *)(dst + off), src)}. */
    STORE_REL;

    /** Whether this is a branch with a condition, which goes on to the next slot when the condition is false. */
    public boolean isConditional() {
        return this == JMP_K || this == JMP_X || this == MAY_GOTO;
    }

    /** Whether the instruction may continue at {@link Instruction#target}. */
    public boolean isJump() {
        return isConditional() || this == JA || this == GOTOL;
    }

    /** Whether control can reach the next slot. */
    public boolean fallsThrough() {
        return this != JA && this != GOTOL && this != EXIT;
    }
}
