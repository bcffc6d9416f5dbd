package dev.sluice.verifier;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Helper;
import dev.sluice.isa.AluOp;
import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.JmpOp;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.program.Range;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.RegisterFact.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What numbers registers can hold at each slot: a forward data flow over the ways that the walk found possible, joined where
 * they meet. The walk's own numbers would not do: it ends a path early where a number that is different this time does not
 * matter to safety, so that it never sees what follows from that number.
 *
 * <p>Every register is a number here, a pointer is one of which nothing is known. Functions are looked at once, for the
 * arguments of all their calls joined. Followed are r0 to r9 and the slots of the own stack frame that eight-byte stores at
 * known offsets fill. A place that goes on changing is widened to the next of a few usual bounds.
 */
final class ScalarFlow {
    private static final int REGISTERS = 10;
    private static final int SLOTS = 64;
    private static final int JOINS_BEFORE_WIDENING = 3;
    private static final long LOW = 0xffff_ffffL;
    private static final long[] UNSIGNED = {0xff, 0xffff, Integer.MAX_VALUE, LOW, Long.MAX_VALUE, -1};
    private static final long[] SIGNED = {0, Byte.MAX_VALUE, 0xff, 0xffff, Integer.MAX_VALUE, LOW, Long.MAX_VALUE};
    private static final long[] NEGATIVE = {0, Byte.MIN_VALUE, Short.MIN_VALUE, Integer.MIN_VALUE, Long.MIN_VALUE};

    /** Numbers at one slot: registers, then stack slots; null is any number. */
    private record Numbers(@Nullable Scalar[] at) {
        Numbers copy() {
            return new Numbers(at.clone());
        }
    }

    private final FactsRecorder recorder;
    private final Run run;
    private final Layout layout;
    private final BitSet taken;
    private final BitSet fallen;
    private final @Nullable Numbers[] before;
    private final int[] joins;
    private final BitSet leaders = new BitSet();
    private final BitSet waiting = new BitSet();
    private final ArrayDeque<Integer> queue = new ArrayDeque<>();

    /** By function: what it returns, once it is known to return. */
    private final Scalar[] results;

    private final boolean[] returns;
    private final List<List<Integer>> callers = new ArrayList<>();

    ScalarFlow(FactsRecorder recorder, Run run, BitSet taken, BitSet fallen) {
        this.recorder = recorder;
        this.run = run;
        this.layout = run.layout;
        this.taken = taken;
        this.fallen = fallen;
        before = new Numbers[layout.size];
        joins = new int[layout.size];
        results = new Scalar[layout.starts.length];
        returns = new boolean[layout.starts.length];
        for (int f = 0; f < layout.starts.length; f++) {
            callers.add(new ArrayList<>());
            leaders.set(layout.starts[f]);
        }
        for (int i = 0; i < layout.size; i++) {
            if (isBranch(i)) {
                leaders.set(layout.target(i));
                leaders.set(i + 1);
            } else if (isLocalCall(i)) {
                leaders.set(i + 1);
                callers.get(layout.functionAt(i + 1 + layout.imm[i])).add(i);
            }
            if (layout.isWide(i)) {
                i++;
            }
        }
    }

    private boolean isBranch(int i) {
        int c = layout.code[i];
        return Layout.isJumpClass(c) && !Layout.isExit(c) && (c & 0xf0) != 0x80;
    }

    private boolean isLocalCall(int i) {
        return layout.code[i] == Opcode.CALL_LOCAL.code() && layout.src[i] == 1;
    }

    /** Puts what was found into the facts of numbers. */
    void improve(@Nullable RegisterFact[][] registers) {
        // the entry function, callbacks and what is verified by itself may be given anything
        for (int f = 0; f < layout.starts.length; f++) {
            int start = layout.starts[f];
            if (run.seen[start] && (f == 0 || run.calls.isGlobal(f) || layout.callbacks.get(f))) {
                enter(start, new Numbers(new Scalar[REGISTERS + SLOTS]));
            }
        }
        while (!queue.isEmpty()) {
            int leader = queue.poll();
            waiting.clear(leader);
            follow(leader, null);
        }
        for (int leader = leaders.nextSetBit(0); leader >= 0; leader = leaders.nextSetBit(leader + 1)) {
            if (leader < layout.size && before[leader] != null) {
                follow(leader, registers);
            }
        }
    }

