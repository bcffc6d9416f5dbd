package dev.sluice.jit;

import java.util.ArrayList;
import java.util.List;

/**
 * Some consecutive blocks of a function that become one method: all of them, where the function fits, or a part of
 * them. Made by {@link Partition}.
 */
final class Part {
    final Flow flow;

    /** Index of the function. */
    final int function;

    /** Number of this part in its function, from 0. */
    final int number;

    /** Blocks with index from (inclusive) to end (exclusive). */
    final int from;

    final int end;

    /** Indices of the blocks at which control comes in from other parts; the function's entry is one, the first. */
    final List<Integer> entries = new ArrayList<>();

    /** Registers that are live at some entry, as bits. */
    int liveIn;

    /** Registers that are live where control goes to other parts, as bits. */
    int liveOut;

    Part(Flow flow, int function, int number, int from, int end) {
        this.flow = flow;
        this.function = function;
        this.number = number;
        this.from = from;
        this.end = end;
    }

    boolean contains(int block) {
        return block >= from && block < end;
    }

    int startSlot() {
        return flow.blocks.get(from).start;
    }

    /** Behind the last instruction. */
    int endSlot() {
        return flow.blocks.get(end - 1).end;
    }
}
