package dev.sluice.verifier;

import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Form;
import dev.sluice.isa.Opcode;

/** The stack that chains of calls need: 512 bytes in all, and at most 256 below a function that makes tail calls. */
final class StackDepth {
    private static final int MAX_BYTES = 512;
    private static final int MAX_BELOW_TAIL_CALL = 256;
    private static final int ALIGNMENT = 16;

    private final Run run;
    private final Layout layout;

    private StackDepth(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    static void check(Run run) {
        StackDepth depth = new StackDepth(run);
        depth.visit(0, 0, 0, false);
        run.asyncCallbacks.stream().forEach(function -> depth.visit(function, 0, 0, false));
    }

    /**
     * @param calledBack whether a helper calls a function on the way here
     */
    private void visit(int function, int below, int frame, boolean calledBack) {
        boolean inCallback = calledBack || run.callbacks.get(function);
        if (function > 0 && layout.tailCalls[function] && below >= MAX_BELOW_TAIL_CALL) {
            throw run.reject(
                    "tail_calls are not allowed when call stack of previous frames is " + below + " bytes. Too large");
        }
        int own = (run.stackDepth[function] + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        int depth = below + own;
        if (depth > MAX_BYTES) {
            throw run.reject("combined stack size of " + (frame + 1) + " calls is " + depth + ". Too large");
        }
        for (int i = layout.starts[function]; i < layout.endOf(function); i++) {
            if (inCallback && layout.kfuncAt(i) == Kfunc.THROW) {
                throw run.reject("bpf_throw kfunc (insn " + i + ") cannot be called from callback subprog " + function);
            }
            boolean calls = layout.isForm(i, Form.CALL_LOCAL);
            boolean points = layout.row[i] == Opcode.LDDW && layout.src[i] == 4;
            if (!calls && !points) {
                continue;
            }
            int callee = layout.functionAt(i + 1 + layout.imm[i]);
            if (!calls && run.asyncCallbacks.get(callee)) {
                continue; // it begins with a stack of its own
            }
            if (frame + 1 >= State.MAX_FRAMES) {
                throw run.reject("the call stack of " + (frame + 1) + " frames is too deep !");
            }
            visit(callee, depth, frame + 1, inCallback);
        }
    }
}
