package dev.sluice.jit;

import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import java.util.ArrayDeque;
import java.util.List;

/** Which variables on a function's stack are live where: read in or after a block before they are written. */
final class Variables {
    private final Flow flow;
    private final int function;
    private final StackUse stack;
    private final long[] liveIn;

    Variables(Flow flow, int function, StackUse stack) {
        this.flow = flow;
        this.function = function;
        this.stack = stack;
        List<Block> blocks = flow.blocks;
        liveIn = new long[blocks.size()];
        if (!stack.variables(function).isEmpty()) {
            analyse(blocks);
        }
    }

    private void analyse(List<Block> blocks) {
        long[] written = new long[blocks.size()];
        for (Block block : blocks) {
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = flow.code.at(slot);
                int variable = stack.variable(function, slot, insn);
                if (variable >= 0) {
                    long bit = 1L << variable;
                    if (insn.form() == Form.ST || insn.form() == Form.STX) {
                        written[block.index] |= bit;
                    } else {
                        liveIn[block.index] |= bit & ~written[block.index];
                    }
                }
                slot += insn.slots();
            }
        }
        List<List<Block>> predecessors = Flow.predecessors(blocks);
        ArrayDeque<Block> work = new ArrayDeque<>(blocks);
        while (!work.isEmpty()) {
            Block block = work.pollLast();
            long in = liveIn[block.index];
            if (block.next != Block.NONE) {
                in |= liveIn[block.next] & ~written[block.index];
            }
            if (block.target != Block.NONE) {
                in |= liveIn[block.target] & ~written[block.index];
            }
            // the first time round, whatever it is
            if (in != liveIn[block.index]) {
                liveIn[block.index] = in;
                work.addAll(predecessors.get(block.index));
            }
        }
    }

    /** The variables that are live where a block begins, as bits. */
    long liveIn(int block) {
        return liveIn[block];
    }

    /** The variables that the instructions of a part access, as bits. */
    static long accessed(Part part, StackUse stack) {
        long accessed = 0;
        for (Block block : part.blocks) {
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = part.flow.code.at(slot);
                int variable = stack.variable(part.function, slot, insn);
                accessed |= variable < 0 ? 0 : 1L << variable;
                slot += insn.slots();
            }
        }
        return accessed;
    }
}
