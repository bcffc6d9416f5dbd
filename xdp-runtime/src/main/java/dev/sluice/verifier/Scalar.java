package dev.sluice.verifier;

/**
 * What is known of a number: its bits, and its range read as unsigned and signed, at 64 and at 32 bits. Mutable; owned by
 * one verification. {@link #sync} lets each view learn from the others.
 */
class Scalar {
    private static final long HIGH = 0xffff_ffff_0000_0000L;
    private static final long LOW = 0xffff_ffffL;

    Tnum bits = Tnum.UNKNOWN;
    long smin = Long.MIN_VALUE;
    long smax = Long.MAX_VALUE;
    long umin;
    long umax = -1;
    int s32min = Integer.MIN_VALUE;
    int s32max = Integer.MAX_VALUE;
    int u32min;
    int u32max = -1;

    final void copyRange(Scalar from) {
        bits = from.bits;
        smin = from.smin;
        smax = from.smax;
        umin = from.umin;
        umax = from.umax;
        s32min = from.s32min;
        s32max = from.s32max;
        u32min = from.u32min;
        u32max = from.u32max;
    }

    final void setKnown(long value) {
        bits = Tnum.of(value);
        smin = value;
        smax = value;
        umin = value;
        umax = value;
        setKnown32((int) value);
    }

    /** Only the ranges of the low half. */
    final void setKnown32(int value) {
        s32min = value;
        s32max = value;
        u32min = value;
        u32max = value;
    }

    final void setKnownLow(int value) {
        bits = bits.withLow(Tnum.of(value & LOW));
        setKnown32(value);
    }

    final void setUnbounded() {
        unbound64();
        unbound32();
    }

    final void unbound64() {
        smin = Long.MIN_VALUE;
        smax = Long.MAX_VALUE;
        umin = 0;
        umax = -1;
    }

    final void unbound32() {
        s32min = Integer.MIN_VALUE;
        s32max = Integer.MAX_VALUE;
        u32min = 0;
        u32max = -1;
    }

    final void setUnknownRange() {
        bits = Tnum.UNKNOWN;
        setUnbounded();
    }

    final boolean isConst() {
        return bits.isConst();
    }

    final boolean sameRange(Scalar o) {
        return smin == o.smin
                && smax == o.smax
                && umin == o.umin
                && umax == o.umax
                && s32min == o.s32min
                && s32max == o.s32max
                && u32min == o.u32min
                && u32max == o.u32max
                && bits.value() == o.bits.value()
                && bits.mask() == o.bits.mask();
    }

    /** Whether each range of {@code inner} lies within the same range here. */
    final boolean rangesInclude(Scalar inner) {
        return Long.compareUnsigned(umin, inner.umin) <= 0
                && Long.compareUnsigned(umax, inner.umax) >= 0
                && smin <= inner.smin
                && smax >= inner.smax
                && Integer.compareUnsigned(u32min, inner.u32min) <= 0
                && Integer.compareUnsigned(u32max, inner.u32max) >= 0
                && s32min <= inner.s32min
                && s32max >= inner.s32max;
    }

    final boolean contains(long value) {
        return bits.contains(value)
                && Long.compareUnsigned(value, umin) >= 0
                && Long.compareUnsigned(value, umax) <= 0
                && value >= smin
                && value <= smax
                && Integer.compareUnsigned((int) value, u32min) >= 0
                && Integer.compareUnsigned((int) value, u32max) <= 0
                && (int) value >= s32min
                && (int) value <= s32max;
    }

    /** Whether no number fits what is claimed, or the claims are not equally tight where only one number is left. */
    final boolean isContradictory() {
        if (Long.compareUnsigned(umin, umax) > 0
                || smin > smax
                || Integer.compareUnsigned(u32min, u32max) > 0
                || s32min > s32max) {
            return true;
        }
        if (bits.isConst()) {
            long v = bits.value();
            if (umin != v || umax != v || smin != v || smax != v) {
                return true;
            }
        }
        if (bits.isLowConst()) {
            int v = (int) bits.value();
            return u32min != v || u32max != v || s32min != v || s32max != v;
        }
        return false;
    }

    /** All views learn from each other. */
    final void sync() {
        learnFromBits();
        deduce();
        deduce();
        deduce();
        learnBits();
        learnFromBits();
    }

    final void learnFromBits() {
        learnFromBits32();
        learnFromBits64();
    }

    final void learnFromBits32() {
        int value = (int) bits.value();
        int mask = (int) bits.mask();
        s32min = Math.max(s32min, value | mask & Integer.MIN_VALUE);
        s32max = Math.min(s32max, value | mask & Integer.MAX_VALUE);
        u32min = umax32(u32min, value);
        u32max = umin32(u32max, value | mask);
    }

    final void learnFromBits64() {
        long value = bits.value();
        long mask = bits.mask();
        smin = Math.max(smin, value | mask & Long.MIN_VALUE);
        smax = Math.min(smax, value | mask & Long.MAX_VALUE);
        umin = umax64(umin, value);
        umax = umin64(umax, value | mask);
        learnOnlyValue();
    }

    /** Where one number alone has the bits and lies in the range, it is that one. */
    private void learnOnlyValue() {
        boolean minFits = bits.contains(umin);
        long next = bits.above(umin);
        if (minFits) {
            if (Long.compareUnsigned(next, umax) > 0) {
                setKnown(umin);
            }
        } else if (next == (bits.value() | bits.mask())) {
            setKnown(next);
        } else if (Long.compareUnsigned(next, umax) <= 0 && Long.compareUnsigned(bits.above(next), umax) > 0) {
            setKnown(next);
        }
    }

    private void deduce() {
        deduce32();
        deduce64();
        deduceMixed();
    }