    // --- ways

    private void enter(int slot, Numbers numbers) {
        Numbers old = before[slot];
        boolean changed = false;
        if (old == null) {
            before[slot] = numbers.copy();
            changed = true;
        } else {
            boolean widen = ++joins[slot] > JOINS_BEFORE_WIDENING;
            for (int i = 0; i < numbers.at.length; i++) {
                Scalar a = old.at[i];
                Scalar b = numbers.at[i];
                if (a == null || b != null && a.rangesInclude(b) && a.bits.includes(b.bits)) {
                    continue;
                }
                changed = true;
                old.at[i] = b == null ? null : join(a, b, widen);
            }
        }
        if (changed && !waiting.get(slot)) {
            waiting.set(slot);
            queue.add(slot);
        }
    }

    /**
     * From a leader to the end of its block.
     *
     * @param registers where facts go; null: the ways on are entered instead
     */
    private void follow(int leader, @Nullable RegisterFact @Nullable [][] registers) {
        Numbers numbers = before[leader].copy();
        int i = leader;
        while (true) {
            if (registers != null) {
                write(registers, i, numbers);
            }
            if (isBranch(i)) {
                if (registers == null) {
                    branch(i, numbers);
                }
                return;
            }
            if (Layout.isExit(layout.code[i])) {
                if (registers == null) {
                    leave(layout.functionOf(i), numbers.at[0]);
                }
                return;
            }
            if (isLocalCall(i)) {
                if (registers == null) {
                    call(i, numbers);
                }
                return;
            }
            step(i, numbers);
            i += layout.isWide(i) ? 2 : 1;
            if (i >= layout.size || !run.seen[i]) {
                return;
            }
            if (leaders.get(i)) {
                if (registers == null) {
                    enter(i, numbers);
                }
                return;
            }
        }
    }

    private void write(@Nullable RegisterFact[][] registers, int slot, Numbers numbers) {
        @Nullable RegisterFact[] facts = registers[slot];
        if (facts == null) {
            return;
        }
        for (int r = 0; r < REGISTERS; r++) {
            RegisterFact fact = facts[r];
            Scalar known = numbers.at[r];
            if (fact != null && fact.kind() == Kind.SCALAR && known != null) {
                facts[r] = RegisterFact.scalar(range(known));
            }
        }
    }

    private static Range range(Scalar s) {
        return new Range(
                s.bits.value(), s.bits.mask(), s.umin, s.umax, s.smin, s.smax, s.u32min, s.u32max, s.s32min, s.s32max);
    }

    private void leave(int function, @Nullable Scalar result) {
        Scalar old = results[function];
        boolean changed;
        if (!returns[function]) {
            returns[function] = true;
            results[function] = result;
            changed = true;
        } else if (old == null || result != null && old.rangesInclude(result) && old.bits.includes(result.bits)) {
            changed = false;
        } else {
            // results are widened at once: a function seldom returns two close numbers
            results[function] = result == null ? null : join(old, result, true);
            changed = true;
        }
        if (changed) {
            for (int call : callers.get(function)) {
                int leader = call;
                while (!leaders.get(leader)) {
                    leader--;
                }
                if (before[leader] != null && !waiting.get(leader)) {
                    waiting.set(leader);
                    queue.add(leader);
                }
            }
        }
    }

