package dev.sluice.jit;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Helper;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;

/** What a call of a helper means for the code around it, beyond its arguments and its result. */
final class HelperTraits {
    private static final int TAIL_CALL = 12;
    private static final int XDP_ADJUST_HEAD = 44;
    private static final int XDP_ADJUST_META = 54;
    private static final int XDP_ADJUST_TAIL = 65;

    private HelperTraits() {}

    /** The helper that an instruction calls, or null: no call of a helper, or of none that can be called. */
    static Helper called(Instruction insn) {
        return insn.form() == Form.CALL_HELPER ? Helper.callable(insn.imm32()) : null;
    }

    /** Whether the program's run may end here and go on in another program. */
    static boolean tailCalls(Helper helper) {
        return helper.number() == TAIL_CALL;
    }

    /** Whether it calls functions of the program. */
    static boolean callsBack(Helper helper) {
        return helper.callsBack();
    }

    /** Whether instructions of this or another program may run before the next instruction does. */
    static boolean runsCode(Helper helper) {
        return tailCalls(helper) || callsBack(helper);
    }

    /** Whether data, data_end and data_meta may be others afterwards. */
    static boolean movesPacket(Helper helper) {
        return switch (helper.number()) {
            case TAIL_CALL, XDP_ADJUST_HEAD, XDP_ADJUST_META, XDP_ADJUST_TAIL -> true;
            default -> callsBack(helper);
        };
    }

    /** Whether it writes to memory that the program names. */
    static boolean writesMemory(Helper helper) {
        return callsBack(helper) || helper.args().stream().anyMatch(ArgKind::writes);
    }
}
