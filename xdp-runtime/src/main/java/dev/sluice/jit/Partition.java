package dev.sluice.jit;

import java.util.ArrayList;
import java.util.List;

/**
 * How a function is cut into parts of a bounded size. A cut is made where the fewest edges of the control flow cross it,
 * loops counting most; linear in the function's size.
 */
final class Partition {
    /** What crossing a cut backwards costs, forwards being 1: loops should stay in one method. */
    private static final int BACKWARD = 16;

    /** Bytes of a part beside its blocks: the switch on the entry, registers loaded and saved. */
    private static final int OVERHEAD = 300;

    private final Flow flow;

    /** In order of their blocks; a single one when the function fits. */
    final List<Part> parts;

    private final int[] partOf;

    private Partition(Flow flow, List<Part> parts) {
        this.flow = flow;
        this.parts = parts;
        partOf = new int[flow.blocks.size()];
        for (Part part : parts) {
            for (int block = part.from; block < part.end; block++) {
                partOf[block] = part.number;
            }
        }
        connect();
    }

    /**
     * Cuts a function.
     *
     * @param bytes the estimate of bytes that a part must not exceed, unless it is one block
     */
    static Partition of(Flow flow, int function, int bytes) {
        List<Block> blocks = flow.blocks;
        List<Part> parts = new ArrayList<>();
        long total = OVERHEAD;
        for (Block block : blocks) {
            total += block.estimate;
        }
        if (total <= bytes) {
            parts.add(new Part(flow, function, 0, 0, blocks.size()));
            return new Partition(flow, parts);
        }
        int[] cost = costs(blocks);
        int from = 0;
        while (from < blocks.size()) {
            int end = from;
            long size = OVERHEAD;
            while (end < blocks.size() && (end == from || size + blocks.get(end).estimate <= bytes)) {
                size += blocks.get(end).estimate;
                end++;
            }
            if (end < blocks.size()) {
                int best = end;
                for (int cut = end - 1; cut > from + (end - from) / 2; cut--) {
                    if (cost[cut] < cost[best]) {
                        best = cut;
                    }
                }
                end = best;
            }
            parts.add(new Part(flow, function, parts.size(), from, end));
            from = end;
        }
        return new Partition(flow, parts);
    }

    /** By block: the cost of cutting before it. */
    private static int[] costs(List<Block> blocks) {
        int[] change = new int[blocks.size() + 1];
        for (Block block : blocks) {
            count(change, block.index, block.next);
            count(change, block.index, block.target);
        }
        for (int i = 1; i < change.length; i++) {
            change[i] += change[i - 1];
        }
        return change;
    }

    private static void count(int[] change, int from, int to) {
        if (to == Block.NONE) {
            return;
        }
        if (to > from) {
            change[from + 1]++;
            change[to + 1]--;
        } else {
            change[to + 1] += BACKWARD;
            change[from + 1] -= BACKWARD;
        }
    }

    private void connect() {
        boolean[] isEntry = new boolean[partOf.length];
        isEntry[0] = true;
        for (Block block : flow.blocks) {
            connect(block, block.next, isEntry);
            connect(block, block.target, isEntry);
        }
        for (int block = 0; block < isEntry.length; block++) {
            if (isEntry[block]) {
                Part part = parts.get(partOf[block]);
                part.entries.add(block);
                part.liveIn |= flow.blocks.get(block).liveIn;
            }
        }
    }

    private void connect(Block from, int to, boolean[] isEntry) {
        if (to != Block.NONE && partOf[to] != partOf[from.index]) {
            isEntry[to] = true;
            parts.get(partOf[from.index]).liveOut |= flow.blocks.get(to).liveIn;
        }
    }

    /** Whether the function is one method. */
    boolean isWhole() {
        return parts.size() == 1;
    }

    /** The part that a block is in. */
    Part partOf(int block) {
        return parts.get(partOf[block]);
    }
}
