package dev.sluice.jit;

import dev.sluice.isa.AluOp;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.program.Facts;
import dev.sluice.program.Range;
import dev.sluice.program.RegisterFact;
import org.jspecify.annotations.Nullable;

/**
 * What was proved of the numbers in registers, as far as it makes operations cheaper: masks that leave out what is zero, and
 * tests for a divisor of 0. Without facts nothing is known. Immutable.
 */
final class Numbers {
    private static final long LOW = 0xffff_ffffL;

    /** Of a register whose upper half may not be zero. */
    private static final long UNKNOWN = -1;

    private final @Nullable Facts facts;

    Numbers(@Nullable Facts facts) {
        this.facts = facts;
    }

    /**
     * Whether a 32-bit operation gives what the 64-bit one gives on the whole registers: all upper halves are zero, the
     * result's too. Then no operand has to be narrowed, and the result not widened.
     */
    boolean staysInLowHalf(Instruction insn, int slot) {
        if (insn.opcode().is64() || insn.form() != Form.ALU_K && insn.form() != Form.ALU_X) {
            return false;
        }
        AluOp op = insn.opcode().alu();
        boolean constant = insn.form() == Form.ALU_K;
        long other = constant ? insn.imm() & LOW : greatest(slot, insn.src());
        long own = op == AluOp.MOV ? 0 : greatest(slot, insn.dst());
        boolean both = other != UNKNOWN && own != UNKNOWN;
        return switch (op) {
            case MOV -> other != UNKNOWN;
            case AND -> other != UNKNOWN || own != UNKNOWN;
            case OR, XOR -> both;
            case ADD -> both && own + other <= LOW;
            case SUB -> both && least(slot, insn.dst()) >= other;
            case MUL -> both && Math.unsignedMultiplyHigh(own, other) == 0 && own * other >>> 32 == 0;
            case LSH -> constant && own != UNKNOWN && own << (insn.imm32() & 31) <= LOW;
            case RSH -> constant && own != UNKNOWN;
            case DIV,
                    MOD,
                    SDIV,
                    SMOD,
                    ARSH,
                    NEG,
                    MOVSX8,
                    MOVSX16,
                    MOVSX32,
                    LE16,
                    LE32,
                    LE64,
                    BE16,
                    BE32,
                    BE64,
                    BSWAP16,
                    BSWAP32,
                    BSWAP64 -> false;
        };
    }

    /** Whether an operation's second register is never 0. */
    boolean isNeverZero(Instruction insn, int slot) {
        Range range = range(slot, insn.src());
        return (insn.opcode().is64() ? range.umin() : range.u32min()) != 0;
    }

    /** The greatest number of a register whose upper half is zero, else {@link #UNKNOWN}. */
    private long greatest(int slot, int register) {
        Range range = range(slot, register);
        return range.isUpperHalfZero() ? Integer.toUnsignedLong(range.u32max()) : UNKNOWN;
    }

    /** The least number of a register whose upper half is zero. */
    private long least(int slot, int register) {
        return Integer.toUnsignedLong(range(slot, register).u32min());
    }

    private Range range(int slot, int register) {
        RegisterFact fact = facts == null ? RegisterFact.NONE : facts.before(slot, register);
        return fact.kind() == RegisterFact.Kind.SCALAR ? fact.range() : Range.ANY;
    }
}