    private void call(int i, Numbers numbers) {
        int function = layout.functionAt(i + 1 + layout.imm[i]);
        boolean global = run.calls.isGlobal(function);
        if (!global) {
            Numbers callee = new Numbers(new Scalar[REGISTERS + SLOTS]);
            System.arraycopy(numbers.at, 1, callee.at, 1, 5);
            enter(layout.starts[function], callee);
        }
        if ((global || returns[function]) && run.seen[i + 1]) {
            Numbers after = numbers.copy();
            forgetCallerSaved(after);
            forgetStack(after);
            after.at[0] = global ? null : results[function];
            enter(i + 1, after);
        }
    }

    private static void forgetCallerSaved(Numbers numbers) {
        for (int r = 0; r <= 5; r++) {
            numbers.at[r] = null;
        }
    }

    private static void forgetStack(Numbers numbers) {
        for (int slot = 0; slot < SLOTS; slot++) {
            numbers.at[REGISTERS + slot] = null;
        }
    }

    private void branch(int i, Numbers numbers) {
        Opcode row = layout.row[i];
        JmpOp op = row.jmp();
        if (op == null || layout.dst[i] == Run.REG_FP || layout.src[i] == Run.REG_FP) {
            boolean conditional = row.form().isConditional();
            if (!conditional || taken.get(i)) {
                enter(layout.target(i), numbers);
            }
            if (conditional && fallen.get(i)) {
                enter(i + 1, numbers);
            }
            return;
        }
        if (fallen.get(i)) {
            edge(i, op, numbers, false);
        }
        if (taken.get(i)) {
            edge(i, op, numbers, true);
        }
    }

    private void edge(int i, JmpOp op, Numbers numbers, boolean holds) {
        Numbers after = numbers.copy();
        boolean wide = (layout.code[i] & 7) == 5;
        int dst = layout.dst[i];
        int src = layout.src[i];
        Scalar a = copy(numbers.at[dst]);
        Scalar b = new Scalar();
        boolean register = (layout.code[i] & 8) != 0;
        if (register) {
            if (dst == src) {
                enter(holds ? layout.target(i) : i + 1, numbers);
                return;
            }
            b = copy(numbers.at[src]);
        } else {
            b.setKnown(layout.imm[i]);
        }
        if (holds) {
            ScalarBranch.assumeTrue(op, a, b, wide);
        } else {
            ScalarBranch.assumeFalse(op, a, b, wide);
        }
        if (!a.isContradictory()) {
            after.at[dst] = a;
        }
        if (register && !b.isContradictory()) {
            after.at[src] = b;
        }
        enter(holds ? layout.target(i) : i + 1, after);
    }

    // --- instructions

    private static Scalar copy(@Nullable Scalar from) {
        Scalar copy = new Scalar();
        if (from != null) {
            copy.copyRange(from);
        }
        return copy;
    }

    private static Scalar known(long value) {
        Scalar made = new Scalar();
        made.setKnown(value);
        return made;
    }

    /** Any number of so many bytes. */
    private static @Nullable Scalar bytes(int bytes) {
        if (bytes == 8) {
            return null;
        }
        Scalar made = new Scalar();
        made.truncate(bytes);
        return made;
    }

