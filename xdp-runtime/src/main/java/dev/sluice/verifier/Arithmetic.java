package dev.sluice.verifier;

import dev.sluice.isa.AluOp;
import dev.sluice.isa.Opcode;

/** Arithmetic on scalars, and on pointers as far as that is allowed. */
final class Arithmetic {
    /** Offsets of pointers stay below this on either side. */
    static final long MAX_OFFSET = 1 << 29;

    private static final int CODE_MOV = 0xb0;
    private static final int CODE_NEG = 0x80;
    private static final int CODE_END = 0xd0;
    private static final String[] SYMBOLS = {
        "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian", "", ""
    };

    private final Run run;
    private final Layout layout;
    private final Reg operand = new Reg();

    Arithmetic(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    void step(int i) {
        switch (layout.code[i] & 0xf0) {
            case CODE_NEG, CODE_END -> unary(i);
            case CODE_MOV -> move(i);
            default -> binary(i);
        }
    }

    private boolean isWide(int i) {
        return (layout.code[i] & 7) == 7;
    }

    private boolean isRegister(int i) {
        return (layout.code[i] & 8) != 0;
    }

    // --- one operand

    private void unary(int i) {
        int c = layout.code[i];
        boolean negate = (c & 0xf0) == CODE_NEG;
        Reg dst = run.reg(layout.dst[i]);
        if (dst.type != RegType.SCALAR) {
            dst.setUnknown();
            return;
        }
        if (negate) {
            if (!ScalarAlu.apply(AluOp.NEG, dst, dst, isWide(i))) {
                throw new AssertionError("negation is always computable");
            }
        } else {
            if (ByteOrderOps.apply(layout.row[i].alu(), dst)) {
                return;
            }
        }
        forgetLink(dst);
    }

    private static void forgetLink(Reg reg) {
        reg.id = 0;
        reg.off = 0;
    }

    // --- copies

    private void move(int i) {
        int number = layout.dst[i];
        if (!isRegister(i)) {
            run.reg(number).setScalar(isWide(i) ? layout.imm[i] : layout.imm[i] & 0xffff_ffffL);
            return;
        }
        int off = layout.off[i];
        Reg src = run.reg(layout.src[i]);
        Reg dst = run.reg(number);
        if (isWide(i)) {
            move64(dst, src, off);
        } else {
            move32(dst, src, off);
        }
    }

    private void move64(Reg dst, Reg src, int extendedBits) {
        if (extendedBits == 0) {
            link(src);
            dst.copy(src);
        } else if (src.type == RegType.SCALAR) {
            boolean same = Long.compareUnsigned(src.umax, 1L << extendedBits - 1) < 0;
            if (same) {
                link(src);
            }
            dst.copy(src);
            if (!same) {
                forgetLink(dst);
            }
            SignExtension.extend64(dst, extendedBits / 8);
        } else {
            dst.setUnknown();
        }
    }

    private void move32(Reg dst, Reg src, int extendedBits) {
        if (src.type == RegType.SCALAR) {
            boolean same = extendedBits == 0
                    ? Long.compareUnsigned(src.umax, 0xffff_ffffL) <= 0
                    : Long.compareUnsigned(src.umax, 1L << extendedBits - 1) < 0;
            if (same) {
                link(src);
            }
            dst.copy(src);
            if (!same) {
                forgetLink(dst);
            }
            if (extendedBits != 0) {
                SignExtension.extend32(dst, extendedBits / 8);
            }
        } else {
            dst.setUnknown();
        }
        dst.zeroExtend();
        dst.sync();
    }

    /** From now on a scalar and its copy are known to be the same. */
    void link(Reg src) {
        if (src.type != RegType.SCALAR) {
            return;
        }
        if ((src.id & Reg.PLUS_CONST) != 0) {
            forgetLink(src);
        }
        if (src.id == 0 && !src.isConst()) {
            src.id = run.newId();
        }
    }

    // --- two operands

    private void binary(int i) {
        int op = layout.code[i] & 0xf0;
        int number = layout.dst[i];
        Opcode row = layout.row[i];
        Reg dst = run.reg(number);
        Reg src;
        if (isRegister(i)) {
            src = run.peek(layout.src[i]);
            if (src.type != RegType.SCALAR) {
                if (dst.type != RegType.SCALAR) {
                    if (row.alu() == AluOp.SUB) {
                        dst.setUnknown();
                        return;
                    }
                    throw run.reject("R" + number + " pointer " + SYMBOLS[op >> 4] + " pointer prohibited");
                }
                run.precision.mark(number);
                operand.copy(dst);
                pointer(i, dst, src, operand, true);
                return;
            }
            if (dst.type != RegType.SCALAR) {
                run.precision.mark(layout.src[i]);
                pointer(i, dst, dst, src, false);
                return;
            }
            if (dst.precise) {
                run.precision.mark(layout.src[i]);
            }
        } else {
            src = operand;
            src.setScalar(layout.imm[i]);
            if (dst.type != RegType.SCALAR) {
                pointer(i, dst, dst, src, false);
                return;
            }
        }
        AluOp alu = row.alu();
        if ((alu == AluOp.AND || alu == AluOp.OR) && src.isConst()) {
            split(number, dst);
            dst = run.reg(number);
        }
        scalars(alu, dst, src, isWide(i));
    }

    /**
     * A number that is 0 or -1, as a comparison leaves it, chooses between two constants by {@code &} or {@code |}: each is
     * walked by itself, 0 later. Linux 6.18 has it since one of its stable releases.
     */
    private void split(int number, Reg dst) {
        boolean whole = dst.smin == -1 && dst.smax == 0;
        boolean low = dst.s32min == -1 && dst.s32max == 0;
        if (!whole && !low) {
            return;
        }
        Reg zero = run.push(run.insn, run.insn).frame().own(number);
        Reg ones = run.reg(number);
        if (whole) {
            zero.setScalar(0);
            ones.setScalar(-1);
        } else {
            zero.setKnownLow(0);
            ones.setKnownLow(-1);
        }
    }

    private void scalars(AluOp op, Reg dst, Reg src, boolean wide) {
        Scalar from = src;
        if (src == dst) {
            from = new Scalar();
            from.copyRange(src);
        }
        boolean adds = (op == AluOp.ADD || op == AluOp.SUB)
                && dst.id != 0
                && src != dst
                && (wide || StackAccess.width(dst) <= 32);
        boolean isConst = wide ? from.isConst() : from.bits.isLowConst();
        long value = wide ? from.bits.value() : (int) from.bits.value();
        if (!ScalarAlu.apply(op, dst, from, wide)) {
            dst.setUnknown();
            return;
        }
        boolean fits = value == (int) value && !(op == AluOp.SUB && value == Integer.MIN_VALUE);
        if (adds && isConst && fits && (dst.id & Reg.PLUS_CONST) == 0) {
            dst.id |= wide ? Reg.PLUS_CONST64 : Reg.PLUS_CONST32;
            dst.off = (int) (op == AluOp.SUB ? -value : value);
        } else {
            forgetLink(dst);
        }
    }

    // --- pointers

    /**
     * A pointer plus or minus a scalar.
     *
     * @param swapped whether it was the scalar that stood in the destination
     */
    private void pointer(int i, Reg dst, Reg ptr, Reg offset, boolean swapped) {
        int number = layout.dst[i];
        int op = layout.code[i] & 0xf0;
        boolean known = offset.isConst();
        if (known && (offset.smin != offset.smax || offset.umin != offset.umax)
                || offset.smin > offset.smax
                || Long.compareUnsigned(offset.umin, offset.umax) > 0) {
            dst.setUnknown();
            return;
        }
        if (!isWide(i)) {
            if (op == 0x10) {
                dst.setUnknown();
                return;
            }
            throw run.reject("R" + number + " 32-bit pointer arithmetic prohibited");
        }
        String name = StatePrinter.name(ptr);
        if (ptr.orNull) {
            throw run.reject("R" + number + " pointer arithmetic on " + name + " prohibited, null-check it first");
        }
        switch (ptr.type) {
            case CTX, MAP_VALUE, MAP_KEY, STACK, PACKET_META, PACKET, MEM, FUNC, OBJECT, DYNPTR -> {}
            case CONST_MAP_PTR -> {
                if (!known || offset.smin != 0 || op != 0) {
                    throw run.reject("R" + number + " pointer arithmetic on " + name + " prohibited");
                }
            }
            case PACKET_END, SOCKET, SOCK_COMMON, TCP_SOCK, XDP_SOCK ->
                throw run.reject("R" + number + " pointer arithmetic on " + name + " prohibited");
            case NOT_INIT, SCALAR -> throw new AssertionError("not a pointer: " + ptr);
        }
        requireSane(offset, ptr, name);
        requireSane(ptr, ptr, name);
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
        switch (op) {
            case 0x00 -> add(dst, known, smin, smax, umin, umax, bits);
            case 0x10 -> {
                if (swapped) {
                    throw run.reject("R" + number + " tried to subtract pointer from scalar");
                }
                if (ptr.type == RegType.STACK) {
                    throw run.reject("R" + number + " subtraction from stack pointer prohibited");
                }
                subtract(dst, known, smin, smax, umin, umax, bits);
            }
            case 0x50, 0x40, 0xa0 ->
                throw run.reject("R" + number + " bitwise operator " + SYMBOLS[op >> 4] + " on pointer prohibited");
            default ->
                throw run.reject(
                        "R" + number + " pointer arithmetic with " + SYMBOLS[op >> 4] + " operator prohibited");
        }
        requireSane(dst, dst, name);
        dst.sync();
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

    private void requireSane(Reg reg, Reg pointer, String name) {
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
}
