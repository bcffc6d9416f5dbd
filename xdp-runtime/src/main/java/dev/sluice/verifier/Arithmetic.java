package dev.sluice.verifier;

import dev.sluice.isa.AluOp;
import dev.sluice.isa.Opcode;

/** Arithmetic on scalars; what has a pointer as an operand is {@link PointerArithmetic}. */
final class Arithmetic {
    private static final int CODE_MOV = 0xb0;
    private static final int CODE_NEG = 0x80;
    private static final int CODE_END = 0xd0;

    private final Run run;
    private final Layout layout;
    private final PointerArithmetic pointers;
    private final Reg operand = new Reg();

    Arithmetic(Run run) {
        this.run = run;
        this.layout = run.layout;
        this.pointers = new PointerArithmetic(run);
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
        int number = layout.dst[i];
        Opcode row = layout.row[i];
        Reg dst = run.reg(number);
        Reg src;
        if (isRegister(i)) {
            src = run.peek(layout.src[i]);
            if (src.type != RegType.SCALAR) {
                if (dst.type != RegType.SCALAR) {
                    pointers.requireDifference(i);
                    dst.setUnknown();
                    return;
                }
                run.precision.mark(number);
                operand.copy(dst);
                pointers.step(i, dst, src, operand, true);
                return;
            }
            if (dst.type != RegType.SCALAR) {
                run.precision.mark(layout.src[i]);
                pointers.step(i, dst, dst, src, false);
                return;
            }
            if (dst.precise) {
                run.precision.mark(layout.src[i]);
            }
        } else {
            src = operand;
            src.setScalar(layout.imm[i]);
            if (dst.type != RegType.SCALAR) {
                pointers.step(i, dst, dst, src, false);
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
}
