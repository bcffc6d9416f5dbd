package dev.sluice.jit;

import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Width;

/** Upper bounds of the bytes of JVM code that instructions become; a test holds them true. */
final class SizeEstimate {
    private static final int CONTEXT_LOAD = 12;
    private static final int PLAIN_ACCESS = 28;
    private static final int CALL = 24;
    private static final int BOUNDED_ACCESS = 104;
    private static final int ATOMIC = 40;
    private static final int BOUNDED_ATOMIC = 132;

    /** Added where an address may be in the packet or on the stack. */
    private static final int SLICE = 44;

    /** What the context is told before it is asked for something. */
    private static final int ASK = 12;

    private static final int LOOKUP = 118;
    private static final int VARIABLE = 16;
    private static final int NEXT_NUMBER = 120;

    private final boolean checked;
    private final boolean counted;

    /**
     * @param checked whether region checks are part of the code
     * @param counted whether instructions are counted
     */
    SizeEstimate(boolean checked, boolean counted) {
        this.checked = checked;
        this.counted = counted;
    }

    /** Bytes for what a block has beside its instructions: counting, and ways into it and out of it. */
    int ofBlock() {
        return counted ? 48 : 8;
    }

    /** Bytes of an instruction of which nothing else is known. */
    int of(Instruction insn) {
        return of(insn, Kinds.PACKET);
    }

    /**
     * Bytes of an instruction, with its part of the code behind the method's last block.
     *
     * @param base the kind of the register that it reads or writes memory through, if any
     */
    int of(Instruction insn, int base) {
        return switch (insn.form()) {
            case ALU_K, ALU_X, UNARY, MOVSX -> insn.opcode().width() == Width.W ? 18 : 14;
            case JMP_K, JMP_X -> 22;
            case JA, GOTOL -> 12;
            case MAY_GOTO -> 20;
            case CALL_HELPER, CALL_KFUNC -> ofHelper(HelperTraits.called(insn));
            case CALL_LOCAL -> (counted ? 124 : 108) + ask();
            case CALLX -> (counted ? 148 : 132) + ask();
            case EXIT -> counted ? 24 : 16;
            case LDDW -> 6;
            case LDX, LDXSX, ST, STX -> ofAccess(base);
            case ATOMIC, LOAD_ACQ, STORE_REL ->
                checked && isBounded(base) ? BOUNDED_ATOMIC + (base == Kinds.FRAME ? SLICE : 0) : ATOMIC + ask();
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        };
    }

    /** Bytes of a load or store of a variable on the stack that is a local. */
    int ofVariable() {
        return VARIABLE;
    }

    private static boolean isBounded(int base) {
        return base == Kinds.PACKET || base == Kinds.VALUE || base == Kinds.AREA || base == Kinds.FRAME;
    }

    private int ofAccess(int base) {
        return switch (base) {
            case Kinds.CONTEXT -> Math.max(CONTEXT_LOAD, CALL + ask());
            case Kinds.STACK, Kinds.LONG -> checked ? Math.max(PLAIN_ACCESS, CALL + ASK) : PLAIN_ACCESS;
            case Kinds.PACKET, Kinds.VALUE, Kinds.AREA -> checked ? BOUNDED_ACCESS : PLAIN_ACCESS;
            case Kinds.FRAME -> checked ? BOUNDED_ACCESS + SLICE : PLAIN_ACCESS;
            default -> checked ? CALL + ask() : PLAIN_ACCESS;
        };
    }

    private int ask() {
        return checked ? ASK : 0;
    }

    private int ofHelper(Callee helper) {
        if (helper == null) {
            return 16;
        }
        if (helper == Helper.MAP_LOOKUP_ELEM) {
            return LOOKUP + ask();
        }
        if (helper == Kfunc.ITER_NUM_NEXT) {
            return NEXT_NUMBER;
        }
        return HelperTraits.runsCode(helper) || HelperTraits.movesPacket(helper) ? 112 + ask() : 36 + ask();
    }
}
