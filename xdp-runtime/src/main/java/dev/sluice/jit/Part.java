package dev.sluice.jit;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import dev.sluice.isa.Instruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Some blocks of a function that become one method: all of them, where the function fits, or a part of them. Made by {@link
 * Partition}.
 */
final class Part {
    final Flow flow;

    /** Index of the function. */
    final int function;

    /** Number of this part in its function, from 0. */
    final int number;

    /** Blocks in the order in which they are emitted. */
    final List<Block> blocks;

    /** Where they are in it, by their index. */
    private final Map<Integer, Integer> places = new HashMap<>();

    /** Indices of the blocks at which control comes in from other parts; the function's entry is one, the first. */
    final List<Integer> entries = new ArrayList<>();

    /** Whether control comes in at some of them by way of the dispatcher. */
    boolean isResumed;

    /** Registers that are live at some entry, as bits. */
    int liveIn;

    /** Variables on the stack that are live at some entry, as bits. */
    long variablesIn;

    private final int startSlot;
    private final int endSlot;

    /** @param own of the blocks that are in no other part; at least one */
    Part(Flow flow, int function, int number, List<Block> blocks, int own) {
        this.flow = flow;
        this.function = function;
        this.number = number;
        this.blocks = blocks;
        int start = Integer.MAX_VALUE;
        int end = 0;
        for (int i = 0; i < blocks.size(); i++) {
            Block block = blocks.get(i);
            places.put(block.index, i);
            if (i < own) {
                start = Math.min(start, block.start);
                end = Math.max(end, block.end);
            }
        }
        startSlot = start;
        endSlot = end;
    }

    boolean contains(int block) {
        return places.containsKey(block);
    }

    /** The place of a block in {@link #blocks}. */
    int place(int block) {
        return places.get(block);
    }

    /** The lowest of the slots that are in no other part. */
    int startSlot() {
        return startSlot;
    }

    /** Behind the highest of them. */
    int endSlot() {
        return endSlot;
    }

    /** Number of instructions. */
    int instructions() {
        int count = 0;
        for (Block block : blocks) {
            count += block.instructions;
        }
        return count;
    }

    /** Whether some instruction in it reads the context. */
    boolean readsContext() {
        for (Block block : blocks) {
            if (block.readsContext) {
                return true;
            }
        }
        return false;
    }

    /**
     * The method's type: {@code long part(RunContext, r10, live registers, live variables, what is left of may_goto, what is
     * left of the instructions, entry)}, the last three as far as there are such.
     */
    MethodTypeDesc type(Unit unit) {
        List<ClassDesc> types = new ArrayList<>();
        types.add(Descriptors.RUN_CONTEXT);
        types.add(CD_long);
        for (int i = Integer.bitCount(liveIn) + Long.bitCount(variablesIn); i > 0; i--) {
            types.add(CD_long);
        }
        if (unit.hasMayGoto(function)) {
            types.add(CD_int);
        }
        if (unit.counted) {
            types.add(CD_int);
        }
        if (entries.size() > 1) {
            types.add(CD_int);
        }
        return MethodTypeDesc.of(CD_long, types);
    }

    /** Whether a register is live at some entry. */
    boolean takes(int register) {
        return register < Instruction.FP && (liveIn >>> register & 1) != 0;
    }
}
