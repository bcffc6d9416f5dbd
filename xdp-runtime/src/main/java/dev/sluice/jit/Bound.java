package dev.sluice.jit;

import dev.sluice.helper.Callee;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.program.Program;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The most instructions that a run of a program can execute, where its shape alone says so. */
final class Bound {
    /** There is none: a loop, a recursion, a call by pointer, or a helper that runs code. */
    static final long NONE = -1;

    /** No program comes to an end that executes more, and sums of bounds must not overflow. */
    private static final long LARGEST = 1L << 40;

    private static final long UNKNOWN = -2;
    private static final long ACTIVE = -3;

    private final Program program;
    private final List<Flow> flows = new ArrayList<>();
    private final Map<Integer, Integer> functionAt = new HashMap<>();
    private final long[] bounds;

    private Bound(Program program) {
        this.program = program;
        SizeEstimate estimate = new SizeEstimate(false, false);
        program.subprograms()
                .forEach(function -> flows.add(Flow.of(program.code(), function, null, estimate, Integer.MAX_VALUE)));
        for (int i = 0; i < flows.size(); i++) {
            functionAt.put(flows.get(i).function.start(), i);
        }
        bounds = new long[flows.size()];
        Arrays.fill(bounds, UNKNOWN);
    }

    /** The bound, or {@link #NONE}. */
    static long of(Program program) {
        return new Bound(program).of(0, 0);
    }

    private long of(int function, int depth) {
        if (bounds[function] == ACTIVE || depth > RunContext.MAX_FRAMES) {
            return NONE;
        }
        if (bounds[function] == UNKNOWN) {
            bounds[function] = ACTIVE;
            bounds[function] = compute(function, depth);
        }
        return bounds[function];
    }

    /** Every call in the function counted once: more than any path makes. */
    private long compute(int function, int depth) {
        Flow flow = flows.get(function);
        if (flow.loops) {
            return NONE;
        }
        long bound = flow.longestPath;
        Code code = program.code();
        for (Block block : flow.blocks) {
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = code.at(slot);
                Callee helper = HelperTraits.called(insn);
                if (insn.form() == Form.CALLX
                        || helper != null && (HelperTraits.runsCode(helper) || HelperTraits.takesFunction(helper))) {
                    return NONE;
                }
                if (insn.form() == Form.CALL_LOCAL) {
                    long callee = of(functionAt.get(insn.target(slot)), depth + 1);
                    if (callee < 0 || bound + callee > LARGEST) {
                        return NONE;
                    }
                    bound += callee;
                }
                slot += insn.slots();
            }
        }
        return bound;
    }
}
