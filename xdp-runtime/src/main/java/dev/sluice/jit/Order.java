package dev.sluice.jit;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An order of a function's blocks in which what probably runs one after the other is together: reverse postorder, so that a
 * block comes after those that lead to it, and at each branch the likely side first. Likely is what stays in a loop, else
 * what has the longer way to the exit: checks that fail and rules that match leave early. A long chain of tests is so in
 * one piece, and what they lead to behind it.
 */
final class Order {
    /** What crossing an edge between parts costs, by how likely it is. */
    private static final int UNLIKELY = 1;

    private static final int EVEN = 4;
    private static final int LIKELY = 8;

    /** Visits of blocks, a block, that the search for loops is given: deeper nests are not told apart. */
    private static final int VISITS = 32;

    private final List<Block> blocks;

    /** Blocks in this order. */
    final int[] sequence;

    /** By block: instructions on the longest way to the exit, without going round. */
    private final long[] way;

    /** By block: how many loops it is in. */
    private final int[] depth;

    Order(List<Block> blocks) {
        this.blocks = blocks;
        way = new long[blocks.size()];
        depth = new int[blocks.size()];
        BitSet backwards = new BitSet(2 * blocks.size());
        int[] postorder = walk(backwards);
        for (int block : postorder) {
            long longest = 0;
            for (int side = 0; side < 2; side++) {
                int next = successor(block, side);
                if (next != Block.NONE && !backwards.get(2 * block + side)) {
                    longest = Math.max(longest, way[next]);
                }
            }
            way[block] = longest + blocks.get(block).instructions;
        }
        findLoops(backwards);
        sequence = walk(null);
        for (int i = 0, j = sequence.length - 1; i < j; i++, j--) {
            int other = sequence[i];
            sequence[i] = sequence[j];
            sequence[j] = other;
        }
    }

    private int successor(int block, int side) {
        return side == 0 ? blocks.get(block).next : blocks.get(block).target;
    }

    /** Below 0 when the target is the likelier side, above 0 when the next block is. */
    private int compareSides(Block block) {
        int byLoop = Integer.compare(depth[block.next], depth[block.target]);
        return byLoop != 0 ? byLoop : Long.compare(way[block.next], way[block.target]);
    }

    /** What it costs when control crosses a cut on its way from a block to one of its successors. */
    int cost(Block block, int side) {
        if (block.next == Block.NONE || block.target == Block.NONE) {
            return LIKELY;
        }
        long next = way[block.next];
        long target = way[block.target];
        boolean even = depth[block.next] == depth[block.target] && next <= 2 * target && target <= 2 * next;
        if (even) {
            return EVEN;
        }
        return compareSides(block) > 0 == (side == 0) ? LIKELY : UNLIKELY;
    }

    /**
     * Depth first from the entry: the blocks in postorder.
     *
     * @param backwards gets the edges that go back to where the walk came from, as twice the block plus the side; null once
     *     they are known, and then the unlikely side is walked first
     */
    private int[] walk(@Nullable BitSet backwards) {
        int count = blocks.size();
        int[] order = new int[count];
        int size = 0;
        byte[] visited = new byte[count]; // edges taken, plus 1; 4 when done
        int[] stack = new int[count + 1];
        int top = 0;
        stack[0] = 0;
        visited[0] = 1;
        while (top >= 0) {
            int block = stack[top];
            if (visited[block] == 3) {
                visited[block] = 4;
                order[size++] = block;
                top--;
                continue;
            }
            int turn = visited[block]++ - 1;
            // last in postorder is first in the end; of equal sides that is the next block
            boolean nextIsLast = backwards == null && hasBoth(block) && compareSides(blocks.get(block)) >= 0;
            int side = nextIsLast ? 1 - turn : turn;
            int next = successor(block, side);
            if (next == Block.NONE) {
                continue;
            }
            if (visited[next] == 0) {
                visited[next] = 1;
                stack[++top] = next;
            } else if (visited[next] < 4 && backwards != null) {
                backwards.set(2 * block + side);
            }
        }
        return size == count ? order : Arrays.copyOf(order, size);
    }

    private boolean hasBoth(int block) {
        return blocks.get(block).next != Block.NONE && blocks.get(block).target != Block.NONE;
    }

    /** Counts for each block the loops that it is in: from where control goes back, backwards to where it goes. */
    private void findLoops(BitSet backwards) {
        if (backwards.isEmpty()) {
            return;
        }
        List<List<Integer>> tails = new ArrayList<>();
        int[] headers = new int[blocks.size()];
        for (int edge = backwards.nextSetBit(0); edge >= 0; edge = backwards.nextSetBit(edge + 1)) {
            int header = successor(edge / 2, edge % 2);
            if (headers[header] == 0) {
                tails.add(new ArrayList<>());
                headers[header] = tails.size();
            }
            tails.get(headers[header] - 1).add(edge / 2);
        }
        List<List<Block>> predecessors = Flow.predecessors(blocks);
        int[] seen = new int[blocks.size()];
        long left = (long) VISITS * blocks.size();
        for (int header = 0; header < headers.length && left > 0; header++) {
            int loop = headers[header];
            if (loop == 0) {
                continue;
            }
            seen[header] = loop;
            depth[header]++;
            ArrayDeque<Integer> work = new ArrayDeque<>(tails.get(loop - 1));
            while (!work.isEmpty() && left > 0) {
                int block = work.poll();
                if (seen[block] == loop) {
                    continue;
                }
                seen[block] = loop;
                depth[block]++;
                left--;
                for (Block before : predecessors.get(block)) {
                    work.add(before.index);
                }
            }
        }
    }
}
