package dev.sluice.verifier;

/**
 * Registers and spilled registers that are known to hold the same scalar, or one a constant away: what a branch teaches
 * about one holds for all. At most {@link #MAX} are followed; they are kept packed in a long, for the history.
 *
 * <pre>
 *   bits 0-3 count, then per member 10 bits: frame (3), whether a spill (1), register or slot (6)
 * </pre>
 */
final class LinkedRegs {
    static final int MAX = 6;
    private static final int MEMBER_BITS = 10;
    private static final int COUNT_BITS = 4;

    private LinkedRegs() {}

    static int count(long packed) {
        return (int) (packed & 0xf);
    }

    static int frame(long packed, int index) {
        return (int) (packed >>> COUNT_BITS + MEMBER_BITS * index) & 7;
    }

    static boolean isSpill(long packed, int index) {
        return (packed >>> COUNT_BITS + MEMBER_BITS * index + 3 & 1) != 0;
    }

    static int number(long packed, int index) {
        return (int) (packed >>> COUNT_BITS + MEMBER_BITS * index + 4) & 0x3f;
    }

    private static long add(long packed, int frame, boolean spill, int number) {
        int count = count(packed);
        if (count == MAX) {
            return packed;
        }
        long member = frame | (spill ? 8L : 0) | (long) number << 4;
        return (packed | member << COUNT_BITS + MEMBER_BITS * count) + 1;
    }

    /** Adds all that are linked by an id; those that find no room lose their link. */
    static long collect(State state, int id, long packed, short[] liveBefore) {
        int wanted = id & ~Reg.PLUS_CONST;
        long found = packed;
        for (int f = state.current; f >= 0; f--) {
            Frame frame = state.frames[f];
            int live = liveBefore[f == state.current ? state.insn : state.frames[f + 1].callsite];
            for (int i = 0; i < 10; i++) {
                if ((live >> i & 1) == 0) {
                    continue;
                }
                if (isMember(frame.regs[i], wanted)) {
                    if (count(found) == MAX) {
                        frame.own(i).id = 0;
                    } else {
                        found = add(found, f, false, i);
                    }
                }
            }
            for (int slot = 0; slot < frame.slots(); slot++) {
                if (frame.isSpill(slot) && isMember(frame.spills[slot], wanted)) {
                    if (count(found) == MAX) {
                        frame.ownSpill(slot).id = 0;
                    } else {
                        found = add(found, f, true, slot);
                    }
                }
            }
        }
        return found;
    }

    private static boolean isMember(Reg reg, int id) {
        return reg.id != 0 && reg.type == RegType.SCALAR && (reg.id & ~Reg.PLUS_CONST) == id;
    }

    /** One of them, to be read only. */
    static Reg get(State state, long packed, int index) {
        Frame frame = state.frames[frame(packed, index)];
        int number = number(packed, index);
        return isSpill(packed, index) ? frame.spills[number] : frame.regs[number];
    }

    private static Reg own(State state, long packed, int index) {
        Frame frame = state.frames[frame(packed, index)];
        int number = number(packed, index);
        return isSpill(packed, index) ? frame.ownSpill(number) : frame.own(number);
    }

    /** What became known of one is known of all. */
    static void spread(State state, Reg known, long packed) {
        for (int i = 0; i < count(packed); i++) {
            Reg reg = get(state, packed, i);
            if (reg == known || reg.type != RegType.SCALAR) {
                continue;
            }
            if ((reg.id & ~Reg.PLUS_CONST) != (known.id & ~Reg.PLUS_CONST) || reg.id == 0) {
                continue;
            }
            if (((reg.id ^ known.id) & Reg.PLUS_CONST) == Reg.PLUS_CONST) {
                continue; // one was added to on 64 bits, the other on 32: their distance is not known
            }
            reg = own(state, packed, i);
            boolean sameOffset =
                    (reg.id & Reg.PLUS_CONST) == 0 && (known.id & Reg.PLUS_CONST) == 0 || reg.off == known.off;
            if (sameOffset) {
                reg.copy(known);
                continue;
            }
            int off = reg.off;
            int id = reg.id;
            Scalar delta = new Scalar();
            delta.setKnown((long) off - known.off);
            reg.copy(known);
            reg.off = off;
            reg.id = id;
            ScalarAlu.addConstant(reg, delta);
            if (((id | known.id) & Reg.PLUS_CONST32) != 0) {
                reg.zeroExtend();
            }
            reg.sync();
        }
    }
}
