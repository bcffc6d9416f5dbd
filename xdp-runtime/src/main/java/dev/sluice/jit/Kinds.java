package dev.sluice.jit;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.AluOp;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import dev.sluice.isa.Width;
import dev.sluice.program.Subprogram;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongUnaryOperator;

/**
 * What registers surely or probably hold at each instruction: a forward data flow over all functions of a program, also
 * through values that are spilled to the stack at constant offsets and through arguments.
 *
 * <p>A value is an {@code int}: a kind in the upper bits, and for some kinds a number. Joins go upwards:
 *
 * <pre>
 *               FRAME              may point into some stack, or be computed from such a pointer
 *             /   |   \
 *             | FRAME+1 |          the same, and a hint: probably points into the packet
 *             /   |   \
 *          MIXED      STACK+n      r10 of this function plus n, exactly
 *         /     \                 (of its caller's frame where n is 0 or more)
 *   PACKET  VALUE+i  AREA+n        a hint: probably points into the packet; into the value of the function's look-up i; into
 *         \   |   /                the area of memory that begins at a large number
 *         SCALAR                   anything that was not computed from a stack pointer
 *       /    |    \
 *   CONST+n  LONG+n  CONTEXT       a small number; a large one; the context's pointer
 * </pre>
 *
 * <p>What follows from a value is right even for programs that guess addresses: code emitted for STACK+n computes the
 * address from r10 and code emitted for CONTEXT never touches memory, so that a wrong kind may give another value, but
 * never an access outside of what the program may touch.
 */
final class Kinds {
    static final int NONE = 0;
    static final int CONST = 1;
    static final int LONG = 2;
    static final int CONTEXT = 3;
    static final int SCALAR = 4;
    static final int PACKET = 5;
    static final int STACK = 6;
    static final int FRAME = 7;
    static final int VALUE = 8;
    static final int MIXED = 9;
    static final int AREA = 10;

    /** Look-ups of a function that are told apart; further ones share their numbers. */
    static final int LOOKUPS = 4;

    /** The number of a {@link #FRAME} that probably points into the packet. */
    private static final int PACKET_OR_FRAME = 1;

    private static final int SHIFT = 28;
    private static final int NUMBER_MASK = (1 << SHIFT) - 1;
    private static final int SMALL = 1 << SHIFT - 2;

    private static final int REGISTERS = 10;
    private static final int SLOT_BYTES = 8;
    private static final int SLOTS = RunContext.STACK_BYTES / SLOT_BYTES;
    private static final int STATE = REGISTERS + SLOTS;

    static final int XDP_MD_DATA = 0;
    static final int XDP_MD_DATA_END = 4;
    static final int XDP_MD_DATA_META = 8;

    private final Code code;
    private final List<Flow> flows;
    private final Map<Integer, Integer> functionAt = new HashMap<>();

    /** Gives the beginning of the area of memory around a number, 0 when there is none. */
    private final LongUnaryOperator areas;

    /** By function, by block: the state before its first instruction. */
    private final int[][][] states;

    /** By function: the kinds of r1 to r5 that its calls give it. */
    private final int[][] arguments;

    /** By function: bytes below r10 that it may read. */
    private final int[] stackBytes;

    /** By function: slots of 8 bytes of its own frame that its stores at known places write, from the lowest on, as bits. */
    private final long[] written;

    private final boolean[] hasFrame;

    /** By function: whether it calls others, which may reach into its frame. */
    private final boolean[] makesCalls;

    /**
     * Whether places in the frame of a function's caller are followed. Only code that checks is made for that, and only where
     * each function but the first has a caller; the callback of a timer has none.
     */
    private final boolean followsCallers;

    /** Bytes below r10 of a caller that called functions may read. */
    private int callerBytes;

    /** What called functions write of their caller's frame, as {@link #written} has it. */
    private long callerWritten;

    /** Whether a stack pointer may be in some frame. */
    private boolean spills;

    /** By slot: the number of a look-up in its function. */
    private final Map<Integer, Integer> lookups = new HashMap<>();

    private final int[] lookupCounts;
    private final List<Long> longs = new ArrayList<>();
    private final Map<Long, Integer> longNumbers = new HashMap<>();
    private final ArrayDeque<Integer> functionsToDo = new ArrayDeque<>();
    private final boolean[] functionWaits;