    private void step(int i, Numbers numbers) {
        Opcode row = layout.row[i];
        int dst = layout.dst[i];
        int src = layout.src[i];
        boolean wide = (layout.code[i] & 7) == 7;
        switch (row.form()) {
            case ALU_K -> {
                Scalar constant = known(layout.imm[i]);
                numbers.at[dst] = row.alu() == AluOp.MOV
                        ? known(wide ? layout.imm[i] : layout.imm[i] & LOW)
                        : apply(row.alu(), numbers.at[dst], constant, wide);
            }
            case ALU_X -> {
                Scalar from = src == Run.REG_FP ? null : numbers.at[src];
                if (row.alu() != AluOp.MOV) {
                    numbers.at[dst] = apply(row.alu(), numbers.at[dst], copy(from), wide);
                } else if (wide) {
                    numbers.at[dst] = from;
                } else {
                    numbers.at[dst] = low(copy(from));
                }
            }
            case UNARY -> {
                Scalar value = copy(numbers.at[dst]);
                if (row.alu() == AluOp.NEG) {
                    numbers.at[dst] = apply(AluOp.NEG, value, value, wide);
                } else {
                    ByteOrderOps.apply(row.alu(), value);
                    numbers.at[dst] = value;
                }
            }
            case MOVSX -> {
                Scalar value = copy(src == Run.REG_FP ? null : numbers.at[src]);
                if (wide) {
                    SignExtension.extend64(value, layout.off[i] / 8);
                    value.sync();
                } else {
                    SignExtension.extend32(value, layout.off[i] / 8);
                    low(value);
                }
                numbers.at[dst] = value;
            }
            case LDX, LOAD_ACQ -> numbers.at[dst] = load(i, numbers, row.width().bytes());
            case LDXSX -> {
                Scalar value = new Scalar();
                SignExtension.extend64(value, row.width().bytes());
                value.sync();
                numbers.at[dst] = value;
            }
            case ST, STX, STORE_REL, ATOMIC -> store(i, numbers, row);
            case LDDW -> numbers.at[dst] = layout.src[i] == Pseudo.IMM.ordinal() ? known(layout.wide(i)) : null;
            case CALL_HELPER -> callHelper(i, numbers);
            case CALL_KFUNC, CALLX, LD_ABS, LD_IND -> {
                forgetCallerSaved(numbers);
                forgetStack(numbers);
            }
            case JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, EXIT, CALL_LOCAL ->
                throw new AssertionError("ends a block: " + row);
        }
    }

    private static Scalar low(Scalar value) {
        value.zeroExtend();
        value.sync();
        return value;
    }

    private static @Nullable Scalar apply(AluOp op, @Nullable Scalar dst, Scalar src, boolean wide) {
        Scalar value = copy(dst);
        if (ScalarAlu.apply(op, value, copy(src), wide)) {
            return value;
        }
        return wide ? null : bytes(4);
    }

    private @Nullable Scalar load(int i, Numbers numbers, int bytes) {
        Kind kind = recorder.kindAt(i, layout.src[i]);
        if (kind == Kind.CTX) {
            return layout.off[i] >= 12 ? bytes(4) : null;
        }
        if (kind == Kind.MAP_VALUE) {
            Long constant = recorder.constantAt(i, layout.src[i], layout.off[i], bytes);
            if (constant != null) {
                return known(constant);
            }
        }
        if (bytes == 8 && kind == Kind.STACK) {
            int at = recorder.stackOffsetAt(i, layout.src[i], layout.off[i]);
            return isSlot(at) && !run.isSliced(slotOf(at)) ? numbers.at[REGISTERS + slotOf(at)] : null;
        }
        return bytes(bytes);
    }

    private static boolean isSlot(int at) {
        return at != FactsRecorder.NOWHERE && at % Frame.SLOT_BYTES == 0;
    }

    /** The stack slot of the byte at an offset from r10. */
    private static int slotOf(int at) {
        return (-at - 1) / Frame.SLOT_BYTES;
    }

    private void store(int i, Numbers numbers, Opcode row) {
        Kind kind = recorder.kindAt(i, layout.dst[i]);
        int src = layout.src[i];
        int bytes = row.width().bytes();
        if (kind == Kind.STACK || kind == Kind.ANY) {
            int at = recorder.stackOffsetAt(i, layout.dst[i], layout.off[i]);
            if (at == FactsRecorder.NOWHERE) {
                forgetStack(numbers);
            } else if (isSlot(at) && bytes == Frame.SLOT_BYTES) {
                numbers.at[REGISTERS + slotOf(at)] = switch (row.form()) {
                    case ST -> known(layout.imm[i]);
                    case STX, STORE_REL -> src == Run.REG_FP ? null : numbers.at[src];
                    default -> null;
                };
            } else {
                for (int slot = slotOf(at + bytes - 1); slot <= slotOf(at); slot++) {
                    numbers.at[REGISTERS + slot] = null;
                }
            }
        }
        if (row.atomic() == AtomicOp.CMPXCHG) {
            numbers.at[0] = null;
        } else if (row.atomic() != null && row.fetches()) {
            numbers.at[src] = bytes(bytes);
        }
    }

