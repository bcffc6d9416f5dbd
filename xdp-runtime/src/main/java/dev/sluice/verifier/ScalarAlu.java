package dev.sluice.verifier;

import dev.sluice.isa.AluOp;

/**
 * What arithmetic does to what is known of its operands: {@code dst = dst op src} on {@link Scalar}s. Linux 6.18 knows
 * nothing of a quotient or a remainder, and of a shift by an unknown amount; so does this.
 */
final class ScalarAlu {
    private ScalarAlu() {}

    /**
     * Applies an operation.
     *
     * @param wide whether on 64 bits; otherwise the upper half of the result becomes 0
     * @return whether something could be said; if not, {@code dst} is left for the caller to forget
     */
    static boolean apply(AluOp op, Scalar dst, Scalar src, boolean wide) {
        if (!isComputable(op, src, wide)) {
            return false;
        }
        switch (op) {
            case ADD -> {
                add32(dst, src);
                add64(dst, src);
                dst.bits = dst.bits.add(src.bits);
            }
            case SUB -> {
                sub32(dst, src);
                sub64(dst, src);
                dst.bits = dst.bits.sub(src.bits);
            }
            case NEG -> {
                Scalar old = new Scalar();
                old.copyRange(dst);
                dst.setKnown(0);
                sub32(dst, old);
                sub64(dst, old);
                dst.bits = old.bits.neg();
            }
            case MUL -> {
                dst.bits = dst.bits.mul(src.bits);
                mul32(dst, src);
                mul64(dst, src);
            }
            case AND -> {
                boolean known32 = bothKnown32(dst, src);
                boolean known = dst.isConst() && src.isConst();
                dst.bits = dst.bits.and(src.bits);
                and(dst, src, known32, known);
            }
            case OR -> {
                boolean known32 = bothKnown32(dst, src);
                boolean known = dst.isConst() && src.isConst();
                dst.bits = dst.bits.or(src.bits);
                or(dst, src, known32, known);
            }
            case XOR -> {
                boolean known32 = bothKnown32(dst, src);
                boolean known = dst.isConst() && src.isConst();
                dst.bits = dst.bits.xor(src.bits);
                xor(dst, known32, known);
            }
            case LSH -> {
                if (wide) {
                    lsh64(dst, (int) src.umin);
                } else {
                    lsh32(dst, src.u32min);
                }
            }
            case RSH -> {
                if (wide) {
                    rsh64(dst, (int) src.umin);
                } else {
                    rsh32(dst, src.u32min);
                }
            }
            case ARSH -> {
                if (wide) {
                    arsh64(dst, (int) src.umin);
                } else {
                    arsh32(dst, src.u32min);
                }
            }
            case DIV,
                    SDIV,
                    MOD,
                    SMOD,
                    MOV,
                    MOVSX8,
                    MOVSX16,
                    MOVSX32,
                    LE16,
                    LE32,
                    LE64,
                    BE16,
                    BE32,
                    BE64,
                    BSWAP16,
                    BSWAP32,
                    BSWAP64 -> throw new AssertionError("not computable here: " + op);
        }
        if (!wide) {
            dst.zeroExtend();
        }
        dst.sync();
        return true;
    }

    /** A sum of which no view has learnt from the others yet. */
    static void addConstant(Scalar dst, Scalar src) {
        add32(dst, src);
        add64(dst, src);
        dst.bits = dst.bits.add(src.bits);
    }

    private static boolean isComputable(AluOp op, Scalar src, boolean wide) {
        return switch (op) {
            case ADD, SUB, NEG, MUL, AND, OR, XOR -> true;
            case LSH, RSH, ARSH -> {
                boolean known = wide
                        ? src.isConst() && src.umin == src.umax && src.smin == src.smax
                        : src.bits.isLowConst() && src.u32min == src.u32max && src.s32min == src.s32max;
                yield known && Long.compareUnsigned(src.umax, wide ? 64 : 32) < 0;
            }
            case DIV,
                    SDIV,
                    MOD,
                    SMOD,
                    MOV,
                    MOVSX8,
                    MOVSX16,
                    MOVSX32,
                    LE16,
                    LE32,
                    LE64,
                    BE16,
                    BE32,
                    BE64,
                    BSWAP16,
                    BSWAP32,
                    BSWAP64 -> false;
        };
    }

    private static boolean bothKnown32(Scalar a, Scalar b) {
        return a.bits.isLowConst() && b.bits.isLowConst();
    }

    // --- sums: if all overflow or none does, the order of the results is that of the operands

    private static void add64(Scalar dst, Scalar src) {
        long min = dst.smin + src.smin;
        long max = dst.smax + src.smax;
        boolean overflow = ((dst.smin ^ min) & (src.smin ^ min)) < 0 || ((dst.smax ^ max) & (src.smax ^ max)) < 0;
        dst.smin = overflow ? Long.MIN_VALUE : min;
        dst.smax = overflow ? Long.MAX_VALUE : max;
        long umin = dst.umin + src.umin;
        long umax = dst.umax + src.umax;
        boolean minOverflows = Long.compareUnsigned(umin, dst.umin) < 0;
        boolean maxOverflows = Long.compareUnsigned(umax, dst.umax) < 0;
        boolean mixed = !minOverflows && maxOverflows;
        dst.umin = mixed ? 0 : umin;
        dst.umax = mixed ? -1 : umax;
    }

