package dev.sluice.jit;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;

/** What a call of a helper means for the code around it, beyond its arguments and its result. */
final class HelperTraits {
    private HelperTraits() {}

    /**
     * The helper or kernel function that an instruction calls, or null: no call of either, or of none that can be called.
     */
    static Callee called(Instruction insn) {
        return insn.form() == Form.CALL_HELPER
                ? Helper.callable(insn.imm32())
                : insn.form() == Form.CALL_KFUNC ? Kfunc.callable(insn.imm32()) : null;
    }

    /** How many registers it looks at, from r1 on: of two, more than Linux describes. */
    static int arguments(Callee callee) {
        return callee == Helper.TRACE_PRINTK ? 5 : callee == Helper.GET_BRANCH_SNAPSHOT ? 3 : callee.argCount();
    }

    /** The register in which a helper gets a map, or -1. */
    static int mapArgument(Callee helper) {
        for (int i = 0; i < helper.argCount(); i++) {
            if (helper.arg(i) == ArgKind.CONST_MAP_PTR) {
                return 1 + i;
            }
        }
        return -1;
    }

    /** Whether the program's run may end here and go on in another program. */
    static boolean tailCalls(Callee callee) {
        return callee == Helper.TAIL_CALL;
    }

    /** Whether it has to know how to call functions of the program, now or later. */
    static boolean takesFunction(Callee callee) {
        return callee.takesFunction();
    }

    /** Whether it calls functions of the program. */
    static boolean callsBack(Callee callee) {
        return callee.callsBack();
    }

    /** Whether instructions of this or another program may run before the next instruction does. */
    static boolean runsCode(Callee callee) {
        return tailCalls(callee) || callsBack(callee);
    }

    /** Whether data, data_end and data_meta may be others afterwards. */
    static boolean movesPacket(Callee callee) {
        return callee.movesPacket() || runsCode(callee);
    }

    /**
     * Whether it needs no more of a run than the CPU, the clock and memory that its arguments name: not the packet at hand,
     * and it leaves nothing for the run's end.
     */
    static boolean isPlain(Callee callee) {
        return callee instanceof Helper helper ? isPlain(helper) : isPlain((Kfunc) callee);
    }

    private static boolean isPlain(Kfunc kfunc) {
        return switch (kfunc) {
            case DYNPTR_ADJUST,
                    DYNPTR_CLONE,
                    DYNPTR_IS_NULL,
                    DYNPTR_IS_RDONLY,
                    DYNPTR_SIZE,
                    ITER_NUM_NEW,
                    ITER_NUM_NEXT,
                    ITER_NUM_DESTROY,
                    PREEMPT_DISABLE,
                    PREEMPT_ENABLE,
                    RCU_READ_LOCK,
                    RCU_READ_UNLOCK -> true;
            default -> false;
        };
    }

    private static boolean isPlain(Helper helper) {
        return switch (helper) {
            case MAP_LOOKUP_ELEM,
                    MAP_UPDATE_ELEM,
                    MAP_DELETE_ELEM,
                    MAP_PUSH_ELEM,
                    MAP_POP_ELEM,
                    MAP_PEEK_ELEM,
                    MAP_LOOKUP_PERCPU_ELEM,
                    KTIME_GET_NS,
                    KTIME_GET_BOOT_NS,
                    KTIME_GET_COARSE_NS,
                    KTIME_GET_TAI_NS,
                    JIFFIES64,
                    GET_NUMA_NODE_ID,
                    GET_PRANDOM_U32,
                    GET_SMP_PROCESSOR_ID,
                    CSUM_DIFF,
                    STRNCMP,
                    STRTOL,
                    STRTOUL,
                    RINGBUF_OUTPUT,
                    RINGBUF_RESERVE,
                    RINGBUF_SUBMIT,
                    RINGBUF_DISCARD,
                    RINGBUF_QUERY,
                    SPIN_LOCK,
                    SPIN_UNLOCK -> true;
            default -> false;
        };
    }

    /** Whether it says where the packet goes, and nothing else matters to it. */
    static boolean redirects(Callee callee) {
        return callee == Helper.REDIRECT || callee == Helper.REDIRECT_MAP;
    }

    /** Whether the packet has to be the one at hand, which packet loops see to where such a helper is called. */
    static boolean takesPacket(Callee callee) {
        return !isPlain(callee) && !redirects(callee);
    }

    /** Whether more of a run may matter to it than the packet at hand, so that each run has to begin and end in full. */
    static boolean takesRun(Callee callee) {
        return callsBack(callee) || takesFunction(callee) || callee instanceof Kfunc && findsOut(callee);
    }

    /** Whether it takes any address and finds out itself what may be read there. */
    private static boolean findsOut(Callee callee) {
        return callee.args().contains(ArgKind.IGNORED);
    }

    /** Whether it writes to memory that the program names. */
    static boolean writesMemory(Callee callee) {
        return callsBack(callee) || callee.args().stream().anyMatch(ArgKind::writes);
    }
}