    /** Whether a stack pointer may have gone to memory other than a stack slot that is followed here. */
    private boolean leaks;

    /** Whether some access may go to any place of any frame. */
    private boolean readsAnyFrame;

    /** Whether a function may return a stack pointer. */
    private boolean returnsFrame;

    private boolean restart;

    /** Whether a {@code callx} has been met, which may call every function. */
    private boolean callsPointers;

    private int function;

    private Kinds(Code code, List<Flow> flows, boolean checked, LongUnaryOperator areas) {
        this.code = code;
        this.flows = flows;
        this.areas = areas;
        followsCallers = checked && !givesFunctions();
        makesCalls = new boolean[flows.size()];
        states = new int[flows.size()][][];
        arguments = new int[flows.size()][5];
        stackBytes = new int[flows.size()];
        written = new long[flows.size()];
        hasFrame = new boolean[flows.size()];
        for (int i = 0; i < hasFrame.length; i++) {
            Subprogram range = flows.get(i).function;
            for (int slot = range.start(); slot < range.end(); slot++) {
                Instruction insn = code.at(slot);
                hasFrame[i] |= insn != null && insn.names(Instruction.FP);
            }
        }
        lookupCounts = new int[flows.size()];
        functionWaits = new boolean[flows.size()];
        for (int i = 0; i < flows.size(); i++) {
            functionAt.put(flows.get(i).function.start(), i);
            numberLookups(i);
        }
    }

    /** Whether some function may be called other than by the program. */
    private boolean givesFunctions() {
        for (int slot = 0; slot < code.size(); slot++) {
            Callee callee = code.at(slot) == null ? null : HelperTraits.called(code.at(slot));
            if (callee != null && HelperTraits.takesFunction(callee)) {
                return true;
            }
        }
        return false;
    }