    private static void add32(Scalar dst, Scalar src) {
        long min = (long) dst.s32min + src.s32min;
        long max = (long) dst.s32max + src.s32max;
        boolean overflow = min != (int) min || max != (int) max;
        dst.s32min = overflow ? Integer.MIN_VALUE : (int) min;
        dst.s32max = overflow ? Integer.MAX_VALUE : (int) max;
        int umin = dst.u32min + src.u32min;
        int umax = dst.u32max + src.u32max;
        boolean minOverflows = Integer.compareUnsigned(umin, dst.u32min) < 0;
        boolean maxOverflows = Integer.compareUnsigned(umax, dst.u32max) < 0;
        boolean mixed = !minOverflows && maxOverflows;
        dst.u32min = mixed ? 0 : umin;
        dst.u32max = mixed ? -1 : umax;
    }

    private static void sub64(Scalar dst, Scalar src) {
        long min = dst.smin - src.smax;
        long max = dst.smax - src.smin;
        boolean overflow =
                ((dst.smin ^ src.smax) & (dst.smin ^ min)) < 0 || ((dst.smax ^ src.smin) & (dst.smax ^ max)) < 0;
        dst.smin = overflow ? Long.MIN_VALUE : min;
        dst.smax = overflow ? Long.MAX_VALUE : max;
        boolean minUnderflows = Long.compareUnsigned(dst.umin, src.umax) < 0;
        boolean maxUnderflows = Long.compareUnsigned(dst.umax, src.umin) < 0;
        boolean mixed = minUnderflows && !maxUnderflows;
        long umin = dst.umin - src.umax;
        long umax = dst.umax - src.umin;
        dst.umin = mixed ? 0 : umin;
        dst.umax = mixed ? -1 : umax;
    }

    private static void sub32(Scalar dst, Scalar src) {
        long min = (long) dst.s32min - src.s32max;
        long max = (long) dst.s32max - src.s32min;
        boolean overflow = min != (int) min || max != (int) max;
        dst.s32min = overflow ? Integer.MIN_VALUE : (int) min;
        dst.s32max = overflow ? Integer.MAX_VALUE : (int) max;
        boolean minUnderflows = Integer.compareUnsigned(dst.u32min, src.u32max) < 0;
        boolean maxUnderflows = Integer.compareUnsigned(dst.u32max, src.u32min) < 0;
        boolean mixed = minUnderflows && !maxUnderflows;
        int umin = dst.u32min - src.u32max;
        int umax = dst.u32max - src.u32min;
        dst.u32min = mixed ? 0 : umin;
        dst.u32max = mixed ? -1 : umax;
    }

    // --- products

    private static void mul64(Scalar dst, Scalar src) {
        if (Math.unsignedMultiplyHigh(dst.umax, src.umax) != 0 || Math.unsignedMultiplyHigh(dst.umin, src.umin) != 0) {
            dst.umin = 0;
            dst.umax = -1;
        } else {
            dst.umin *= src.umin;
            dst.umax *= src.umax;
        }
        long[] a = {dst.smin, dst.smin, dst.smax, dst.smax};
        long[] b = {src.smin, src.smax, src.smin, src.smax};
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        for (int i = 0; i < 4; i++) {
            long product = a[i] * b[i];
            if (Math.multiplyHigh(a[i], b[i]) != product >> 63) {
                min = Long.MIN_VALUE;
                max = Long.MAX_VALUE;
                break;
            }
            min = Math.min(min, product);
            max = Math.max(max, product);
        }
        dst.smin = min;
        dst.smax = max;
    }

    private static void mul32(Scalar dst, Scalar src) {
        long umin = (dst.u32min & 0xffff_ffffL) * (src.u32min & 0xffff_ffffL);
        long umax = (dst.u32max & 0xffff_ffffL) * (src.u32max & 0xffff_ffffL);
        boolean overflow = umin >>> 32 != 0 || umax >>> 32 != 0;
        dst.u32min = overflow ? 0 : (int) umin;
        dst.u32max = overflow ? -1 : (int) umax;
        long a = (long) dst.s32min * src.s32min;
        long b = (long) dst.s32min * src.s32max;
        long c = (long) dst.s32max * src.s32min;
        long d = (long) dst.s32max * src.s32max;
        long min = Math.min(Math.min(a, b), Math.min(c, d));
        long max = Math.max(Math.max(a, b), Math.max(c, d));
        boolean outside = min < Integer.MIN_VALUE || max > Integer.MAX_VALUE;
        dst.s32min = outside ? Integer.MIN_VALUE : (int) min;
        dst.s32max = outside ? Integer.MAX_VALUE : (int) max;
    }

    // --- bit by bit: the result's bits are known already