    private void deduce32() {
        if (umin >>> 32 == umax >>> 32) {
            // the upper half is constant, so the lower half is ordered as the whole
            u32min = umax32(u32min, (int) umin);
            u32max = umin32(u32max, (int) umax);
            if ((int) umin <= (int) umax) {
                meetS32((int) umin, (int) umax);
            }
        }
        if (smin >>> 32 == smax >>> 32) {
            if (Integer.compareUnsigned((int) smin, (int) smax) <= 0) {
                u32min = umax32(u32min, (int) smin);
                u32max = umin32(u32max, (int) smax);
            }
            if ((int) smin <= (int) smax) {
                meetS32((int) smin, (int) smax);
            }
        }
        // from just below a multiple of 2^32 to just above it: the low half goes from negative to positive
        if ((int) (umin >>> 32) + 1 == (int) (umax >>> 32) && (int) umin < 0 && (int) umax >= 0) {
            meetS32((int) umin, (int) umax);
        }
        if ((int) (smin >>> 32) + 1 == (int) (smax >>> 32) && (int) smin < 0 && (int) smax >= 0) {
            meetS32((int) smin, (int) smax);
        }
        if (u32min <= u32max) {
            meetS32(u32min, u32max);
        }
        if (Integer.compareUnsigned(s32min, s32max) <= 0) {
            u32min = umax32(s32min, u32min);
            u32max = umin32(s32max, u32max);
        } else if (Integer.compareUnsigned(u32max, s32min) < 0) {
            // the signed range lies at both ends of the unsigned one, which reaches only the lower end
            s32min = u32min;
            u32max = umin32(u32max, s32max);
        } else if (Integer.compareUnsigned(s32max, u32min) < 0) {
            s32max = u32max;
            u32min = umax32(u32min, s32min);
        }
    }

    private void meetS32(int min, int max) {
        s32min = Math.max(s32min, min);
        s32max = Math.min(s32max, max);
    }

    private void deduce64() {
        if (umin <= umax) {
            smin = Math.max(smin, umin);
            smax = Math.min(smax, umax);
        }
        if (Long.compareUnsigned(smin, smax) <= 0) {
            umin = umax64(smin, umin);
            umax = umin64(smax, umax);
        } else if (Long.compareUnsigned(umax, smin) < 0) {
            // the signed range lies at both ends of the unsigned one, which reaches only the lower end
            smin = umin;
            umax = umin64(umax, smax);
        } else if (Long.compareUnsigned(smax, umin) < 0) {
            smax = umax;
            umin = umax64(umin, smin);
        }
    }

    private void deduceMixed() {
        umin = umax64(umin, umin & HIGH | u32min & LOW);
        umax = umin64(umax, umax & HIGH | u32max & LOW);
        smin = Math.max(smin, smin & HIGH | u32min & LOW);
        smax = Math.min(smax, smax & HIGH | u32max & LOW);
        if (s32min >= 0 && smin >= Integer.MIN_VALUE && smax <= Integer.MAX_VALUE) {
            // a sign-extended load whose low half turned out positive
            smin = s32min;
            smax = s32max;
            umin = s32min;
            umax = s32max;
            long open = below(smin ^ smax);
            long mask = bits.mask() & open;
            setBits((bits.value() | smin & ~open) & ~mask, mask);
        }
    }

    /** What the unsigned ranges have in common at the upper end, of the whole and of the low half. */
    private void learnBits() {
        long open = below(umin ^ umax);
        long openLow = below((u32min ^ u32max) & LOW);
        long value = bits.value() | umin & ~open;
        long mask = bits.mask() & open;
        value &= ~mask;
        long low = value & LOW | u32min & LOW & ~openLow;
        long lowMask = mask & LOW & openLow;
        low &= ~lowMask;
        value = value & HIGH | low;
        mask = mask & HIGH | lowMask;
        setBits(value, mask);
    }

    /** Most often they are what they were; then nothing is allocated. */
    private void setBits(long value, long mask) {
        if (value != bits.value() || mask != bits.mask()) {
            bits = new Tnum(value, mask);
        }
    }

    /** Ones from the highest bit that is set downwards: the bits that differ in a range. */
    private static long below(long difference) {
        return difference == 0 ? 0 : -1L >>> Long.numberOfLeadingZeros(difference);
    }

    /** The low half is the number, the upper half becomes 0; the 32-bit ranges are right already. */
    final void zeroExtend() {
        bits = bits.low();
        assign32Into64();
    }

    final void assign32Into64() {
        umin = u32min & LOW;
        umax = u32max & LOW;
        if (s32min >= 0 && s32max >= 0) {
            smin = s32min;
            smax = s32max;
        } else {
            smin = 0;
            smax = LOW;
        }
    }

    /** Keeps the low {@code bytes} bytes, zeros above. */
    final void truncate(int bytes) {
        bits = bits.cast(bytes);
        long keep = bytes >= 8 ? -1 : (1L << 8 * bytes) - 1;
        if ((umin & ~keep) == (umax & ~keep)) {
            umin &= keep;
            umax &= keep;
        } else {
            umin = 0;
            umax = keep;
        }
        smin = umin;
        smax = umax;
        if (bytes >= 4) {
            // the low half was not touched
            sync();
            return;
        }
        unbound32();
        sync();
    }

    static long umin64(long a, long b) {
        return Long.compareUnsigned(a, b) < 0 ? a : b;
    }

    static long umax64(long a, long b) {
        return Long.compareUnsigned(a, b) > 0 ? a : b;
    }

    static int umin32(int a, int b) {
        return Integer.compareUnsigned(a, b) < 0 ? a : b;
    }

    static int umax32(int a, int b) {
        return Integer.compareUnsigned(a, b) > 0 ? a : b;
    }
}
