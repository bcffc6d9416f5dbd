package dev.sluice.verifier;

/** A pointer plus or minus a number: which pointers may be moved, and what is known of them then. */
final class PointerArithmetic {
    /** Offsets of pointers stay below this on either side. */
    static final long MAX_OFFSET = 1 << 29;

    private static final int ADD = 0x00;
    private static final int SUB = 0x10;
    private static final String[] SYMBOLS = {
        "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian", "", ""
    };

    private final Run run;
    private final Layout layout;

    PointerArithmetic(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    /** Two pointers can only be subtracted, which leaves some number. */
    void requireDifference(int i) {
        int op = layout.code[i] & 0xf0;
        if (op != SUB) {
            throw run.reject("R" + layout.dst[i] + " pointer " + SYMBOLS[op >> 4] + " pointer prohibited");
        }
    }

    /**
     * A pointer plus or minus a scalar.
     *
     * @param swapped whether it was the scalar that stood in the destination
     */
    void step(int i, Reg dst, Reg ptr, Reg offset, boolean swapped) {
        int op = layout.code[i] & 0xf0;
        boolean wide = (layout.code[i] & 7) == 7;
        if (isContradictory(offset) || !wide && op == SUB) {
            dst.setUnknown();
            return;
        }
        String name = StatePrinter.name(ptr);
        require(layout.dst[i], op, wide, name, ptr, offset, swapped);
        boolean known = offset.isConst();
        long smin = offset.smin;
        long smax = offset.smax;
        long umin = offset.umin;
        long umax = offset.umax;
        Tnum bits = offset.bits;
        if (swapped) {
            int frame = dst.frame;
            dst.copy(ptr);
            dst.ref = 0;
            if (ptr.type == RegType.STACK && ptr.frame != frame) {
                // Linux 6.18 takes such a pointer for one into another frame's stack: its answer, but no proof
                dst.frame = frame;
                run.doubtful = true;
            }
        }
        dst.unbound32();
        if (op == ADD) {
            add(dst, known, smin, smax, umin, umax, bits);
        } else {
            subtract(dst, known, smin, smax, umin, umax, bits);
        }
        // where it points now must be near as well
        requireNear(dst, name);
        dst.sync();
    }

    private static boolean isContradictory(Reg offset) {
        return offset.isConst() && (offset.smin != offset.smax || offset.umin != offset.umax)
                || offset.smin > offset.smax
                || Long.compareUnsigned(offset.umin, offset.umax) > 0;
    }

    private void require(int number, int op, boolean wide, String name, Reg ptr, Reg offset, boolean swapped) {
        if (!wide) {
            throw run.reject("R" + number + " 32-bit pointer arithmetic prohibited");
        }
        if (ptr.orNull) {
            throw run.reject("R" + number + " pointer arithmetic on " + name + " prohibited, null-check it first");
        }
        boolean moves = switch (ptr.type) {
            case CTX, MAP_VALUE, MAP_KEY, STACK, PACKET_META, PACKET, MEM, FUNC, OBJECT, DYNPTR -> true;
            case CONST_MAP_PTR -> offset.isConst() && offset.smin == 0 && op == ADD;
            case PACKET_END, SOCKET, SOCK_COMMON, TCP_SOCK, XDP_SOCK -> false;
            case NOT_INIT, SCALAR -> throw new AssertionError("not a pointer: " + ptr);
        };
        if (!moves) {
            throw run.reject("R" + number + " pointer arithmetic on " + name + " prohibited");
        }
        requireNear(offset, name);
        requireNear(ptr, name);
        switch (op) {
            case ADD -> {}
            case SUB -> {
                if (swapped) {
                    throw run.reject("R" + number + " tried to subtract pointer from scalar");
                }
                if (ptr.type == RegType.STACK) {
                    throw run.reject("R" + number + " subtraction from stack pointer prohibited");
                }
            }
            case 0x50, 0x40, 0xa0 ->
                throw run.reject("R" + number + " bitwise operator " + SYMBOLS[op >> 4] + " on pointer prohibited");
            default ->
                throw run.reject(
                        "R" + number + " pointer arithmetic with " + SYMBOLS[op >> 4] + " operator prohibited");
        }
    }

    /** An offset, or a pointer's, must lie where sums of two do not overflow. */
    private void requireNear(Reg reg, String name) {
        long value = reg.bits.value();
        if (reg.isConst() && (value >= MAX_OFFSET || value <= -MAX_OFFSET)) {
            throw run.reject("math between " + name + " pointer and " + value + " is not allowed");
        }
        if (reg.off >= MAX_OFFSET || reg.off <= -MAX_OFFSET) {
            throw run.reject(name + " pointer offset " + reg.off + " is not allowed");
        }
        if (reg.smin == Long.MIN_VALUE) {
            throw run.reject("math between " + name + " pointer and register with unbounded min value is not allowed");
        }
        if (reg.smin >= MAX_OFFSET || reg.smin <= -MAX_OFFSET) {
            throw run.reject("value " + reg.smin + " makes " + name + " pointer be out of bounds");
        }
    }

    private void add(Reg dst, boolean known, long smin, long smax, long umin, long umax, Tnum bits) {
        long fixed = dst.off + smin;
        if (known && fixed == (int) fixed) {
            dst.off = (int) fixed;
            return;
        }
        long min = dst.smin + smin;
        long max = dst.smax + smax;
        boolean overflow = ((dst.smin ^ min) & (smin ^ min)) < 0 || ((dst.smax ^ max) & (smax ^ max)) < 0;
        dst.smin = overflow ? Long.MIN_VALUE : min;
        dst.smax = overflow ? Long.MAX_VALUE : max;
        long low = dst.umin + umin;
        long high = dst.umax + umax;
        boolean carry = Long.compareUnsigned(low, umin) < 0 || Long.compareUnsigned(high, umax) < 0;
        dst.umin = carry ? 0 : low;
        dst.umax = carry ? -1 : high;
        dst.bits = dst.bits.add(bits);
        if (dst.type.isPacket()) {
            dst.id = run.newId();
            dst.range = 0;
        }
    }

    private void subtract(Reg dst, boolean known, long smin, long smax, long umin, long umax, Tnum bits) {
        long fixed = dst.off - smin;
        if (known && fixed == (int) fixed) {
            dst.off = (int) fixed;
            return;
        }
        long min = dst.smin - smax;
        long max = dst.smax - smin;
        boolean overflow = ((dst.smin ^ smax) & (dst.smin ^ min)) < 0 || ((dst.smax ^ smin) & (dst.smax ^ max)) < 0;
        dst.smin = overflow ? Long.MIN_VALUE : min;
        dst.smax = overflow ? Long.MAX_VALUE : max;
        boolean borrow = Long.compareUnsigned(dst.umin, umax) < 0;
        long low = dst.umin - umax;
        long high = dst.umax - umin;
        dst.umin = borrow ? 0 : low;
        dst.umax = borrow ? -1 : high;
        dst.bits = dst.bits.sub(bits);
        if (dst.type.isPacket()) {
            dst.id = run.newId();
            if (smin < 0) {
                dst.range = 0;
            }
        }
    }
}
