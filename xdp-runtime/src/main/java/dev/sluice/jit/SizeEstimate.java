package dev.sluice.jit;

import dev.sluice.isa.Instruction;

/** Upper bounds of the bytes of JVM code that instructions become; a test holds them true. */
final class SizeEstimate {
    private final boolean checked;

    /** @param checked whether region checks are part of the code */
    SizeEstimate(boolean checked) {
        this.checked = checked;
    }

    /** Bytes for what a block has beside its instructions: counting, and ways into it and out of it. */
    int ofBlock() {
        return checked ? 34 : 4;
    }

    /** Bytes that a register costs when it is saved or loaded at a method's border. */
    int ofTransfer() {
        return 6;
    }

    /** Bytes of an instruction with its part of the code behind the method's last block. */
    int of(Instruction insn) {
        return switch (insn.form()) {
            case ALU_K, ALU_X, UNARY, MOVSX -> 18;
            case JMP_K, JMP_X -> 22;
            case JA, GOTOL -> 8;
            case MAY_GOTO -> 20;
            case CALL_HELPER -> 90;
            case CALL_LOCAL -> 96;
            case CALLX -> 100;
            case CALL_KFUNC -> 24;
            case EXIT -> 24;
            case LDDW -> 6;
            case LDX, LDXSX -> checked ? 76 : 34;
            case ST, STX -> checked ? 76 : 36;
            case ATOMIC, LOAD_ACQ, STORE_REL -> 60;
            case LD_ABS, LD_IND -> throw new AssertionError("rejected before: " + insn);
        };
    }
}
