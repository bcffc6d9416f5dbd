package dev.sluice.jit;

import org.jspecify.annotations.Nullable;

/**
 * A basic block of a function: instructions that run one after the other. Made by {@link Flow}; the analyses keep their
 * results of a block in it.
 */
final class Block {
    /** No such successor. */
    static final int NONE = -1;

    /** Place in {@link Flow#blocks}. */
    final int index;

    /** First slot. */
    final int start;

    /** The slot behind the last instruction. */
    int end;

    /** The slot of the last instruction. */
    int last;

    /** Number of instructions, an {@code lddw} counting once. */
    int instructions;

    /** Index of the block that follows when the last instruction does not jump, or {@link #NONE}. */
    int next = NONE;

    /** Index of the block that the last instruction may jump to, or {@link #NONE}. */
    int target = NONE;

    /** Registers that are read in or after this block before they are written: bit n is rn. */
    int liveIn;

    /** What becomes of accesses to memory beside their plain forms; null where nothing does. */
    @Nullable
    ByteFlow bytes;

    /** By slot from the first on: what {@link AddressFlow} says about an access; null where nobody asked. */
    byte @Nullable [] inside;

    /** Upper bound of the bytes of JVM code that the block becomes. */
    int estimate;

    /** Whether an instruction of it reads the context. */
    boolean readsContext;

    Block(int index, int start) {
        this.index = index;
        this.start = start;
    }

    /** What {@link AddressFlow} says about the access of an instruction. */
    int inside(int slot) {
        return inside == null ? 0 : inside[slot - start];
    }

    /** A block of the same instructions at another place, without its successors and what was found out of it. */
    Block copy(int place) {
        Block copy = new Block(place, start);
        copy.end = end;
        copy.last = last;
        copy.instructions = instructions;
        copy.estimate = estimate;
        return copy;
    }

    @Override
    public String toString() {
        return "block " + start + ".." + last;
    }
}
