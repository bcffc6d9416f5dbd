package dev.sluice.jit;

import dev.sluice.isa.Instruction;
import java.util.Arrays;

/**
 * Which functions are emitted in place of their calls, or of loops of calls, because HotSpot's own inlining gives up at sizes that C functions
 * often have. A function is emitted at each of its calls or at none, when the method that it comes into does not outgrow
 * its budget by it.
 */
final class Inlining {
    /** The part of a method's budget that inlined functions may fill it up to, in percent. */
    private static final int FILL_PERCENT = 60;

    /** Estimated bytes of a function that is worth it for a call in several places. */
    private static final int SMALL = 900;

    private static final int BUSY = -2;
    private static final int UNKNOWN = -1;

    private final Unit unit;
    private final boolean[] inlined;

    /** By function: its estimate with all that comes into it. */
    private final int[] bytes;

    Inlining(Unit unit, int methodBytes) {
        this.unit = unit;
        int count = unit.flows.size();
        inlined = new boolean[count];
        bytes = new int[count];
        Arrays.fill(bytes, UNKNOWN);
        if (!unit.counted && !unit.callsPointers) {
            int budget = methodBytes / 100 * FILL_PERCENT;
            for (int i = 0; i < count; i++) {
                if (unit.kinds.isReached(i)) {
                    size(i, budget);
                }
            }
        }
    }

    /** Whether calls of a function are replaced by it. */
    boolean isEverywhere(int function) {
        return inlined[function];
    }

    /** Whether a function, or what comes into it, reads the context. */
    private boolean readsContext(int function) {
        Flow flow = unit.flows.get(function);
        return flow.blocks.stream().anyMatch(block -> block.readsContext || hasReader(flow, block));
    }

    private boolean hasReader(Flow flow, Block block) {
        Instruction last = flow.code.at(block.last); // calls end blocks
        int callee = unit.calledFunction(last, block.last);
        return callee >= 0 && inlined[callee] && readsContext(callee);
    }

    /** Adds to the blocks what comes into them: to their estimates, and whether it reads the context. */
    void enlargeBlocks() {
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == UNKNOWN) {
                continue;
            }
            Flow flow = unit.flows.get(i);
            for (Block block : flow.blocks) {
                block.readsContext |= hasReader(flow, block);
                Instruction last = flow.code.at(block.last);
                int callee = unit.calledFunction(last, block.last);
                if (callee >= 0) {
                    block.estimate += inlined[callee] ? bytes[callee] : 0;
                }
            }
        }
    }

    /** Callees first: what a function comes to with them, and whether it goes into its callers. */
    private int size(int function, int budget) {
        if (bytes[function] != UNKNOWN) {
            return bytes[function];
        }
        bytes[function] = BUSY;
        long own = 0;
        boolean leaf = true;
        Flow flow = unit.flows.get(function);
        for (Block block : flow.blocks) {
            own += block.estimate;
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = flow.code.at(slot);
                int callee = unit.calledFunction(insn, slot);
                if (callee >= 0) {
                    int size = size(callee, budget);
                    leaf &= size != BUSY;
                    if (size != BUSY && inlined[callee]) {
                        inlined[callee] = own + size <= budget;
                        own += inlined[callee] ? size : 0;
                    }
                }
                slot += insn.slots();
            }
        }
        int size = (int) Math.min(own, Integer.MAX_VALUE);
        bytes[function] = size;
        boolean once = unit.callSites(function) == 1;
        inlined[function] = function != 0
                && leaf
                && (!unit.isPointedTo(function) || unit.onlyLoops())
                && !unit.tailCalls(function)
                && (once ? size <= budget / 2 : size <= SMALL && (long) size * unit.callSites(function) <= budget / 2);
        return size;
    }
}
