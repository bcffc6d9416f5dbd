package dev.sluice.jit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a function is cut into parts of a bounded size. Its blocks are put into an {@link Order} of likely control flow, which is
 * cut where the least of it crosses. Short ways to an exit belong to every part that takes them. Linear in the function's
 * size.
 *
 * <p>Control goes forward from part to part by a call in tail position, so that a program that goes through parts makes the
 * JVM's stack deeper by a frame each; everything else, and what goes on after so many parts, returns to a dispatcher.
 */
final class Partition {
    /** What crossing a cut backwards costs, in times of what it costs forwards: loops should stay in one method. */
    private static final int BACKWARD = 16;

    /** Bytes of a part beside its blocks: parameters, the switch on the entry, calls of other parts. */
    private static final int OVERHEAD = 400;

    /** Estimated bytes of a way to the exit that each part has for itself. */
    private static final int SHARED_BYTES = 200;

    /** A part is filled up but for at most one in so many, in which the best place for the cut is looked for. */
    private static final int WINDOW = 4;

    /** Parts that may call each other, as bits. */
    private static final int CHAIN_BITS = 5;

    private static final int TOO_MUCH = Integer.MAX_VALUE / 2;

    private final Flow flow;

    /** A single one when the function fits. */
    final List<Part> parts;

    /** By block: the number of its part; -1 for those that are in several. */
    private final int[] partOf;

    /** Whether some ways between parts are the dispatcher's. */
    final boolean isDispatched;

    private Partition(Flow flow, List<Part> parts, int[] partOf, boolean isDispatched) {
        this.flow = flow;
        this.parts = parts;
        this.partOf = partOf;
        this.isDispatched = isDispatched;
    }

    /**
     * Cuts a function.
     *
     * @param bytes the estimate of bytes that a part must not exceed, unless it is one block
     * @param stack how the function uses its stack, or null
     */
    static Partition of(Flow flow, int function, int bytes, @Nullable StackUse stack) {
        List<Block> blocks = flow.blocks;
        long total = OVERHEAD;
        for (Block block : blocks) {
            total += block.estimate;
        }
        if (total <= bytes) {
            Part whole = new Part(flow, function, 0, blocks, blocks.size());
            whole.entries.add(0);
            whole.liveIn = blocks.getFirst().liveIn;
            return new Partition(flow, List.of(whole), new int[blocks.size()], false);
        }
        int[] shared = shared(blocks);
        Order order = new Order(blocks);
        int[] sequence = Arrays.stream(order.sequence)
                .filter(block -> shared[block] == TOO_MUCH)
                .toArray();
        int[] cost = costs(blocks, order, sequence);
        int[] partOf = new int[blocks.size()];
        Arrays.fill(partOf, -1);
        List<Part> parts = new ArrayList<>();
        int[] copiedTo = new int[blocks.size()];
        Arrays.fill(copiedTo, -1);
        int from = 0;
        while (from < sequence.length) {
            int end = from;
            long size = OVERHEAD;
            while (end < sequence.length) {
                size += blocks.get(sequence[end]).estimate
                        + copies(blocks, shared, sequence[end], copiedTo, parts.size());
                if (end > from && size > bytes) {
                    break;
                }
                end++;
            }
            if (end < sequence.length) {
                int best = end;
                for (int cut = end - 1; cut > end - (end - from) / WINDOW; cut--) {
                    if (cost[cut] < cost[best]) {
                        best = cut;
                    }
                }
                end = best;
            }
            parts.add(part(flow, function, parts.size(), Arrays.copyOfRange(sequence, from, end), shared, partOf));
            from = end;
        }
        return connect(flow, parts, partOf, stack == null ? null : new Variables(flow, function, stack));
    }

    /** By block: bytes of the way from it to the exit, when that is short and without branches; else too much. */
    private static int[] shared(List<Block> blocks) {
        int[] bytes = new int[blocks.size()];
        for (Block first : blocks) {
            int sum = 0;
            Block block = first;
            while (sum <= SHARED_BYTES) {
                sum += block.index == 0 ? TOO_MUCH : block.estimate;
                if (block.next != Block.NONE && block.target != Block.NONE) {
                    sum = TOO_MUCH;
                } else if (block.next != Block.NONE) {
                    block = blocks.get(block.next);
                } else if (block.target != Block.NONE) {
                    block = blocks.get(block.target);
                } else {
                    break;
                }
            }
            bytes[first.index] = sum <= SHARED_BYTES ? sum : TOO_MUCH;
        }
        return bytes;
    }