    private void numberLookups(int functionIndex) {
        for (Block block : flows.get(functionIndex).blocks) {
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = code.at(slot);
                if (HelperTraits.called(insn) == Helper.MAP_LOOKUP_ELEM) {
                    lookups.put(slot, lookupCounts[functionIndex]++);
                }
                slot += insn.slots();
            }
        }
    }

    /**
     * Analyses a program.
     *
     * @param flows of all functions, the entry function first
     * @param contextEntry whether r1 is the context and r2 is 0 when the entry function begins
     * @param checked whether the code will check
     * @param areas gives the beginning of the area of memory around a number, 0 when there is none
     */
    static Kinds of(Code code, List<Flow> flows, boolean contextEntry, boolean checked, LongUnaryOperator areas) {
        Kinds kinds = new Kinds(code, flows, checked, areas);
        do {
            kinds.restart = false;
            kinds.analyse(contextEntry);
        } while (kinds.restart);
        return kinds;
    }

    /** The kind of a value: {@link #NONE} to {@link #FRAME}. */
    static int kind(int value) {
        return value >>> SHIFT;
    }

    /** What probably points into the packet. */
    static int packet() {
        return of(PACKET, 0);
    }

    /** The number of a {@link #CONST} or {@link #STACK}. */
    static int number(int value) {
        return value << 32 - SHIFT >> 32 - SHIFT;
    }

    /** The number of a {@link #LONG} or {@link #CONST}, or where an {@link #AREA} begins. */
    long constant(int value) {
        return kind(value) == LONG || kind(value) == AREA ? longs.get(value & NUMBER_MASK) : number(value);
    }

    /** Whether a value is 0. */
    static boolean isZero(int value) {
        return kind(value) == CONST && number(value) == 0;
    }

    /** Whether a value is a known number. */
    static boolean isConstant(int value) {
        return kind(value) == CONST || kind(value) == LONG;
    }

    /** Bytes below r10 that may be read before the function has written them; a multiple of 8. */
    int stackBytes(int functionIndex) {
        if (!hasFrame(functionIndex)) {
            return 0;
        }
        int given = makesCalls[functionIndex] ? callerBytes : 0;
        return readsAnyFrame ? RunContext.STACK_BYTES : Math.max(stackBytes[functionIndex], given);
    }

    /** Whether a function names r10 at all; if not, it has no frame, for engines that check. */
    boolean hasFrame(int functionIndex) {
        return hasFrame[functionIndex];
    }

    /** Whether it is not known what may be read of frames before it is written. */
    boolean readsAnyFrame() {
        return readsAnyFrame;
    }

    /**
     * Slots of 8 bytes of a function's own frame that stores at known places write, its own and those of functions that it
     * calls, from the lowest on, as bits.
     */
    long written(int functionIndex) {
        return written[functionIndex] | calleesWrite(functionIndex);
    }

    /** Those that functions write that it calls. */
    long calleesWrite(int functionIndex) {
        return makesCalls[functionIndex] ? callerWritten : 0;
    }

    /** Whether bytes from an offset to r10 on are in the frame of a function's caller. */
    boolean inCaller(int functionIndex, int at, int bytes) {
        return followsCallers && functionIndex != 0 && at >= 0 && at + bytes <= RunContext.STACK_BYTES;
    }

    /** Index of the function that begins at a slot. */
    int functionAt(int slot) {
        return functionAt.get(slot);
    }

    /** Whether a function can run at all. */
    boolean isReached(int functionIndex) {
        return states[functionIndex][0] != null;
    }

    /** A copy of the state before a block's first instruction, to be taken forward by {@link #step}. */
    int[] stateBefore(int functionIndex, Block block) {
        function = functionIndex;
        return states[functionIndex][block.index].clone();
    }

    /** The kind of the register through which an instruction reads or writes memory, {@link #NONE} when it does not. */
    int baseKind(int[] state, Instruction insn) {
        return switch (insn.form()) {
            case LDX, LDXSX, LOAD_ACQ -> kind(register(state, insn.src()));
            case ST, STX, ATOMIC, STORE_REL -> kind(register(state, insn.dst()));
            case ALU_K,
                    ALU_X,
                    UNARY,
                    MOVSX,
                    JMP_K,
                    JMP_X,
                    JA,
                    GOTOL,
                    MAY_GOTO,
                    CALL_HELPER,
                    CALL_LOCAL,
                    CALL_KFUNC,
                    CALLX,
                    EXIT,
                    LDDW,
                    LD_ABS,
                    LD_IND -> NONE;
        };
    }

    /** The value of r0 to r10 in a state. */
    int register(int[] state, int register) {
        return register == Instruction.FP ? of(STACK, 0) : state[register];
    }

    private static int of(int kind, int number) {
        return kind << SHIFT | number & NUMBER_MASK;
    }

    private int ofConstant(long number) {
        if (number >= -SMALL && number < SMALL) {
            return of(CONST, (int) number);
        }
        Integer index = longNumbers.get(number);
        if (index == null) {
            if (longs.size() > NUMBER_MASK) {
                return of(SCALAR, 0);
            }
            index = longs.size();
            longs.add(number);
            longNumbers.put(number, index);
        }
        return of(LONG, index);
    }

    private static boolean isFrame(int value) {
        int kind = kind(value);
        return kind == STACK || kind == FRAME;
    }

    /** Whether a value may point into some stack, but probably into the packet. */
    static boolean isSlice(int value) {
        return kind(value) == FRAME && number(value) == PACKET_OR_FRAME;
    }

    private int join(int a, int b) {
        if (a == b || b == 0) {
            return a;
        }
        if (a == 0) {
            return b;
        }
        if (isFrame(a) || isFrame(b)) {
            return isSlice(a) && !isFrame(b) ? a : isSlice(b) && !isFrame(a) ? b : of(FRAME, 0);
        }
        if (!isHint(a) && !isHint(b) && areaOf(a) == areaOf(b)) {
            return areaOf(a);
        }
        if (!isHint(a)) {
            return isHint(b) ? b : of(SCALAR, 0);
        }
        return isHint(b) ? of(MIXED, 0) : a;
    }

    private static boolean isHint(int value) {
        int kind = kind(value);
        return kind == PACKET || kind == VALUE || kind == AREA || kind == MIXED;
    }

    /** The area around a large number, SCALAR when there is none. */
    private int areaOf(int value) {
        long start = kind(value) == LONG ? areas.applyAsLong(constant(value)) : 0;
        int begins = start == 0 ? NONE : ofConstant(start);
        return kind(begins) == LONG ? of(AREA, begins & NUMBER_MASK) : of(SCALAR, 0);
    }

    private boolean joinInto(int[] into, int[] from) {
        boolean changed = false;
        for (int i = 0; i < into.length; i++) {
            int joined = join(into[i], from[i]);
            if (joined != into[i]) {
                into[i] = joined;
                changed = true;
            }
        }
        return changed;
    }

    // --- the walk

    private void analyse(boolean contextEntry) {
        for (int i = 0; i < flows.size(); i++) {
            states[i] = new int[flows.get(i).blocks.size()][];
            Arrays.fill(arguments[i], NONE);
            stackBytes[i] = 0;
        }
        callsPointers = false;
        functionsToDo.clear();
        Arrays.fill(functionWaits, false);
        int[] entry = new int[5];
        Arrays.fill(entry, of(CONST, 0));
        entry[0] = of(contextEntry ? CONTEXT : SCALAR, 0);
        entry[1] = of(contextEntry ? CONST : SCALAR, 0);
        argumentsOf(0, entry);
        while (!functionsToDo.isEmpty()) {
            int next = functionsToDo.poll();
            functionWaits[next] = false;
            walk(next);
        }
    }

    private void argumentsOf(int index, int[] values) {
        if ((joinInto(arguments[index], values) || states[index][0] == null) && !functionWaits[index]) {
            functionWaits[index] = true;
            functionsToDo.add(index);
        }
    }

    private void walk(int index) {
        Flow flow = flows.get(index);
        int[] entry = new int[STATE];
        Arrays.fill(entry, of(CONST, 0)); // registers and stack begin as 0
        System.arraycopy(arguments[index], 0, entry, 1, 5);
        int count = flow.blocks.size();
        // Blocks wait in a bit set and are taken from the lowest on, wrapping: nearly in topological order.
        BitSet waiting = new BitSet(count);
        arrive(index, 0, entry, waiting);
        int at = 0;
        while (!waiting.isEmpty()) {
            int next = waiting.nextSetBit(at);
            if (next < 0) {
                next = waiting.nextSetBit(0);
            }
            waiting.clear(next);
            Block block = flow.blocks.get(next);
            int[] state = stateBefore(index, block);
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = code.at(slot);
                step(state, insn, slot);
                slot += insn.slots();
            }
            if (block.next != Block.NONE) {
                arrive(index, block.next, state, waiting);
            }
            if (block.target != Block.NONE) {
                arrive(index, block.target, state, waiting);
            }
            at = next + 1;
        }
    }

    private void arrive(int index, int block, int[] state, BitSet waiting) {
        int[] before = states[index][block];
        if (before == null) {
            states[index][block] = state.clone();
            waiting.set(block);
        } else if (joinInto(before, state)) {
            waiting.set(block);
        }
    }

    private void leak() {
        if (!leaks) {
            leaks = true;
            restart = true;
        }
    }

    // --- one instruction

    /** Takes a state over an instruction. */
    void step(int[] state, Instruction insn, int slot) {
        switch (insn.form()) {
            case ALU_K -> {
                boolean is64 = insn.opcode().is64();
                int imm = is64 ? ofConstant(insn.imm()) : ofConstant(insn.imm() & 0xffff_ffffL);
                state[insn.dst()] = alu(insn.opcode().alu(), is64, register(state, insn.dst()), imm);
            }
            case ALU_X, MOVSX -> {
                int dst = register(state, insn.dst());
                int src = register(state, insn.src());
                state[insn.dst()] = alu(insn.opcode().alu(), insn.opcode().is64(), dst, src);
            }
            case UNARY -> {
                int dst = register(state, insn.dst());
                state[insn.dst()] = alu(insn.opcode().alu(), insn.opcode().is64(), dst, dst);
            }
            case LDDW -> state[insn.dst()] = insn.pseudo() == Pseudo.FUNC ? of(SCALAR, 0) : ofConstant(insn.imm());
            case LDX, LDXSX, LOAD_ACQ -> load(state, insn);
            case ST ->
                store(
                        state,
                        register(state, insn.dst()),
                        insn.off(),
                        insn.opcode().width(),
                        ofConstant(insn.imm()));
            case STX, STORE_REL ->
                store(
                        state,
                        register(state, insn.dst()),
                        insn.off(),
                        insn.opcode().width(),
                        register(state, insn.src()));
            case ATOMIC -> atomic(state, insn);
            case CALL_HELPER, CALL_KFUNC -> helper(state, insn, slot);
            case CALL_LOCAL -> call(state, insn.target(slot));
            case CALLX -> call(state, -1);
            case EXIT -> {
                if (isFrame(state[0]) && !returnsFrame) {
                    returnsFrame = true;
                    restart = true;
                }
            }
            case JMP_K, JMP_X, JA, GOTOL, MAY_GOTO -> {}
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        }
        if (insn.form() == Form.LDDW && insn.pseudo() == Pseudo.FUNC) {
            // a callback gets what the helper gives it, which may be a stack pointer
            argumentsOf(functionAt(insn.target(slot)), anyArguments());
        }
    }

    private int alu(AluOp op, boolean is64, int dst, int src) {
        boolean onlySrc = op == AluOp.MOV || op == AluOp.MOVSX8 || op == AluOp.MOVSX16 || op == AluOp.MOVSX32;
        if (onlySrc ? isConstant(src) : isConstant(dst) && isConstant(src)) {
            long d = onlySrc ? 0 : constant(dst);
            long s = constant(src);
            return ofConstant(is64 ? op.apply(d, s) : op.apply((int) d, (int) s) & 0xffff_ffffL);
        }
        if (is64 && op == AluOp.MOV) {
            return src;
        }
        if (is64 && (op == AluOp.ADD || op == AluOp.SUB)) {
            int moved = move(op, dst, src);
            if (moved != NONE) {
                return moved;
            }
        }
        boolean frame = isFrame(src) || !onlySrc && isFrame(dst);
        return of(frame ? FRAME : SCALAR, 0);
    }

    /** A pointer that is moved, or NONE. */
    private int move(AluOp op, int dst, int src) {
        if (kind(dst) == STACK && kind(src) == CONST) {
            return stackAt((long) number(dst) + (op == AluOp.ADD ? number(src) : -number(src)));
        }
        if (op == AluOp.ADD && kind(dst) == CONST && kind(src) == STACK) {
            return stackAt((long) number(src) + number(dst));
        }
        if (isFrame(dst) || isFrame(src)) {
            boolean isMoved = isSlice(dst) && !isFrame(src);
            return isMoved ? dst : op == AluOp.ADD && isSlice(src) && !isFrame(dst) ? src : NONE;
        }
        if (kind(areaOf(dst)) == AREA && !isConstant(src)) {
            return areaOf(dst); // an element of an array; what is added may be any number
        }
        if (op == AluOp.ADD && kind(areaOf(src)) == AREA && !isConstant(dst)) {
            return areaOf(src);
        }
        if (isHint(dst)) {
            return op == AluOp.SUB && isHint(src) ? NONE : dst;
        }
        return op == AluOp.ADD && isHint(src) ? src : NONE;
    }

    private static int stackAt(long offset) {
        return offset >= -SMALL && offset < SMALL ? of(STACK, (int) offset) : of(FRAME, 0);
    }

    private void load(int[] state, Instruction insn) {
        int base = register(state, insn.src());
        int off = insn.off();
        Width width = insn.opcode().width();
        int loaded = of(leaks ? FRAME : SCALAR, 0);
        if (kind(base) == CONTEXT) {
            boolean pointer = width == Width.W
                    && insn.form() == Form.LDX
                    && (off == XDP_MD_DATA || off == XDP_MD_DATA_END || off == XDP_MD_DATA_META);
            loaded = of(pointer ? PACKET : SCALAR, 0);
        } else if (kind(base) == STACK) {
            int at = number(base) + off;
            if (inCaller(function, at, width.bytes())) {
                readCaller(at);
                state[insn.dst()] = ofSpilled();
                return;
            }
            touch(at);
            if (!inFrame(at, width.bytes())) {
                readsAnyFrame = true;
                loaded = of(FRAME, 0);
            } else if (width == Width.DW && at % SLOT_BYTES == 0) {
                loaded = state[slotIndex(at)];
            } else {
                boolean frame = isFrame(state[slotIndex(at)]) || isFrame(state[slotIndex(at + width.bytes() - 1)]);
                loaded = of(frame ? FRAME : SCALAR, 0);
            }
        } else if (kind(base) == FRAME) {
            readsAnyFrame = true;
            loaded = ofSpilled();
        }
        state[insn.dst()] = loaded;
    }

    /** What is loaded from a place in some frame. */
    private int ofSpilled() {
        return of(spills || leaks ? FRAME : SCALAR, 0);
    }

    private void readCaller(int at) {
        callerBytes = Math.max(callerBytes, RunContext.STACK_BYTES - at + SLOT_BYTES - 1 & -SLOT_BYTES);
    }

    private void store(int[] state, int base, int off, Width width, int value) {
        if (kind(base) == STACK) {
            int at = number(base) + off;
            if (inCaller(function, at, width.bytes())) {
                callerWritten |= slots(at - RunContext.STACK_BYTES, width.bytes());
                if (isFrame(value)) {
                    leak();
                }
                return;
            }
            if (!inFrame(at, width.bytes())) {
                storeAnywhere(state, value);
                return;
            }
            if (isFrame(value) && !spills) {
                spills = true;
                restart = true;
            }
            write(at, width);
            if (width == Width.DW && at % SLOT_BYTES == 0) {
                state[slotIndex(at)] = value;
            } else {
                overwrite(state, slotIndex(at), value);
                overwrite(state, slotIndex(at + width.bytes() - 1), value);
            }
            return;
        }
        if (isFrame(value)) {
            leak();
        }
        if (kind(base) == FRAME || leaks) {
            storeAnywhere(state, value);
        }
    }

    private static void overwrite(int[] state, int slot, int value) {
        state[slot] = of(isFrame(value) || isFrame(state[slot]) ? FRAME : SCALAR, 0);
    }

    private void storeAnywhere(int[] state, int value) {
        if (isFrame(value)) {
            leak();
        }
        int stored = of(isFrame(value) || leaks ? FRAME : SCALAR, 0);
        for (int i = REGISTERS; i < STATE; i++) {
            state[i] = join(state[i], stored);
        }
    }

    private void atomic(int[] state, Instruction insn) {
        int base = register(state, insn.dst());
        int src = register(state, insn.src());
        boolean frame = isFrame(base) || leaks;
        int at = number(base) + insn.off();
        if (kind(base) == STACK && inCaller(function, at, insn.opcode().width().bytes())) {
            readCaller(at);
            store(state, base, insn.off(), insn.opcode().width(), src);
        } else if (isFrame(base)) {
            readsAnyFrame = true;
            if (kind(base) == STACK && inFrame(at, insn.opcode().width().bytes())) {
                write(at, insn.opcode().width());
            }
            storeAnywhere(state, src);
        } else {
            store(state, base, insn.off(), insn.opcode().width(), src);
        }
        if (insn.opcode().fetches()) {
            state[Flow.defines(insn) == 1 ? 0 : insn.src()] = of(frame ? FRAME : SCALAR, 0);
        }
    }

    private void helper(int[] state, Instruction insn, int slot) {
        Callee helper = HelperTraits.called(insn);
        if (helper == null) {
            return; // faults
        }
        boolean frame = false;
        for (int i = 0; i < helper.argCount(); i++) {
            if (isFrame(state[1 + i])) {
                frame = true;
                argument(state, helper, i);
            }
        }
        if (frame) {
            for (int i = REGISTERS; i < STATE; i++) {
                if (isFrame(state[i])) {
                    leak(); // may be copied into a map
                }
            }
        }
        if ((frame || leaks) && HelperTraits.writesMemory(helper)) {
            storeAnywhere(state, of(leaks ? FRAME : SCALAR, 0));
        }
        if (!leaks && helper == Helper.MAP_LOOKUP_ELEM) {
            state[0] = of(VALUE, lookupNumber(slot));
        } else if ((frame || leaks) && (helper == Kfunc.DYNPTR_SLICE || helper == Kfunc.DYNPTR_SLICE_RDWR)) {
            state[0] = of(FRAME, PACKET_OR_FRAME);
        } else if (frame && helper.returns().mayBeArgument()) {
            state[0] = of(FRAME, 0);
        } else {
            state[0] = of(leaks ? FRAME : SCALAR, 0);
        }
    }

    /** An argument that may point into some frame: what may be read there, and what is surely written. */
    private void argument(int[] state, Callee helper, int index) {
        int value = state[1 + index];
        ArgKind kind = helper.arg(index);
        int bytes = kind.fixedBytes();
        if (kind.hasSize() && kind(state[2 + index]) == CONST) {
            bytes = number(state[2 + index]);
        }
        int at = number(value);
        boolean writes = kind.writes() && bytes > 0 && bytes <= RunContext.STACK_BYTES;
        if (kind(value) == STACK && at < 0) {
            touch(at);
            if (writes && inFrame(at, bytes)) {
                written[function] |= slots(at, bytes);
            }
        } else if (kind(value) == STACK && inCaller(function, at, 1)) {
            readCaller(at);
            if (writes && inCaller(function, at, bytes)) {
                callerWritten |= slots(at - RunContext.STACK_BYTES, bytes);
            }
        } else {
            readsAnyFrame = true;
        }
    }

    /** How many look-ups of a function are told apart. */
    int lookups(int functionIndex) {
        return Math.min(lookupCounts[functionIndex], LOOKUPS);
    }

    /** The number of a look-up, by which its value's bounds are found. */
    int lookupNumber(int slot) {
        return lookups.get(slot) % LOOKUPS;
    }

    /** @param target the called function's slot, or -1 for any whose address is taken */
    private void call(int[] state, int target) {
        int[] given = new int[5];
        makesCalls[function] = true;
        boolean frame = leaks;
        int read = target < 0 ? -1 : flows.get(functionAt(target)).blocks.getFirst().liveIn;
        for (int i = 0; i < 5; i++) {
            boolean isRead = (read >>> 1 + i & 1) != 0;
            int value = isRead ? state[1 + i] : of(SCALAR, 0);
            if (isFrame(value)) {
                frame = true;
                boolean follows = followsCallers
                        && target >= 0
                        && kind(value) == STACK
                        && number(value) >= -RunContext.STACK_BYTES
                        && number(value) < 0;
                // the callee's r10 is another one
                value = follows
                        ? of(STACK, number(value) + RunContext.STACK_BYTES)
                        : isSlice(value) ? value : of(FRAME, 0);
            } else if (kind(value) == VALUE) {
                value = of(SCALAR, 0); // and so are its look-ups
            }
            given[i] = value;
        }
        if (frame) {
            storeAnywhere(state, of(leaks ? FRAME : SCALAR, 0)); // a stack pointer in there leaks where it is stored
        }
        state[0] = of(leaks || returnsFrame ? FRAME : SCALAR, 0);
        if (target >= 0) {
            argumentsOf(functionAt(target), given);
        } else if (!callsPointers) {
            callsPointers = true;
            for (int i = 0; i < flows.size(); i++) {
                argumentsOf(i, anyArguments());
            }
        }
    }

    private static int[] anyArguments() {
        int[] any = new int[5];
        Arrays.fill(any, of(FRAME, 0));
        return any;
    }

    // --- stack slots

    private static boolean inFrame(int at, int bytes) {
        return at >= -RunContext.STACK_BYTES && at + bytes <= 0;
    }

    private static int slotIndex(int at) {
        return REGISTERS + (at + RunContext.STACK_BYTES) / SLOT_BYTES;
    }

    /** The slots of 8 bytes of a frame that are from an offset to r10 on, as {@link #written} has them. */
    static long slots(int at, int bytes) {
        int first = slotIndex(at) - REGISTERS;
        int last = slotIndex(at + bytes - 1) - REGISTERS;
        return -1L << first & -1L >>> ~last;
    }

    private void write(int at, Width width) {
        written[function] |= slots(at, width.bytes());
    }

    /** Notes that the frame may be read from an offset on. */
    private void touch(int at) {
        int bytes = at >= 0 ? 0 : Math.min(-at + SLOT_BYTES - 1 & -SLOT_BYTES, RunContext.STACK_BYTES);
        stackBytes[function] = Math.max(stackBytes[function], bytes);
    }
}
