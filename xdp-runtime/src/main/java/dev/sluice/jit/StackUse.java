package dev.sluice.jit;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.program.Facts;
import dev.sluice.program.RegisterFact;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How the functions of a proved program use their stack frames, from what is known of every pointer that memory is accessed
 * through: which parts of a frame nobody but its function touches, and always as the same variable, so that they can be
 * locals; and which parts may be read before they are written, and so have to begin as zero.
 *
 * <p>Bytes of a frame are counted from its lowest, r10 - 512, as 0.
 */
final class StackUse {
    /**
     * A part of a frame that is a variable.
     *
     * @param offset from r10, below 0
     * @param bytes 1, 2, 4 or 8
     */
    record Variable(int offset, int bytes) {}

    /** Bytes of a frame that an instruction touches. */
    private record Range(int from, int to) {}

    /** How much of a range is surely written. */
    private enum Fill {
        NOT,
        ALWAYS,
        /** Unless the helper fails, and says so by a result other than 0. */
        ON_SUCCESS
    }

    /** What an instruction does to its own frame. */
    private record Access(
            int slot,
            Range range,
            boolean reads,
            boolean writes,
            Fill fill,
            @Nullable Variable exact) {
        boolean touches(Range other) {
            return range.from < other.to && other.from < range.to;
        }
    }

    /** Variables of a function: their sets are a long, and parts of a function hand them over as parameters. */
    private static final int MOST_VARIABLES = 64;

    private static final int FRAME = RunContext.STACK_BYTES;

    private final Facts facts;
    private final List<Flow> flows;
    private final Kinds kinds;
    private final boolean takesMemory;

    /** By function. */
    private final List<List<Access>> accesses = new ArrayList<>();

    private final List<Map<Variable, Integer>> variables = new ArrayList<>();
    private final List<BitSet> zeroed = new ArrayList<>();

    /** Bytes that are touched in frames of which it is not known whose they are. */
    private final BitSet touchedAnywhere = new BitSet(FRAME);

    private final BitSet readAnywhere = new BitSet(FRAME);

    /** By slot of a helper's call: what it fills, if it succeeds, of the own frame, and nobody has written before. */
    private final Map<Integer, Range> unfilled = new HashMap<>();

    /** Whether some access may go to any place of any frame. */
    private boolean unknown;

    StackUse(Facts facts, List<Flow> flows, Kinds kinds) {
        this.facts = facts;
        this.flows = flows;
        this.kinds = kinds;
        takesMemory = takesMemory();
        for (int i = 0; i < flows.size(); i++) {
            accesses.add(new ArrayList<>());
            if (kinds.isReached(i)) {
                collect(flows.get(i), accesses.get(i));
            }
        }
        for (int i = 0; i < flows.size(); i++) {
            variables.add(unknown ? Map.of() : findVariables(accesses.get(i)));
            zeroed.add(!kinds.isReached(i) || unknown ? new BitSet() : findZeroed(i));
        }
    }

    /** Whether nothing is known, because something is not known that is accessed. */
    boolean isUnknown() {
        return unknown;
    }

    /** The variables of a function, numbered from 0. */
    Map<Variable, Integer> variables(int function) {
        return variables.get(function);
    }

    /** The number of the variable that an instruction loads or stores, or -1. */
    int variable(int function, int slot, Instruction insn) {
        Map<Variable, Integer> known = variables.get(function);
        if (known.isEmpty() || !isLoadOrStore(insn)) {
            return -1;
        }
        RegisterFact base = facts.base(slot, insn);
        if (base.kind() != RegisterFact.Kind.STACK || !base.ownFrame() || !base.hasFixedOffset()) {
            return -1;
        }
        Variable accessed = new Variable(
                (int) base.minOffset() + insn.off(), insn.opcode().width().bytes());
        return known.getOrDefault(accessed, -1);
    }

    private static boolean isLoadOrStore(Instruction insn) {
        return switch (insn.form()) {
            case LDX, LDXSX, ST, STX -> true;
            default -> false;
        };
    }

