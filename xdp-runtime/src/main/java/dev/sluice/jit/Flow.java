package dev.sluice.jit;

import dev.sluice.helper.Callee;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.program.Facts;
import dev.sluice.program.Subprogram;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The control flow of one function: the basic blocks that its entry reaches, in order of their slots; with small loops {@linkplain
 * Unrolling repeated}. Dead code is left out. Everything here is linear in the function's size.
 */
final class Flow {
    /** Registers that no call keeps, as bits, but for r0. */
    static final int CALLER_SAVED = 0b111110;

    final Code code;
    final Subprogram function;

    /** Reachable blocks in order of their slots, but for repeated ones; the first is the entry. */
    final List<Block> blocks;

    /** Whether some block can be reached again from itself. */
    final boolean loops;

    /** Most instructions that one call of the function executes itself, callees not counted; only without loops. */
    final long longestPath;

    private Flow(Code code, Subprogram function, List<Block> blocks, boolean loops, long longestPath) {
        this.code = code;
        this.function = function;
        this.blocks = blocks;
        this.loops = loops;
        this.longestPath = longestPath;
    }

    /**
     * Finds the blocks.
     *
     * @param facts what was proved, if anything: a branch that always goes one way has no other
     * @param blockBytes the estimate of bytes above which a block is cut in two, so that every block fits a method
     * @param code has passed {@link dev.sluice.exec.Structure#check}
     */
    static Flow of(Code code, Subprogram function, @Nullable Facts facts, SizeEstimate estimate, int blockBytes) {
        boolean[] leader = new boolean[function.end() - function.start() + 1];
        boolean[] reached = reach(code, function, facts, leader);
        List<Block> blocks = cut(code, function, estimate, blockBytes, leader, reached);
        link(code, function, facts, blocks);
        blocks = Unrolling.of(code, blocks, blockBytes);
        findLiveness(code, facts != null, blocks);
        int[] order = order(blocks);
        boolean loops = order == null;
        return new Flow(code, function, List.copyOf(blocks), loops, loops ? 0 : longestPath(blocks, order));
    }

    /** Marks reachable instructions and the first of each block. */
    private static boolean[] reach(Code code, Subprogram function, @Nullable Facts facts, boolean[] leader) {
        int base = function.start();
        boolean[] reached = new boolean[leader.length];
        int[] work = new int[16];
        int size = 0;
        leader[0] = true;
        work[size++] = base;
        while (size > 0) {
            int slot = work[--size];
            while (!reached[slot - base]) {
                reached[slot - base] = true;
                Instruction insn = code.at(slot);
                int next = slot + insn.slots();
                if (jumps(insn, slot, facts)) {
                    int target = insn.target(slot);
                    leader[target - base] = true;
                    if (!reached[target - base]) {
                        if (size == work.length) {
                            work = Arrays.copyOf(work, size * 2);
                        }
                        work[size++] = target;
                    }
                }
                if (!fallsThrough(insn, slot, facts)) {
                    break;
                }
                if (endsBlock(insn)) {
                    leader[next - base] = true;
                }
                slot = next;
            }
        }
        return reached;
    }

    /**
     * Whether the next instruction begins a block: behind branches, and behind calls that may execute instructions or not
     * come back, so that what a block counts has been executed when the block is left.
     */
    private static boolean endsBlock(Instruction insn) {
        return switch (insn.form()) {
            case JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, EXIT, CALL_LOCAL, CALLX, LD_ABS, LD_IND -> true;
            case CALL_HELPER, CALL_KFUNC -> HelperTraits.called(insn) == null || runsCode(insn);
            case ALU_K, ALU_X, UNARY, MOVSX, LDDW, LDX, LDXSX, ST, STX, ATOMIC, LOAD_ACQ, STORE_REL -> false;
        };
    }

    /** Whether other code may count instructions before the next one. */
    static boolean runsCode(Instruction insn) {
        Callee helper = HelperTraits.called(insn);
        return insn.form() == Form.CALL_LOCAL
                || insn.form() == Form.CALLX
                || helper != null && HelperTraits.runsCode(helper);
    }

