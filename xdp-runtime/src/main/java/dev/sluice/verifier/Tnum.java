package dev.sluice.verifier;

/**
 * A set of numbers given bit by bit: where {@code mask} has a one the bit is unknown, elsewhere it is that of {@code
 * value}. {@code value & mask} is always 0. An immutable value; operations give the smallest set of this shape that they
 * know how to find, and always one that holds every possible result.
 *
 * @param value the known ones
 * @param mask the unknown bits
 */
public record Tnum(long value, long mask) {
    /** Every number. */
    public static final Tnum UNKNOWN = new Tnum(0, -1);

    private static final long LOW = 0xffff_ffffL;
    private static final Tnum ZERO = new Tnum(0, 0);

    /** One number. */
    public static Tnum of(long value) {
        return value == 0 ? ZERO : new Tnum(value, 0);
    }

    /** The smallest set of this shape with all numbers from {@code min} to {@code max}, unsigned. */
    public static Tnum range(long min, long max) {
        long differing = min ^ max;
        int bits = 64 - Long.numberOfLeadingZeros(differing);
        if (bits > 63) {
            return UNKNOWN;
        }
        long delta = (1L << bits) - 1;
        return new Tnum(min & ~delta, delta);
    }

    public boolean isConst() {
        return mask == 0;
    }

    public boolean contains(long number) {
        return (number & ~mask) == value;
    }

    /** Whether every number of {@code other} is in this set. */
    public boolean includes(Tnum other) {
        return (other.mask & ~mask) == 0 && value == (other.value & ~mask);
    }

    /** Whether a number can be in both sets. */
    public boolean overlaps(Tnum other) {
        long known = ~mask & ~other.mask;
        return (value & known) == (other.value & known);
    }

    /** The least number of the set that is greater than {@code number}, unsigned; the greatest of all if none is. */
    public long above(long number) {
        long greatest = value | mask;
        if (Long.compareUnsigned(number, greatest) >= 0) {
            return greatest;
        }
        if (Long.compareUnsigned(number, value) < 0) {
            return value;
        }
        // the number's bits wherever the set leaves them open; the first known bit that is different decides
        long different = (number ^ value) & ~mask;
        int width = 64 - Long.numberOfLeadingZeros(different);
        long upper = width == 64 ? 0 : -1L << width;
        if (different != 0 && (number & Long.highestOneBit(different)) == 0) {
            return number & upper & mask | value; // already greater there: the lower open bits are zero
        }
        // count up in the open bits above, carrying over the known ones
        long counted = (number & upper & mask | upper & ~mask) + (width == 64 ? 0 : 1L << width);
        return counted & upper & mask | value;
    }

    public Tnum add(Tnum other) {
        long sumOfMasks = mask + other.mask;
        long sumOfValues = value + other.value;
        long sigma = sumOfMasks + sumOfValues;
        long unknown = sigma ^ sumOfValues | mask | other.mask;
        return new Tnum(sumOfValues & ~unknown, unknown);
    }

    public Tnum sub(Tnum other) {
        long difference = value - other.value;
        long unknown = difference + mask ^ difference - other.mask | mask | other.mask;
        return new Tnum(difference & ~unknown, unknown);
    }

    public Tnum neg() {
        return ZERO.sub(this);
    }

    public Tnum and(Tnum other) {
        long ones = value & other.value;
        long possible = (value | mask) & (other.value | other.mask);
        return new Tnum(ones, possible & ~ones);
    }

    public Tnum or(Tnum other) {
        long ones = value | other.value;
        return new Tnum(ones, (mask | other.mask) & ~ones);
    }

    public Tnum xor(Tnum other) {
        long unknown = mask | other.mask;
        return new Tnum((value ^ other.value) & ~unknown, unknown);
    }

    /** Long multiplication: where a bit of this number is unknown, the partial product may or may not count. */
    public Tnum mul(Tnum other) {
        Tnum accumulated = ZERO;
        Tnum a = this;
        Tnum b = other;
        while (a.value != 0 || a.mask != 0) {
            if ((a.value & 1) != 0) {
                accumulated = accumulated.add(b);
            } else if ((a.mask & 1) != 0) {
                accumulated = accumulated.union(accumulated.add(b));
            }
            a = a.rsh(1);
            b = b.lsh(1);
        }
        return accumulated;
    }

    /** Numbers of either set. */
    public Tnum union(Tnum other) {
        long common = value & other.value;
        long unknown = value ^ other.value | mask | other.mask;
        return new Tnum(common & ~unknown, unknown);
    }

    /** Numbers of both sets; where they contradict each other a bit counts as one. */
    public Tnum intersect(Tnum other) {
        long known = value | other.value;
        long unknown = mask & other.mask;
        return new Tnum(known & ~unknown, unknown);
    }

    /** Shift by 0 to 63. */
    public Tnum lsh(int shift) {
        return new Tnum(value << shift, mask << shift);
    }

    /** Shift by 0 to 63. */
    public Tnum rsh(int shift) {
        return new Tnum(value >>> shift, mask >>> shift);
    }

    /** Shift by 0 to 63 with the sign of 64 bits. */
    public Tnum arsh(int shift) {
        return new Tnum(value >> shift, mask >> shift);
    }

    /** Shift of the low 32 bits by 0 to 31 with their sign; the upper half becomes 0. */
    public Tnum arsh32(int shift) {
        return new Tnum((int) value >> shift & LOW, (int) mask >> shift & LOW);
    }

    /** The low {@code bytes} bytes (1 to 8), zeros above. */
    public Tnum cast(int bytes) {
        if (bytes >= 8) {
            return this;
        }
        long keep = (1L << 8 * bytes) - 1;
        return new Tnum(value & keep, mask & keep);
    }

    /** The low 32 bits. */
    public Tnum low() {
        return new Tnum(value & LOW, mask & LOW);
    }

    /** Zeros in place of the low 32 bits. */
    public Tnum clearLow() {
        return new Tnum(value & ~LOW, mask & ~LOW);
    }

    /** The upper half of this and the lower half of {@code low}. */
    public Tnum withLow(Tnum low) {
        return clearLow().or(low.low());
    }

    /** Whether all of the low 32 bits are known. */
    public boolean isLowConst() {
        return (mask & LOW) == 0;
    }

    /** Whether every number of the set plus an access of {@code size} is a multiple of {@code size}, a power of 2. */
    public boolean isAligned(long size) {
        return size == 0 || ((value | mask) & size - 1) == 0;
    }

    @Override
    public String toString() {
        return "(0x" + Long.toHexString(value) + "; 0x" + Long.toHexString(mask) + ")";
    }
}
