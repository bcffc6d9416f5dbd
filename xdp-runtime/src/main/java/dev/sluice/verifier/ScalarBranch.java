package dev.sluice.verifier;

import dev.sluice.isa.JmpOp;

/** What a comparison of two {@link Scalar}s says: whether its outcome is known, and what each edge teaches. */
final class ScalarBranch {
    private static final long LOW = 0xffff_ffffL;

    /** The outcome is not known. */
    static final int OPEN = -1;

    private ScalarBranch() {}

    /** 1 if the branch is always taken, 0 if never, {@link #OPEN} if it depends. */
    static int decide(JmpOp op, Scalar a, Scalar b, boolean wide) {
        return wide ? decide64(op, a, b) : decide32(op, a, b);
    }

    private static int decide64(JmpOp op, Scalar a, Scalar b) {
        return switch (op) {
            case EQ -> equal64(a, b);
            case NE -> negate(equal64(a, b));
            case SET -> set(a.bits, b.bits);
            case GT -> order(Long.compareUnsigned(a.umin, b.umax) > 0, Long.compareUnsigned(a.umax, b.umin) <= 0);
            case GE -> order(Long.compareUnsigned(a.umin, b.umax) >= 0, Long.compareUnsigned(a.umax, b.umin) < 0);
            case LT -> order(Long.compareUnsigned(a.umax, b.umin) < 0, Long.compareUnsigned(a.umin, b.umax) >= 0);
            case LE -> order(Long.compareUnsigned(a.umax, b.umin) <= 0, Long.compareUnsigned(a.umin, b.umax) > 0);
            case SGT -> order(a.smin > b.smax, a.smax <= b.smin);
            case SGE -> order(a.smin >= b.smax, a.smax < b.smin);
            case SLT -> order(a.smax < b.smin, a.smin >= b.smax);
            case SLE -> order(a.smax <= b.smin, a.smin > b.smax);
        };
    }

    private static int decide32(JmpOp op, Scalar a, Scalar b) {
        return switch (op) {
            case EQ -> equal32(a, b);
            case NE -> negate(equal32(a, b));
            case SET -> set(a.bits.low(), b.bits.low());
            case GT ->
                order(
                        Integer.compareUnsigned(a.u32min, b.u32max) > 0,
                        Integer.compareUnsigned(a.u32max, b.u32min) <= 0);
            case GE ->
                order(
                        Integer.compareUnsigned(a.u32min, b.u32max) >= 0,
                        Integer.compareUnsigned(a.u32max, b.u32min) < 0);
            case LT ->
                order(
                        Integer.compareUnsigned(a.u32max, b.u32min) < 0,
                        Integer.compareUnsigned(a.u32min, b.u32max) >= 0);
            case LE ->
                order(
                        Integer.compareUnsigned(a.u32max, b.u32min) <= 0,
                        Integer.compareUnsigned(a.u32min, b.u32max) > 0);
            case SGT -> order(a.s32min > b.s32max, a.s32max <= b.s32min);
            case SGE -> order(a.s32min >= b.s32max, a.s32max < b.s32min);
            case SLT -> order(a.s32max < b.s32min, a.s32min >= b.s32max);
            case SLE -> order(a.s32max <= b.s32min, a.s32min > b.s32max);
        };
    }

    private static int order(boolean always, boolean never) {
        return always ? 1 : never ? 0 : OPEN;
    }

    private static int negate(int outcome) {
        return outcome == OPEN ? OPEN : 1 - outcome;
    }

    private static int equal64(Scalar a, Scalar b) {
        if (a.isConst() && b.isConst()) {
            return a.bits.value() == b.bits.value() ? 1 : 0;
        }
        if (!a.bits.overlaps(b.bits)
                || Long.compareUnsigned(a.umin, b.umax) > 0
                || Long.compareUnsigned(a.umax, b.umin) < 0
                || a.smin > b.smax
                || a.smax < b.smin
                || disjoint32(a, b)) {
            return 0;
        }
        return OPEN;
    }

    private static int equal32(Scalar a, Scalar b) {
        if (a.bits.isLowConst() && b.bits.isLowConst()) {
            return (int) a.bits.value() == (int) b.bits.value() ? 1 : 0;
        }
        return !a.bits.low().overlaps(b.bits.low()) || disjoint32(a, b) ? 0 : OPEN;
    }

    private static boolean disjoint32(Scalar a, Scalar b) {
        return Integer.compareUnsigned(a.u32min, b.u32max) > 0
                || Integer.compareUnsigned(a.u32max, b.u32min) < 0
                || a.s32min > b.s32max
                || a.s32max < b.s32min;
    }

    private static int set(Tnum a, Tnum b) {
        Tnum known = b.isConst() ? b : a;
        Tnum other = b.isConst() ? a : b;
        if (!known.isConst()) {
            return OPEN;
        }
        if ((other.value() & known.value()) != 0) {
            return 1;
        }
        return ((other.mask() | other.value()) & known.value()) == 0 ? 0 : OPEN;
    }

    /** What both operands are where the condition holds. */
    static void assumeTrue(JmpOp op, Scalar a, Scalar b, boolean wide) {
        switch (op) {
            case EQ -> assumeEqual(a, b, wide);
            case NE -> assumeUnequal(a, b, wide);
            case SET -> assumeSet(a, b, wide);
            case LE -> assumeUnsigned(a, b, wide, 0);
            case LT -> assumeUnsigned(a, b, wide, 1);
            case GE -> assumeUnsigned(b, a, wide, 0);
            case GT -> assumeUnsigned(b, a, wide, 1);
            case SLE -> assumeSigned(a, b, wide, 0);
            case SLT -> assumeSigned(a, b, wide, 1);
            case SGE -> assumeSigned(b, a, wide, 0);
            case SGT -> assumeSigned(b, a, wide, 1);
        }
        a.sync();
        b.sync();
    }