    /** Whether control may go to an instruction's target. */
    private static boolean jumps(Instruction insn, int slot, @Nullable Facts facts) {
        return insn.form().isJump()
                && (facts == null || !isConditional(insn) || facts.outcome(slot) != Facts.Outcome.NEVER);
    }

    /** Whether control may go to the next instruction. */
    private static boolean fallsThrough(Instruction insn, int slot, @Nullable Facts facts) {
        boolean always = isConditional(insn) && facts != null && facts.outcome(slot) == Facts.Outcome.ALWAYS;
        return insn.form().fallsThrough() && !always;
    }

    private static boolean isConditional(Instruction insn) {
        return insn.form() == Form.JMP_K || insn.form() == Form.JMP_X;
    }

    private static List<Block> cut(
            Code code,
            Subprogram function,
            SizeEstimate estimate,
            int blockBytes,
            boolean[] leader,
            boolean[] reached) {
        List<Block> blocks = new ArrayList<>();
        Block block = null;
        for (int slot = function.start(); slot < function.end(); ) {
            Instruction insn = code.at(slot);
            int slots = insn == null ? 1 : insn.slots();
            if (insn == null || !reached[slot - function.start()]) {
                block = null;
                slot += slots;
                continue;
            }
            int bytes = estimate.of(insn);
            if (block == null
                    || leader[slot - function.start()]
                    || block.instructions > 0 && block.estimate + bytes > blockBytes) {
                block = new Block(blocks.size(), slot);
                block.estimate = estimate.ofBlock();
                blocks.add(block);
            }
            block.last = slot;
            block.end = slot + slots;
            block.instructions++;
            block.estimate += bytes;
            slot += slots;
        }
        return blocks;
    }

    private static void link(Code code, Subprogram function, @Nullable Facts facts, List<Block> blocks) {
        int[] at = new int[function.end() - function.start()];
        Arrays.fill(at, Block.NONE);
        for (Block block : blocks) {
            at[block.start - function.start()] = block.index;
        }
        for (Block block : blocks) {
            Instruction last = code.at(block.last);
            if (fallsThrough(last, block.last, facts)) {
                block.next = at[block.end - function.start()];
            }
            if (jumps(last, block.last, facts)) {
                block.target = at[last.target(block.last) - function.start()];
            }
        }
    }

