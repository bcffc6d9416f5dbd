package dev.sluice.verifier;

import dev.sluice.isa.Form;
import dev.sluice.isa.Opcode;

/**
 * Walks a path back to find where a scalar's value came from, and marks it precise in every checkpoint on the way: such
 * states cover others only if the scalar's range does. All other scalars may differ.
 *
 * <p>What is followed: per frame a set of registers and a set of stack slots. An instruction that sets one of them hands
 * over to its operands. The history of a state says which way the path took, which stack slot an access went to and which
 * registers learnt from a branch together.
 */
final class Precision {
    /** History flags: bits 0-2 frame, 3-8 slot. */
    static final int STACK_ACCESS = 1 << 9;

    static final int DST_IS_STACK = 1 << 10;
    static final int SRC_IS_STACK = 1 << 11;

    private static final int ARGUMENTS = 0x3e;

    private final Run run;
    private final Layout layout;
    private final int[] regs = new int[State.MAX_FRAMES];
    private final long[] slots = new long[State.MAX_FRAMES];
    private int frame;

    /** Whether a walk marked something that was not marked before. */
    boolean changed;

    Precision(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    static int stackFlags(int frame, int slot) {
        return STACK_ACCESS | frame | slot << 3;
    }

    /** The value of a scalar register of the current frame matters here. */
    void mark(int number) {
        if (run.peek(number).type != RegType.SCALAR) {
            return;
        }
        start(run.state.current);
        regs[frame] = 1 << number;
        walk(run.state);
    }

    /** The scalar spilled into a slot matters here. */
    void markSlot(int frameNumber, int slot) {
        start(run.state.current);
        slots[frameNumber] = 1L << slot;
        walk(run.state);
    }

    /** What mattered behind a state that covers the current one matters for the current one as well. */
    void propagate(State old, State current) {
        start(old.current);
        boolean any = false;
        for (int f = old.current; f >= 0; f--) {
            Frame from = old.frames[f];
            for (int i = 0; i < 10; i++) {
                if (from.regs[i].type == RegType.SCALAR && from.regs[i].precise) {
                    regs[f] |= 1 << i;
                }
            }
            for (int slot = 0; slot < from.slots(); slot++) {
                if (from.isScalarSpill(slot) && from.spills[slot].precise) {
                    slots[f] |= 1L << slot;
                }
            }
            if (regs[f] != 0 || slots[f] != 0) {
                any = true;
                logPropagated(f);
            }
        }
        if (any) {
            walk(current);
        }
    }

    private void logPropagated(int f) {
        if (run.detailed) {
            StringBuilder names = new StringBuilder(regNames(f));
            for (int slot = 0; slot < Long.SIZE; slot++) {
                if ((slots[f] >> slot & 1) != 0) {
                    names.append(names.isEmpty() ? "fp" : ",fp").append(-8 * (slot + 1));
                }
            }
            run.log.line("frame " + f + ": propagating " + names);
        }
    }

    private void start(int current) {
        for (int i = 0; i < State.MAX_FRAMES; i++) {
            regs[i] = 0;
            slots[i] = 0;
        }
        frame = current;
    }

    private boolean isEmpty() {
        for (int i = 0; i <= frame; i++) {
            if (regs[i] != 0 || slots[i] != 0) {
                return false;
            }
        }
        return true;
    }

    private void walk(State from) {
        State state = from;
        int last = from.insn;
        int next = -1;
        boolean skip = true;
        while (true) {
            int history = state.historyCount;
            int first = state.firstInsn;
            if (run.detailed) {
                run.log.line("mark_precise: frame" + frame + ": last_idx " + last + " first_idx " + first
                        + " subseq_idx " + next + " ");
            }
            if (last < 0) {
                // the beginning of a global function, whose arguments may be asked for
                if (frame == 0 && slots[0] == 0 && (regs[0] & ~ARGUMENTS) == 0) {
                    return;
                }
                markAll(from);
                return;
            }
            int i = last;
            while (true) {
                if (skip) {
                    skip = false;
                } else {
                    int entry = history > 0 && state.historyInsn[history - 1] == i ? history - 1 : -1;
                    if (!back(state, i, next, entry)) {
                        markAll(from);
                        return;
                    }
                }
                if (isEmpty()) {
                    return;
                }
                next = i;
                if (i == first && (history == 0 || history == 1 && state.historyInsn[0] == i)) {
                    break;
                }
                if (history > 0 && state.historyInsn[history - 1] == i) {
                    i = state.historyPrevious[history - 1];
                    history--;
                } else {
                    i--;
                }
                if (i < 0) {
                    break;
                }
            }
            state = state.parent;
            if (state == null) {
                break;
            }
            if (frame > state.current) {
                markAll(from);
                return;
            }
            markIn(state);
            if (isEmpty()) {
                return;
            }
            next = first;
            last = state.lastInsn;
        }
        if (!isEmpty()) {
            markAll(from);
        }
    }

    /** Marks what is followed in a checkpoint; what was marked already need not be followed further. */
    private void markIn(State state) {
        for (int f = frame; f >= 0; f--) {
            Frame at = state.frames[f];
            for (int i = 0; i < 11; i++) {
                if ((regs[f] >> i & 1) != 0 && isMarked(at, i, false)) {
                    regs[f] &= ~(1 << i);
                }
            }
            for (int slot = 0; slot < 64; slot++) {
                if ((slots[f] >> slot & 1) == 0) {
                    continue;
                }
                if (slot >= at.slots() || !at.isScalarSpill(slot) || isMarked(at, slot, true)) {
                    slots[f] &= ~(1L << slot);
                }
            }
            if (run.detailed) {
                run.log.line("mark_precise: frame" + f + ": parent state regs=" + regNames(f) + " stack=" + slotNames(f)
                        + ": " + StatePrinter.text(state, at, -1, -1));
            }
        }
    }

    /** Marks a scalar; true if there is nothing more to find out about it. */
    private boolean isMarked(Frame at, int number, boolean spill) {
        Reg reg = spill ? at.spills[number] : at.regs[number];
        if (reg.type != RegType.SCALAR || reg.precise) {
            return true;
        }
        reg = spill ? at.ownSpill(number) : at.own(number);
        reg.precise = true;
        changed = true;
        return false;
    }

    /** The way back is lost: every scalar of the path may have mattered. */
    void markAll(State from) {
        for (State state = from.parent; state != null; state = state.parent) {
            state.change(reg -> reg.type == RegType.SCALAR && !reg.precise, reg -> {
                reg.precise = true;
                changed = true;
            });
        }
    }

    private boolean isSet(int number) {
        return (regs[frame] >> number & 1) != 0;
    }

    private void set(int number) {
        regs[frame] |= 1 << number;
    }

    private void clear(int number) {
        regs[frame] &= ~(1 << number);
    }

    private void spreadLinked(long linked) {
        boolean any = false;
        for (int i = 0; i < LinkedRegs.count(linked); i++) {
            int f = LinkedRegs.frame(linked, i);
            int number = LinkedRegs.number(linked, i);
            any |= LinkedRegs.isSpill(linked, i) ? (slots[f] >> number & 1) != 0 : (regs[f] >> number & 1) != 0;
        }
        if (any) {
            for (int i = 0; i < LinkedRegs.count(linked); i++) {
                int f = LinkedRegs.frame(linked, i);
                int number = LinkedRegs.number(linked, i);
                if (LinkedRegs.isSpill(linked, i)) {
                    slots[f] |= 1L << number;
                } else {
                    regs[f] |= 1 << number;
                }
            }
        }
    }

    /**
     * Over one instruction, backwards.
     *
     * @return false if the way back is lost
     */
    private boolean back(State state, int i, int next, int entry) {
        int flags = entry < 0 ? 0 : state.historyFlags[entry];
        long linked = entry < 0 ? 0 : state.historyLinked[entry];
        if (run.detailed && layout.row[i] != null) {
            run.log.line("mark_precise: frame" + frame + ": regs=" + regNames(frame) + " stack=" + slotNames(frame)
                    + " before " + i + ": " + run.text(i));
        }
        if (linked != 0) {
            spreadLinked(linked);
        }
        boolean done = over(i, next, flags);
        if (done && linked != 0) {
            spreadLinked(linked);
        }
        return done;
    }

    private boolean over(int i, int next, int flags) {
        Opcode row = layout.row[i];
        if (row == null) {
            return true; // an lddw's second slot
        }
        int dst = layout.dst[i];
        int src = layout.src[i];
        switch (row.form()) {
            case UNARY -> {}
            case ALU_K -> {
                if (row.alu() == dev.sluice.isa.AluOp.MOV) {
                    clear(dst);
                }
            }
            case ALU_X -> {
                if (isSet(dst)) {
                    if (row.alu() == dev.sluice.isa.AluOp.MOV) {
                        clear(dst);
                    }
                    if (src != Run.REG_FP) {
                        set(src);
                    }
                }
            }
            case MOVSX -> {
                if (isSet(dst)) {
                    clear(dst);
                    if (src != Run.REG_FP) {
                        set(src);
                    }
                }
            }
            case LDX, LDXSX, LOAD_ACQ -> {
                if (isSet(dst)) {
                    clear(dst);
                    if ((flags & STACK_ACCESS) != 0) {
                        slots[flags & 7] |= 1L << (flags >> 3 & 0x3f);
                    }
                }
            }
            case ST, STX, ATOMIC, STORE_REL -> {
                if (isSet(dst)) {
                    return false;
                }
                if ((flags & STACK_ACCESS) != 0) {
                    int f = flags & 7;
                    long bit = 1L << (flags >> 3 & 0x3f);
                    // what an atomic operation fetched came from the slot, which is not followed
                    run.doubtful |= row.form() == Form.ATOMIC && row.fetches() && (isSet(src) || isSet(0));
                    if ((slots[f] & bit) != 0) {
                        slots[f] &= ~bit;
                        if (row.form() != Form.ST) {
                            set(src);
                        }
                    }
                }
            }
            case JMP_X -> {
                if (isSet(dst) || isSet(src)) {
                    if ((flags & SRC_IS_STACK) == 0) {
                        set(src);
                    }
                    if ((flags & DST_IS_STACK) == 0) {
                        set(dst);
                    }
                }
            }
            case JMP_K, JA, GOTOL, MAY_GOTO -> {}
            case LDDW -> clear(dst);
            case CALL_LOCAL -> {
                return overCall(i);
            }
            case CALL_HELPER, CALL_KFUNC -> {
                return overHelper(i, next);
            }
            case EXIT -> {
                return overExit(next);
            }
            case CALLX, LD_ABS, LD_IND -> {
                return false;
            }
        }
        return true;
    }

    private boolean overCall(int i) {
        if (run.calls.isGlobal(layout.functionAt(i + 1 + layout.imm[i]))) {
            if ((regs[frame] & ARGUMENTS) != 0) {
                return false;
            }
            clear(0);
            return true;
        }
        if ((regs[frame] & ~ARGUMENTS) != 0 || slots[frame] != 0 || frame == 0) {
            return false;
        }
        regs[frame - 1] |= regs[frame];
        regs[frame] = 0;
        frame--;
        return true;
    }

    private boolean overHelper(int i, int next) {
        if (layout.callbackCalls.get(i) && i != next - 1) {
            if ((regs[frame] & ~ARGUMENTS) != 0 || slots[frame] != 0 || frame == 0) {
                return false;
            }
            regs[frame] = 0;
            frame--;
            return true;
        }
        clear(0);
        return (regs[frame] & ARGUMENTS) == 0;
    }

    private boolean overExit(int next) {
        if (next >= 0 && layout.callbackCalls.get(next)) {
            regs[frame] &= ~ARGUMENTS;
        }
        if ((regs[frame] & ARGUMENTS) != 0 || frame + 1 >= State.MAX_FRAMES) {
            return false;
        }
        boolean result = next >= 1 && layout.isForm(next - 1, Form.CALL_LOCAL) && isSet(0);
        clear(0);
        frame++;
        regs[frame] = result ? 1 : 0;
        slots[frame] = 0;
        return true;
    }

    private String regNames(int f) {
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < 11; i++) {
            if ((regs[f] >> i & 1) != 0) {
                names.append(names.isEmpty() ? "r" : ",r").append(i);
            }
        }
        return names.toString();
    }

    private String slotNames(int f) {
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < 64; i++) {
            if ((slots[f] >> i & 1) != 0) {
                names.append(names.isEmpty() ? "" : ",").append(-8 * (i + 1));
            }
        }
        return names.toString();
    }
}