    /** Bytes of the shared blocks that a block brings into a part. */
    private static int copies(List<Block> blocks, int[] shared, int block, int[] copiedTo, int part) {
        int bytes = 0;
        for (int side = 0; side < 2; side++) {
            int next = side == 0 ? blocks.get(block).next : blocks.get(block).target;
            if (next != Block.NONE && shared[next] != TOO_MUCH && copiedTo[next] != part) {
                bytes += shared[next];
                copiedTo[next] = part;
            }
        }
        return bytes;
    }

    private static Part part(Flow flow, int function, int number, int[] own, int[] shared, int[] partOf) {
        List<Block> members = new ArrayList<>();
        for (int block : own) {
            partOf[block] = number;
            members.add(flow.blocks.get(block));
        }
        boolean[] copied = new boolean[0];
        for (int i = 0; i < members.size(); i++) { // copies are appended, and what they lead to
            Block block = members.get(i);
            for (int side = 0; side < 2; side++) {
                int next = side == 0 ? block.next : block.target;
                if (next != Block.NONE && shared[next] != TOO_MUCH) {
                    if (copied.length == 0) {
                        copied = new boolean[flow.blocks.size()];
                    }
                    if (!copied[next]) {
                        copied[next] = true;
                        members.add(flow.blocks.get(next));
                    }
                }
            }
        }
        return new Part(flow, function, number, members, own.length);
    }

    /** By place in the sequence: the cost of cutting before it. */
    private static int[] costs(List<Block> blocks, Order order, int[] sequence) {
        int[] place = new int[blocks.size()];
        Arrays.fill(place, -1);
        for (int i = 0; i < sequence.length; i++) {
            place[sequence[i]] = i;
        }
        int[] change = new int[sequence.length + 1];
        for (int i = 0; i < sequence.length; i++) {
            Block block = blocks.get(sequence[i]);
            for (int side = 0; side < 2; side++) {
                int next = side == 0 ? block.next : block.target;
                if (next == Block.NONE || place[next] < 0) {
                    continue;
                }
                int to = place[next];
                int cost = order.cost(block, side);
                if (to > i) {
                    change[i + 1] += cost;
                    change[to + 1] -= cost;
                } else {
                    change[to + 1] += BACKWARD * cost;
                    change[i + 1] -= BACKWARD * cost;
                }
            }
        }
        for (int i = 1; i < change.length; i++) {
            change[i] += change[i - 1];
        }
        return change;
    }

    private static Partition connect(Flow flow, List<Part> parts, int[] partOf, @Nullable Variables variables) {
        boolean[] isEntry = new boolean[partOf.length];
        isEntry[0] = true;
        boolean dispatched = false;
        for (Block block : flow.blocks) {
            int from = partOf[block.index];
            for (int side = 0; side < 2; side++) {
                int next = side == 0 ? block.next : block.target;
                if (from < 0 || next == Block.NONE || partOf[next] < 0 || partOf[next] == from) {
                    continue;
                }
                isEntry[next] = true;
                if (!isCall(from, partOf[next])) {
                    dispatched = true;
                    parts.get(partOf[next]).isResumed = true;
                }
            }
        }
        for (int block = 0; block < isEntry.length; block++) {
            if (isEntry[block]) {
                Part part = parts.get(partOf[block]);
                part.entries.add(block);
                part.liveIn |= flow.blocks.get(block).liveIn;
                part.variablesIn |= variables == null ? 0 : variables.liveIn(block);
            }
        }
        return new Partition(flow, List.copyOf(parts), partOf, dispatched);
    }

    /** Whether control goes from a part to another by a call. */
    static boolean isCall(int from, int to) {
        return to > from && to >>> CHAIN_BITS == from >>> CHAIN_BITS;
    }

    /** Whether the first part is entered at the function's beginning only, and not from other parts. */
    boolean beginsAlone() {
        return parts.getFirst().entries.size() == 1 && !parts.getFirst().isResumed;
    }

    /** Whether the function is one method. */
    boolean isWhole() {
        return parts.size() == 1;
    }

    /** The part that has a block as one of its entries. */
    Part partOf(int block) {
        return parts.get(partOf[block]);
    }

    /** The number under which a dispatcher finds a block. */
    int entryNumber(int block) {
        return partOf[block] << Emitter.ENTRY_BITS | entry(block);
    }

    /** The number of an entry in its part. */
    int entry(int block) {
        return Collections.binarySearch(partOf(block).entries, block);
    }
}