    /** Backward from block to predecessors; each block is looked at a few times at most, once for each register. */
    private static void findLiveness(Code code, boolean proved, List<Block> blocks) {
        int[] use = new int[blocks.size()];
        int[] def = new int[blocks.size()];
        for (Block block : blocks) {
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = code.at(slot);
                use[block.index] |= (proved ? reads(insn) : uses(insn)) & ~def[block.index];
                def[block.index] |= defines(insn);
                slot += insn.slots();
            }
        }
        List<List<Block>> predecessors = predecessors(blocks);
        ArrayDeque<Block> work = new ArrayDeque<>(blocks);
        while (!work.isEmpty()) {
            Block block = work.pollLast();
            int out = 0;
            if (block.next != Block.NONE) {
                out |= blocks.get(block.next).liveIn;
            }
            if (block.target != Block.NONE) {
                out |= blocks.get(block.target).liveIn;
            }
            int in = use[block.index] | out & ~def[block.index];
            if (in != block.liveIn) {
                block.liveIn = in;
                work.addAll(predecessors.get(block.index));
            }
        }
    }

    /** The registers that are live behind an instruction of a block, as bits. */
    int liveAfter(Block block, int slot) {
        int live = 0;
        if (block.next != Block.NONE) {
            live |= blocks.get(block.next).liveIn;
        }
        if (block.target != Block.NONE) {
            live |= blocks.get(block.target).liveIn;
        }
        int read = 0;
        int written = 0;
        for (int at = slot + code.at(slot).slots(); at < block.end; ) {
            Instruction insn = code.at(at);
            read |= uses(insn) & ~written;
            written |= defines(insn);
            at += insn.slots();
        }
        return read | live & ~written;
    }

    static List<List<Block>> predecessors(List<Block> blocks) {
        List<List<Block>> predecessors = new ArrayList<>();
        for (int i = 0; i < blocks.size(); i++) {
            predecessors.add(new ArrayList<>(2));
        }
        for (Block block : blocks) {
            if (block.next != Block.NONE) {
                predecessors.get(block.next).add(block);
            }
            if (block.target != Block.NONE) {
                predecessors.get(block.target).add(block);
            }
        }
        return predecessors;
    }

    /**
     * Registers that an instruction of a proved program reads, as bits: of those that a helper gets, only what it looks at. In
     * code that nobody proved, reports show the others.
     */
    private static int reads(Instruction insn) {
        Callee called = HelperTraits.called(insn);
        return called == null ? uses(insn) : (1 << HelperTraits.arguments(called) + 1) - 2;
    }

    /** Registers that an instruction reads, as bits; r10 never counts. */
    static int uses(Instruction insn) {
        int dst = 1 << insn.dst();
        int src = 1 << insn.src();
        int used = switch (insn.form()) {
            case ALU_K -> insn.opcode().alu() == dev.sluice.isa.AluOp.MOV ? 0 : dst;
            case ALU_X -> insn.opcode().alu() == dev.sluice.isa.AluOp.MOV ? src : dst | src;
            case UNARY, JMP_K, ST -> dst;
            case MOVSX, LDX, LDXSX, LOAD_ACQ -> src;
            case JMP_X, STX, STORE_REL -> dst | src;
            case ATOMIC -> dst | src | (insn.opcode().atomic() == dev.sluice.isa.AtomicOp.CMPXCHG ? 1 : 0);
            case CALL_HELPER, CALL_LOCAL, CALL_KFUNC -> CALLER_SAVED;
            case CALLX -> CALLER_SAVED | dst;
            case EXIT -> 1;
            case LD_ABS -> 1 << 6;
            case LD_IND -> 1 << 6 | src;
            case JA, GOTOL, MAY_GOTO, LDDW -> 0;
        };
        return used & 0x3ff;
    }

    /** Registers that an instruction surely writes, as bits. */
    static int defines(Instruction insn) {
        return switch (insn.form()) {
            case ALU_K, ALU_X, UNARY, MOVSX, LDX, LDXSX, LOAD_ACQ, LDDW -> 1 << insn.dst();
            case ATOMIC -> {
                if (!insn.opcode().fetches()) {
                    yield 0;
                }
                yield insn.opcode().atomic() == dev.sluice.isa.AtomicOp.CMPXCHG ? 1 : 1 << insn.src();
            }
            case CALL_HELPER, CALL_LOCAL, CALL_KFUNC, CALLX, LD_ABS, LD_IND -> 1;
            case JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, EXIT, ST, STX, STORE_REL -> 0;
        };
    }

    /** The blocks in an order in which each comes before its successors, or null when there is a loop. */
    private static int[] order(List<Block> blocks) {
        int count = blocks.size();
        int[] predecessors = new int[count];
        for (Block block : blocks) {
            if (block.next != Block.NONE) {
                predecessors[block.next]++;
            }
            if (block.target != Block.NONE) {
                predecessors[block.target]++;
            }
        }
        int[] order = new int[count];
        int size = 0;
        if (predecessors[0] == 0) {
            order[size++] = 0;
        }
        for (int i = 0; i < size; i++) {
            Block block = blocks.get(order[i]);
            if (block.next != Block.NONE && --predecessors[block.next] == 0) {
                order[size++] = block.next;
            }
            if (block.target != Block.NONE && --predecessors[block.target] == 0) {
                order[size++] = block.target;
            }
        }
        return size == count ? order : null;
    }

    private static long longestPath(List<Block> blocks, int[] order) {
        long[] from = new long[blocks.size()];
        for (int i = order.length - 1; i >= 0; i--) {
            Block block = blocks.get(order[i]);
            long after = 0;
            if (block.next != Block.NONE) {
                after = from[block.next];
            }
            if (block.target != Block.NONE) {
                after = Math.max(after, from[block.target]);
            }
            from[block.index] = after + block.instructions;
        }
        return from[0];
    }
}