    /** What both operands are where the condition does not hold. */
    static void assumeFalse(JmpOp op, Scalar a, Scalar b, boolean wide) {
        switch (op) {
            case EQ -> assumeTrue(JmpOp.NE, a, b, wide);
            case NE -> assumeTrue(JmpOp.EQ, a, b, wide);
            case SET -> {
                assumeClear(a, b, wide);
                a.sync();
                b.sync();
            }
            case LE -> assumeTrue(JmpOp.GT, a, b, wide);
            case LT -> assumeTrue(JmpOp.GE, a, b, wide);
            case GE -> assumeTrue(JmpOp.LT, a, b, wide);
            case GT -> assumeTrue(JmpOp.LE, a, b, wide);
            case SLE -> assumeTrue(JmpOp.SGT, a, b, wide);
            case SLT -> assumeTrue(JmpOp.SGE, a, b, wide);
            case SGE -> assumeTrue(JmpOp.SLT, a, b, wide);
            case SGT -> assumeTrue(JmpOp.SLE, a, b, wide);
        }
    }

    private static boolean isConst(Scalar s, boolean wide) {
        return wide ? s.isConst() : s.bits.isLowConst();
    }

    private static void assumeEqual(Scalar a, Scalar b, boolean wide) {
        if (wide) {
            a.umin = Scalar.umax64(a.umin, b.umin);
            a.umax = Scalar.umin64(a.umax, b.umax);
            a.smin = Math.max(a.smin, b.smin);
            a.smax = Math.min(a.smax, b.smax);
            b.umin = a.umin;
            b.umax = a.umax;
            b.smin = a.smin;
            b.smax = a.smax;
            a.bits = a.bits.intersect(b.bits);
            b.bits = a.bits;
            return;
        }
        a.u32min = Scalar.umax32(a.u32min, b.u32min);
        a.u32max = Scalar.umin32(a.u32max, b.u32max);
        a.s32min = Math.max(a.s32min, b.s32min);
        a.s32max = Math.min(a.s32max, b.s32max);
        b.u32min = a.u32min;
        b.u32max = a.u32max;
        b.s32min = a.s32min;
        b.s32max = a.s32max;
        Tnum low = a.bits.low().intersect(b.bits.low());
        a.bits = a.bits.withLow(low);
        b.bits = b.bits.withLow(low);
    }

    private static void assumeUnequal(Scalar a, Scalar b, boolean wide) {
        Scalar known = isConst(b, wide) ? b : a;
        Scalar other = isConst(b, wide) ? a : b;
        if (!isConst(known, wide)) {
            return;
        }
        long value = known.bits.value();
        if (wide) {
            other.umin += other.umin == value ? 1 : 0;
            other.umax -= other.umax == value ? 1 : 0;
            other.smin += other.smin == value ? 1 : 0;
            other.smax -= other.smax == value ? 1 : 0;
        } else {
            int low = (int) value;
            other.u32min += other.u32min == low ? 1 : 0;
            other.u32max -= other.u32max == low ? 1 : 0;
            other.s32min += other.s32min == low ? 1 : 0;
            other.s32max -= other.s32max == low ? 1 : 0;
        }
    }

    private static void assumeSet(Scalar a, Scalar b, boolean wide) {
        Scalar known = isConst(b, wide) ? b : a;
        Scalar other = isConst(b, wide) ? a : b;
        if (!isConst(known, wide)) {
            return;
        }
        long value = wide ? known.bits.value() : known.bits.value() & LOW;
        if (Long.bitCount(value) == 1) {
            other.bits = wide
                    ? other.bits.or(Tnum.of(value))
                    : other.bits.withLow(other.bits.low().or(Tnum.of(value)));
        }
    }

    private static void assumeClear(Scalar a, Scalar b, boolean wide) {
        Scalar known = isConst(b, wide) ? b : a;
        Scalar other = isConst(b, wide) ? a : b;
        if (!isConst(known, wide)) {
            return;
        }
        long value = known.bits.value();
        // as the kernel: ranges may contradict the bits where the branch is dead, so they are found anew
        other.setUnbounded();
        other.bits = wide
                ? other.bits.and(Tnum.of(~value))
                : other.bits.withLow(other.bits.low().and(Tnum.of(~value & LOW)));
    }

    /** {@code a + gap <= b}, unsigned. */
    private static void assumeUnsigned(Scalar a, Scalar b, boolean wide, int gap) {
        if (wide) {
            a.umax = Scalar.umin64(a.umax, b.umax - gap);
            b.umin = Scalar.umax64(a.umin + gap, b.umin);
        } else {
            a.u32max = Scalar.umin32(a.u32max, b.u32max - gap);
            b.u32min = Scalar.umax32(a.u32min + gap, b.u32min);
        }
    }

    /** {@code a + gap <= b}, signed. */
    private static void assumeSigned(Scalar a, Scalar b, boolean wide, int gap) {
        if (wide) {
            a.smax = Math.min(a.smax, b.smax - gap);
            b.smin = Math.max(a.smin + gap, b.smin);
        } else {
            a.s32max = Math.min(a.s32max, b.s32max - gap);
            b.s32min = Math.max(a.s32min + gap, b.s32min);
        }
    }
}
