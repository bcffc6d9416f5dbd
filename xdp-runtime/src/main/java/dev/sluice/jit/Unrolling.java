package dev.sluice.jit;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Repeats the blocks of small loops, so that control goes back once in some rounds. C2 does so itself only where it can tell
 * how often a loop goes round, which those of compilers for BPF hide behind more than one way out and numbers of 32 bits in
 * registers of 64; and wherever control goes back, it asks whether the JVM wants the thread to stop.
 *
 * <p>Only loops that contain no other loop and no call, and that are entered at one block. Linear in the function's size.
 */
final class Unrolling {
    /** Rounds of a loop of at most so many instructions in all. */
    private static final int INSTRUCTIONS = 64;

    private static final int MOST_ROUNDS = 4;

    /** The blocks of a loop, the first being where it is entered, and how many times they are there afterwards. */
    private record Loop(BitSet blocks, int rounds) {
        int first() {
            return blocks.nextSetBit(0);
        }
    }

    private Unrolling() {}

    /**
     * The blocks of a function with its small loops repeated.
     *
     * @param blocks linked, in order of their slots
     * @param bytes what the repeated blocks may be estimated at together
     * @return the same list when there is nothing to repeat
     */
    static List<Block> of(Code code, List<Block> blocks, int bytes) {
        List<Loop> loops = find(code, blocks, bytes);
        if (loops.isEmpty()) {
            return blocks;
        }
        Loop[] loopOf = new Loop[blocks.size()];
        loops.forEach(loop -> loop.blocks.stream().forEach(block -> loopOf[block] = loop));
        // by round, by block of before
        int[][] places = new int[MOST_ROUNDS][blocks.size()];
        List<Block> made = new ArrayList<>();
        for (Block block : blocks) {
            places[0][block.index] = made.size();
            made.add(block.copy(made.size()));
            Loop loop = loopOf[block.index];
            if (loop != null && loop.blocks.length() == block.index + 1) {
                for (int round = 1; round < loop.rounds; round++) {
                    for (int i = loop.first(); i >= 0; i = loop.blocks.nextSetBit(i + 1)) {
                        places[round][i] = made.size();
                        made.add(blocks.get(i).copy(made.size()));
                    }
                }
            }
        }
        for (Block block : blocks) {
            Loop loop = loopOf[block.index];
            for (int round = 0; round < (loop == null ? 1 : loop.rounds); round++) {
                Block copy = made.get(places[round][block.index]);
                copy.next = place(places, loop, round, block.next);
                copy.target = place(places, loop, round, block.target);
            }
        }
        return made;
    }

    private static int place(int[][] places, Loop from, int round, int to) {
        if (to == Block.NONE) {
            return Block.NONE;
        }
        if (from == null || !from.blocks.get(to)) {
            return places[0][to];
        }
        return places[to == from.first() ? (round + 1) % from.rounds : round][to];
    }

    private static List<Loop> find(Code code, List<Block> blocks, int bytes) {
        List<Loop> loops = new ArrayList<>();
        List<List<Block>> predecessors = Flow.predecessors(blocks);
        int left = bytes;
        for (Block entry : blocks) {
            BitSet found = blocks(code, blocks, predecessors, entry);
            if (found.isEmpty()) {
                continue;
            }
            int instructions = 0;
            int size = 0;
            for (int i = entry.index; i >= 0; i = found.nextSetBit(i + 1)) {
                instructions += blocks.get(i).instructions;
                size += blocks.get(i).estimate;
            }
            int rounds = Math.min(MOST_ROUNDS, INSTRUCTIONS / instructions);
            if (rounds > 1 && size * (rounds - 1) <= left) {
                left -= size * (rounds - 1);
                loops.add(new Loop(found, rounds));
            }
        }
        return loops;
    }

    /** The blocks of the loop that is entered at a block, or none: there is no such loop, or not one to be repeated. */
    private static BitSet blocks(Code code, List<Block> blocks, List<List<Block>> predecessors, Block entry) {
        BitSet found = new BitSet();
        ArrayDeque<Block> work = new ArrayDeque<>();
        for (Block before : predecessors.get(entry.index)) {
            if (before.index >= entry.index) {
                work.add(before);
            }
        }
        if (work.isEmpty()) {
            return found;
        }
        found.set(entry.index);
        int instructions = entry.instructions;
        while (!work.isEmpty()) {
            Block block = work.poll();
            if (found.get(block.index)) {
                continue;
            }
            found.set(block.index);
            instructions += block.instructions;
            if (block.index < entry.index || instructions > INSTRUCTIONS) {
                return new BitSet();
            }
            work.addAll(predecessors.get(block.index));
        }
        for (int i = entry.index; i >= 0; i = found.nextSetBit(i + 1)) {
            Block block = blocks.get(i);
            if (goesBack(block, block.next, entry, found)
                    || goesBack(block, block.target, entry, found)
                    || calls(code, block)) {
                return new BitSet();
            }
        }
        return found;
    }

    /** Whether control goes round in the loop without coming by its entry. */
    private static boolean goesBack(Block from, int to, Block entry, BitSet loop) {
        return to != Block.NONE && to <= from.index && to != entry.index && loop.get(to);
    }

    private static boolean calls(Code code, Block block) {
        for (int slot = block.start; slot < block.end; ) {
            Form form = code.at(slot).form();
            if (form == Form.CALL_HELPER || form == Form.CALL_KFUNC || form == Form.CALL_LOCAL || form == Form.CALLX) {
                return true;
            }
            slot += code.at(slot).slots();
        }
        return false;
    }
}