    /** Offsets from r10, multiples of 8 and below 0, of what has to begin as zero, beside the variables. */
    List<Integer> zeroed(int function) {
        BitSet bytes = (BitSet) zeroed.get(function).clone();
        for (Variable variable : variables.get(function).keySet()) {
            bytes.clear(variable.offset + FRAME, variable.offset + FRAME + variable.bytes);
        }
        List<Integer> offsets = new ArrayList<>();
        for (int at = bytes.nextSetBit(0); at >= 0; at = bytes.nextSetBit((at | 7) + 1)) {
            offsets.add((at & -Long.BYTES) - FRAME);
        }
        return offsets;
    }

    /**
     * What has to be zeroed when the helper that is called at a slot fails, as it may be read then and nobody has written it:
     * the offset from r10 and the number of bytes; 0 for none.
     */
    int[] unfilled(int slot) {
        Range range = unfilled.get(slot);
        return range == null ? new int[2] : new int[] {range.from - FRAME, range.to - range.from};
    }

    // --- accesses

    private void collect(Flow flow, List<Access> found) {
        for (Block block : flow.blocks) {
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = flow.code.at(slot);
                if (facts.isReached(slot)) {
                    collect(slot, insn, found);
                }
                slot += insn.slots();
            }
        }
    }

    private void collect(int slot, Instruction insn, List<Access> found) {
        switch (insn.form()) {
            case LDX, LDXSX -> memory(slot, insn, true, false, true, found);
            case LOAD_ACQ -> memory(slot, insn, true, false, false, found);
            case ST, STX -> memory(slot, insn, false, true, true, found);
            case STORE_REL -> memory(slot, insn, false, true, false, found);
            case ATOMIC -> memory(slot, insn, true, true, false, found);
            case CALL_HELPER, CALL_KFUNC -> arguments(slot, insn, found);
            case CALL_LOCAL -> given(slot, insn, found);
            case ALU_K, ALU_X, UNARY, MOVSX, JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, CALLX, EXIT, LDDW -> {}
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        }
    }

    /**
     * What a function that is verified by itself gets: for it, a pointer into its caller's frame is one to memory of some
     * size.
     */
    private void given(int slot, Instruction insn, List<Access> found) {
        if (!takesMemory) {
            return;
        }
        int read = flows.get(kinds.functionAt(insn.target(slot))).blocks.getFirst().liveIn;
        for (int r = 1; r <= 5; r++) {
            if ((read >>> r & 1) != 0) {
                RegisterFact base = facts.before(slot, r);
                access(slot, base, base.minOffset(), 0, true, true, Fill.NOT, found);
            }
        }
    }

    /** Whether a function other than the first accesses memory that only a size is known of. */
    private boolean takesMemory() {
        for (Flow flow : flows.subList(1, flows.size())) {
            for (int slot = flow.function.start(); slot < flow.function.end(); slot++) {
                for (int r = 0; r < Instruction.FP; r++) {
                    if (facts.before(slot, r).kind() == RegisterFact.Kind.MEMORY) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private void memory(int slot, Instruction insn, boolean reads, boolean writes, boolean plain, List<Access> found) {
        int bytes = insn.opcode().width().bytes();
        RegisterFact base = facts.base(slot, insn);
        access(
                slot,
                base,
                base.minOffset() + insn.off(),
                last(base) + insn.off() + bytes,
                reads,
                writes,
                Fill.NOT,
                found);
        boolean exact = base.kind() == RegisterFact.Kind.STACK && base.ownFrame() && base.hasFixedOffset();
        if (exact && plain && !found.isEmpty() && found.getLast().slot == slot) {
            Access access = found.removeLast();
            Variable variable = new Variable((int) base.minOffset() + insn.off(), bytes);
            found.add(new Access(slot, access.range, reads, writes, writes ? Fill.ALWAYS : Fill.NOT, variable));
        }
    }

    private static long last(RegisterFact base) {
        return base.maxOffset() == Long.MAX_VALUE ? 0 : base.maxOffset();
    }

    private void arguments(int slot, Instruction insn, List<Access> found) {
        Callee callee = HelperTraits.called(insn);
        if (callee == null) {
            return; // faults
        }
        for (int i = 0; i < callee.argCount(); i++) {
            ArgKind kind = callee.arg(i);
            switch (kind) {
                case ANYTHING,
                        SCALAR,
                        CTX,
                        CONST_MAP_PTR,
                        CONST_SIZE,
                        CONST_SIZE_OR_ZERO,
                        CONST_ALLOC_SIZE_OR_ZERO,
                        CONST_SLICE_SIZE,
                        CONST_STR,
                        FUNC,
                        STACK_OR_NULL -> {} // numbers, or nothing is accessed through them
                default -> {
                    RegisterFact base = facts.before(slot, 1 + i);
                    long bytes = kind.fixedBytes();
                    if (kind.hasSize() && i + 1 < callee.argCount()) {
                        long most = facts.before(slot, 2 + i).range().umax();
                        bytes = most >= 0 && most <= FRAME ? most : 0;
                    }
                    boolean onlyWrites = kind == ArgKind.MEM_WRITE || kind == ArgKind.MAP_VALUE_OUT;
                    long to = bytes == 0 ? 0 : last(base) + bytes;
                    boolean whole = base.ownFrame()
                            && base.hasFixedOffset()
                            && bytes != 0
                            && (!kind.hasSize()
                                    || facts.before(slot, 2 + i).range().isConstant());
                    Fill fill = whole ? fill(callee, kind) : Fill.NOT;
                    access(
                            slot,
                            base,
                            base.minOffset(),
                            to,
                            !onlyWrites && fill == Fill.NOT,
                            kind.writes(),
                            fill,
                            found);
                }
            }
        }
    }

    private static Fill fill(Callee callee, ArgKind kind) {
        return switch (kind) {
            case DYNPTR_NEW_LOCAL, DYNPTR_NEW_RINGBUF, DYNPTR_NEW_XDP, DYNPTR_NEW_CLONE, ITER_NEW -> Fill.ALWAYS;
            case MEM_WRITE ->
                callee == Helper.XDP_LOAD_BYTES || callee == Helper.DYNPTR_READ ? Fill.ON_SUCCESS : Fill.NOT;
            default -> Fill.NOT;
        };
    }

    private void access(
            int slot,
            RegisterFact base,
            long from,
            long to,
            boolean reads,
            boolean writes,
            Fill fill,
            List<Access> found) {
        switch (base.kind()) {
            case ANY -> unknown = true;
            case STACK -> {
                Range range = new Range((int) Math.max(from, -FRAME) + FRAME, (int) Math.min(to, 0) + FRAME);
                if (range.from >= range.to) {
                    unknown = true; // a callee's frame, or nothing that makes sense
                } else if (base.ownFrame()) {
                    found.add(new Access(slot, range, reads, writes, fill, null));
                } else {
                    touchedAnywhere.set(range.from, range.to);
                    if (reads) {
                        readAnywhere.set(range.from, range.to);
                    }
                }
            }
            case SCALAR, CTX, PACKET, PACKET_META, PACKET_END, MAP, MAP_VALUE, MAP_KEY, MEMORY, FUNCTION, OBJECT -> {}
        }
    }

    // --- variables

    /** Of very many the ones that are accessed most; numbered from the lowest on. */
    private static Map<Variable, Integer> most(List<Variable> found, List<Access> all) {
        List<Variable> kept = found;
        if (found.size() > MOST_VARIABLES) {
            Map<Variable, Integer> counts = new HashMap<>();
            for (Access access : all) {
                if (access.exact != null) {
                    counts.merge(access.exact, 1, Integer::sum);
                }
            }
            kept = found.stream()
                    .sorted(Comparator.comparingInt(variable -> -counts.getOrDefault(variable, 0)))
                    .limit(MOST_VARIABLES)
                    .sorted(Comparator.comparingInt(Variable::offset))
                    .toList();
        }
        Map<Variable, Integer> numbers = new HashMap<>();
        kept.forEach(variable -> numbers.put(variable, numbers.size()));
        return numbers;
    }

    private Map<Variable, Integer> findVariables(List<Access> all) {
        Variable[] owner = new Variable[FRAME];
        BitSet spoilt = (BitSet) touchedAnywhere.clone();
        for (Access access : all) {
            if (access.exact == null) {
                spoilt.set(access.range.from, access.range.to);
                continue;
            }
            for (int at = access.range.from; at < access.range.to; at++) {
                if (owner[at] == null) {
                    owner[at] = access.exact;
                } else if (!owner[at].equals(access.exact)) {
                    // both variables, in full
                    spoilt.set(access.range.from, access.range.to);
                    spoilt.set(owner[at].offset + FRAME, owner[at].offset + FRAME + owner[at].bytes);
                }
            }
        }
        List<Variable> found = new ArrayList<>();
        for (int at = 0; at < FRAME; at++) {
            Variable variable = owner[at];
            if (variable != null && variable.offset + FRAME == at) {
                int spoiltAt = spoilt.nextSetBit(at);
                if (spoiltAt < 0 || spoiltAt >= at + variable.bytes) {
                    found.add(variable);
                }
            }
        }
        return most(found, all);
    }

    // --- what is read before it is written

    /**
     * Finds the calls that fill a part of the frame which nobody else writes, and are made once: when one of them fails, the
     * part holds what it held at the beginning.
     */
    private void findUnfilled(Flow flow, List<Access> all) {
        for (Access call : all) {
            boolean alone = call.fill == Fill.ON_SUCCESS
                    && touchedAnywhere.get(call.range.from, call.range.to).isEmpty()
                    && all.stream()
                            .noneMatch(other -> other.slot != call.slot && other.writes && other.touches(call.range))
                    && flow.blocks.stream()
                            .filter(block -> block.start <= call.slot && call.slot < block.end)
                            .noneMatch(block -> comesBack(flow, block));
            if (alone) {
                unfilled.put(call.slot, call.range);
            }
        }
    }

    private static boolean comesBack(Flow flow, Block from) {
        BitSet seen = new BitSet();
        ArrayDeque<Block> work = new ArrayDeque<>(List.of(from));
        while (!work.isEmpty()) {
            Block block = work.poll();
            for (int next : new int[] {block.next, block.target}) {
                if (next == from.index) {
                    return true;
                }
                if (next != Block.NONE && !seen.get(next)) {
                    seen.set(next);
                    work.add(flow.blocks.get(next));
                }
            }
        }
        return false;
    }

    private BitSet findZeroed(int function) {
        Flow flow = flows.get(function);
        findUnfilled(flow, accesses.get(function));
        TreeMap<Integer, List<Access>> bySlot = new TreeMap<>();
        accesses.get(function)
                .forEach(access -> bySlot.computeIfAbsent(access.slot, key -> new ArrayList<>())
                        .add(access));
        BitSet needed = new BitSet(FRAME);
        if (bySlot.isEmpty() && readAnywhere.isEmpty()) {
            return needed;
        }
        BitSet[] written = new BitSet[flow.blocks.size()];
        written[0] = new BitSet(FRAME);
        ArrayDeque<Block> work = new ArrayDeque<>(List.of(flow.blocks.getFirst()));
        while (!work.isEmpty()) {
            Block block = work.poll();
            BitSet now = (BitSet) written[block.index].clone();
            walk(flow, block, bySlot, now, needed);
            for (int next : new int[] {block.next, block.target}) {
                if (next == Block.NONE) {
                    continue;
                }
                if (written[next] == null) {
                    written[next] = (BitSet) now.clone();
                    work.add(flow.blocks.get(next));
                } else {
                    int before = written[next].cardinality();
                    written[next].and(now);
                    if (written[next].cardinality() != before) {
                        work.add(flow.blocks.get(next));
                    }
                }
            }
        }
        return needed;
    }

    /** Takes what has been written over a block; what is read of the rest is needed. */
    private void walk(Flow flow, Block block, TreeMap<Integer, List<Access>> bySlot, BitSet written, BitSet needed) {
        for (List<Access> here : bySlot.subMap(block.start, block.end).values()) {
            for (Access access : here) {
                if (access.reads) {
                    need(access.range, written, needed);
                }
            }
            for (Access access : here) {
                boolean fills =
                        access.fill == Fill.ON_SUCCESS ? unfilled.containsKey(access.slot) : access.fill == Fill.ALWAYS;
                if (fills) {
                    written.set(access.range.from, access.range.to);
                }
            }
        }
        Form last = flow.code.at(block.last).form();
        Callee callee = HelperTraits.called(flow.code.at(block.last));
        if (last == Form.CALL_LOCAL || last == Form.CALLX || callee != null && HelperTraits.callsBack(callee)) {
            for (int at = readAnywhere.nextSetBit(0); at >= 0; at = readAnywhere.nextSetBit(at + 1)) {
                if (!written.get(at)) {
                    needed.set(at);
                }
            }
        }
    }

    private static void need(Range range, BitSet written, BitSet needed) {
        for (int at = written.nextClearBit(range.from); at < range.to; at = written.nextClearBit(at + 1)) {
            needed.set(at);
        }
    }
}
