package dev.sluice.program;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the verifier proved of a program, slot by slot. Immutable, for any thread. Only the verifier makes one: whoever holds
 * facts with {@link #isProof} may leave out the checks that they make superfluous.
 */
public final class Facts {
    /** Which ways a conditional jump goes. */
    public enum Outcome {
        /** Not a conditional jump, or one that goes both ways. */
        OPEN,
        /** The condition always holds. */
        ALWAYS,
        /** The condition never holds. */
        NEVER
    }

    /** Where the bytes of an instruction's immediate begin and end. */
    private static final int IMM_FROM = 4;

    /** Where its offset begins. */
    private static final int OFF_FROM = 2;

    private static final int SLOT_BYTES = 8;

    private final byte[] insns;
    private final boolean proof;
    private final BitSet reached;
    private final BitSet taken;
    private final BitSet fallen;
    private final @Nullable RegisterFact[][] registers;

    /**
     * Facts of a program; for the verifier alone.
     *
     * @param insns the instructions, eight bytes a slot
     * @param proof whether no check is needed where the facts say so
     * @param reached slots that some path comes by
     * @param taken conditional jumps whose condition may hold
     * @param fallen conditional jumps whose condition may not hold
     * @param registers by slot, by register; null where nothing is known
     */
    public Facts(
            byte[] insns,
            boolean proof,
            BitSet reached,
            BitSet taken,
            BitSet fallen,
            @Nullable RegisterFact[][] registers) {
        if (registers.length * SLOT_BYTES != insns.length) {
            throw new AssertionError("slots=" + registers.length + " bytes=" + insns.length);
        }
        this.insns = insns.clone();
        this.proof = proof;
        this.reached = (BitSet) reached.clone();
        this.taken = (BitSet) taken.clone();
        this.fallen = (BitSet) fallen.clone();
        this.registers = registers.clone();
    }

    /** Number of slots, as many as the program has. */
    public int size() {
        return registers.length;
    }

    /**
     * Whether the program may run without checks. False where Linux 6.18 accepts a program for a wrong reason: then it has to
     * run checked, as one that nobody verified.
     */
    public boolean isProof() {
        return proof;
    }

    /** Whether any path comes by a slot; what is not reached is dead code. True for both slots of an {@code lddw}. */
    public boolean isReached(int slot) {
        return reached.get(slot);
    }

    /** Which ways the conditional jump at a slot goes. */
    public Outcome outcome(int slot) {
        if (taken.get(slot) == fallen.get(slot)) {
            return Outcome.OPEN;
        }
        return taken.get(slot) ? Outcome.ALWAYS : Outcome.NEVER;
    }

    /** What an operand of the instruction at a slot holds before it; {@link RegisterFact#NONE} for registers it does not read. */
    public RegisterFact before(int slot, int register) {
        if (register == Instruction.FP) {
            return RegisterFact.FRAME_POINTER;
        }
        @Nullable RegisterFact[] at = registers[slot];
        if (at == null) {
            return RegisterFact.NONE;
        }
        RegisterFact fact = at[register];
        return fact == null ? RegisterFact.NONE : fact;
    }

    /** What the pointer of a load, store or atomic operation points to, before the instruction's offset is added. */
    public RegisterFact base(int slot, Instruction insn) {
        return switch (insn.form()) {
            case LDX, LDXSX, LOAD_ACQ -> before(slot, insn.src());
            case ST, STX, ATOMIC, STORE_REL -> before(slot, insn.dst());
            case ALU_K,
                    ALU_X,
                    UNARY,
                    MOVSX,
                    JMP_K,
                    JMP_X,
                    JA,
                    GOTOL,
                    MAY_GOTO,
                    CALL_HELPER,
                    CALL_LOCAL,
                    CALL_KFUNC,
                    CALLX,
                    EXIT,
                    LDDW,
                    LD_ABS,
                    LD_IND -> throw new AssertionError("no access: " + insn);
        };
    }

    /** Whether the load at a slot reads the context, so that it has to be rewritten. */
    public boolean isContextLoad(int slot, Instruction insn) {
        return insn.form() == Form.LDX && base(slot, insn).kind() == RegisterFact.Kind.CTX;
    }

    /**
     * Ties the facts to the program that was linked from the same instructions, and removes its dead code.
     *
     * @param program the verified instructions, with addresses in the {@code lddw}s of maps
     * @return what is left of it, which may run without checks; empty if the facts are no {@linkplain #isProof proof}
     */
    public Optional<Verified> verified(Program program) {
        return proof ? Optional.of(new Verified(trim(program))) : Optional.empty();
    }

    /**
     * Removes the dead code of the program that was linked from the same instructions, as Linux does: for listings.
     *
     * @param program the verified instructions, with addresses in the {@code lddw}s of maps
     */
    public Trimmed trim(Program program) {
        requireSame(program.code());
        return DeadCode.trim(program, this);
    }

    /** The facts of a program that has only some of the slots left. */
    Facts select(Code code, int[] origins) {
        BitSet allReached = new BitSet();
        allReached.set(0, origins.length);
        BitSet newTaken = new BitSet();
        BitSet newFallen = new BitSet();
        @Nullable RegisterFact[][] newRegisters = new RegisterFact[origins.length][];
        for (int slot = 0; slot < origins.length; slot++) {
            newTaken.set(slot, taken.get(origins[slot]));
            newFallen.set(slot, fallen.get(origins[slot]));
            newRegisters[slot] = registers[origins[slot]];
        }
        return new Facts(code.toBytes(), proof, allReached, newTaken, newFallen, newRegisters);
    }

    private static boolean isPlain(Instruction insn) {
        return insn.pseudo() == Pseudo.IMM || insn.pseudo() == Pseudo.FUNC;
    }

    /** The instructions must be the verified ones; addresses of maps and numbers of kfuncs were up to the loader. */
    private void requireSame(Code code) {
        byte[] linked = code.toBytes();
        boolean same = linked.length == insns.length;
        for (int slot = 0; same && slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn == null) {
                continue;
            }
            int from = slot * SLOT_BYTES;
            int compared = switch (insn.form()) {
                case LDDW -> isPlain(insn) ? 2 * SLOT_BYTES : IMM_FROM;
                case CALL_KFUNC -> OFF_FROM;
                default -> SLOT_BYTES;
            };
            same = Arrays.equals(linked, from, from + compared, insns, from, from + compared);
        }
        if (!same) {
            throw new AssertionError("the program is not the one that was verified");
        }
    }
}