    private static void and(Scalar dst, Scalar src, boolean known32, boolean known) {
        if (known32) {
            dst.setKnown32((int) dst.bits.value());
        } else {
            dst.u32min = (int) dst.bits.value();
            dst.u32max = Scalar.umin32(dst.u32max, src.u32max);
            signed32FromUnsigned(dst);
        }
        if (known) {
            dst.setKnown(dst.bits.value());
            return;
        }
        dst.umin = dst.bits.value();
        dst.umax = Scalar.umin64(dst.umax, src.umax);
        signed64FromUnsigned(dst);
        dst.learnFromBits();
    }

    private static void or(Scalar dst, Scalar src, boolean known32, boolean known) {
        if (known32) {
            dst.setKnown32((int) dst.bits.value());
        } else {
            dst.u32min = Scalar.umax32(dst.u32min, src.u32min);
            dst.u32max = (int) (dst.bits.value() | dst.bits.mask());
            signed32FromUnsigned(dst);
        }
        if (known) {
            dst.setKnown(dst.bits.value());
            return;
        }
        dst.umin = Scalar.umax64(dst.umin, src.umin);
        dst.umax = dst.bits.value() | dst.bits.mask();
        signed64FromUnsigned(dst);
        dst.learnFromBits();
    }

    private static void xor(Scalar dst, boolean known32, boolean known) {
        if (known32) {
            dst.setKnown32((int) dst.bits.value());
        } else {
            dst.u32min = (int) dst.bits.value();
            dst.u32max = (int) (dst.bits.value() | dst.bits.mask());
            signed32FromUnsigned(dst);
        }
        if (known) {
            dst.setKnown(dst.bits.value());
            return;
        }
        dst.umin = dst.bits.value();
        dst.umax = dst.bits.value() | dst.bits.mask();
        signed64FromUnsigned(dst);
        dst.learnFromBits();
    }

    private static void signed32FromUnsigned(Scalar dst) {
        boolean sameSign = dst.u32min <= dst.u32max;
        dst.s32min = sameSign ? dst.u32min : Integer.MIN_VALUE;
        dst.s32max = sameSign ? dst.u32max : Integer.MAX_VALUE;
    }

    private static void signed64FromUnsigned(Scalar dst) {
        boolean sameSign = dst.umin <= dst.umax;
        dst.smin = sameSign ? dst.umin : Long.MIN_VALUE;
        dst.smax = sameSign ? dst.umax : Long.MAX_VALUE;
    }

    // --- shifts by a known amount

    private static void lshLow(Scalar dst, int shift) {
        dst.s32min = Integer.MIN_VALUE;
        dst.s32max = Integer.MAX_VALUE;
        if (shift > 31 || Integer.compareUnsigned(dst.u32max, 1 << 31 - shift) > 0) {
            dst.u32min = 0;
            dst.u32max = -1;
        } else {
            dst.u32min <<= shift;
            dst.u32max <<= shift;
        }
    }

    private static void lsh32(Scalar dst, int shift) {
        lshLow(dst, shift);
        dst.bits = dst.bits.low().lsh(shift).low();
        dst.unbound64();
        dst.learnFromBits32();
    }

    private static void lsh64(Scalar dst, int shift) {
        if (shift == 32) {
            // how compilers begin to sign-extend the low half
            dst.smin = (long) dst.s32min << 32;
            dst.smax = (long) dst.s32max << 32;
        } else {
            dst.smin = Long.MIN_VALUE;
            dst.smax = Long.MAX_VALUE;
        }
        if (Long.compareUnsigned(dst.umax, 1L << 63 - shift) > 0) {
            dst.umin = 0;
            dst.umax = -1;
        } else {
            dst.umin <<= shift;
            dst.umax <<= shift;
        }
        lshLow(dst, shift);
        dst.bits = dst.bits.lsh(shift);
        dst.learnFromBits();
    }

    private static void rsh32(Scalar dst, int shift) {
        dst.s32min = Integer.MIN_VALUE;
        dst.s32max = Integer.MAX_VALUE;
        dst.bits = dst.bits.low().rsh(shift);
        dst.u32min >>>= shift;
        dst.u32max >>>= shift;
        dst.unbound64();
        dst.learnFromBits32();
    }

    private static void rsh64(Scalar dst, int shift) {
        dst.smin = Long.MIN_VALUE;
        dst.smax = Long.MAX_VALUE;
        dst.bits = dst.bits.rsh(shift);
        dst.umin >>>= shift;
        dst.umax >>>= shift;
        dst.unbound32();
        dst.learnFromBits();
    }

    private static void arsh32(Scalar dst, int shift) {
        dst.s32min >>= shift;
        dst.s32max >>= shift;
        dst.bits = dst.bits.arsh32(shift);
        dst.u32min = 0;
        dst.u32max = -1;
        dst.unbound64();
        dst.learnFromBits32();
    }

    private static void arsh64(Scalar dst, int shift) {
        dst.smin >>= shift;
        dst.smax >>= shift;
        dst.bits = dst.bits.arsh(shift);
        dst.umin = 0;
        dst.umax = -1;
        dst.unbound32();
        dst.learnFromBits();
    }
}