    private void callHelper(int i, Numbers numbers) {
        Helper helper = Helper.of(layout.imm[i]);
        boolean writes = helper == null || helper.callsBack();
        if (helper != null) {
            for (int arg = 0; arg < helper.argCount(); arg++) {
                Kind kind = recorder.kindAt(i, arg + 1);
                writes |= (kind == Kind.STACK || kind == Kind.ANY) && !isOnlyRead(helper.arg(arg));
            }
        }
        if (writes) {
            forgetStack(numbers);
        }
        forgetCallerSaved(numbers);
    }

    /** Whether a helper leaves the memory of such an argument as it is. */
    private static boolean isOnlyRead(ArgKind arg) {
        return switch (arg) {
            case ANYTHING,
                    CTX,
                    CONST_MAP_PTR,
                    MAP_KEY,
                    MAP_VALUE,
                    MAP_VALUE_OR_NULL,
                    MEM_READ,
                    MEM_READ_OR_NULL,
                    CONST_SIZE,
                    CONST_SIZE_OR_ZERO,
                    CONST_ALLOC_SIZE_OR_ZERO,
                    CONST_STR,
                    IPHDR,
                    IPV6HDR,
                    TCPHDR -> true;
            default -> false;
        };
    }

    // --- joins

    private static Scalar join(Scalar a, Scalar b, boolean widen) {
        Scalar made = new Scalar();
        made.bits = a.bits.union(b.bits);
        made.umin = Scalar.umin64(a.umin, b.umin);
        made.umax = Scalar.umax64(a.umax, b.umax);
        made.smin = Math.min(a.smin, b.smin);
        made.smax = Math.max(a.smax, b.smax);
        made.u32min = Scalar.umin32(a.u32min, b.u32min);
        made.u32max = Scalar.umax32(a.u32max, b.u32max);
        made.s32min = Math.min(a.s32min, b.s32min);
        made.s32max = Math.max(a.s32max, b.s32max);
        if (widen) {
            widen(made, a);
        }
        return made;
    }

    /** Bounds that have moved go on to the next usual one, so that they move only a few times. */
    private static void widen(Scalar made, Scalar old) {
        if (made.umin != old.umin) {
            made.umin = 0;
        }
        if (made.umax != old.umax) {
            made.umax = unsigned(made.umax);
        }
        if (made.smin != old.smin) {
            made.smin = negative(made.smin);
        }
        if (made.smax != old.smax) {
            made.smax = signed(made.smax);
        }
        if (made.u32min != old.u32min) {
            made.u32min = 0;
        }
        if (made.u32max != old.u32max) {
            made.u32max = -1;
        }
        if (made.s32min != old.s32min) {
            made.s32min = made.s32min >= 0 ? 0 : Integer.MIN_VALUE;
        }
        if (made.s32max != old.s32max) {
            made.s32max = Integer.MAX_VALUE;
        }
        if (!made.bits.equals(old.bits)) {
            long open = made.bits.mask() | made.bits.value();
            int width = 64 - Long.numberOfLeadingZeros(open);
            int rounded = width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
            made.bits = rounded == 64 ? Tnum.UNKNOWN : new Tnum(0, (1L << rounded) - 1);
        }
    }

    private static long unsigned(long value) {
        for (long bound : UNSIGNED) {
            if (Long.compareUnsigned(value, bound) <= 0) {
                return bound;
            }
        }
        return -1;
    }

    private static long signed(long value) {
        for (long bound : SIGNED) {
            if (value <= bound) {
                return bound;
            }
        }
        return Long.MAX_VALUE;
    }

    private static long negative(long value) {
        for (long bound : NEGATIVE) {
            if (value >= bound) {
                return bound;
            }
        }
        return Long.MIN_VALUE;
    }
}
