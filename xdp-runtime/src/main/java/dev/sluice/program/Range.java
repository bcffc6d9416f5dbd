package dev.sluice.program;

/**
 * A set of numbers by bits and by bounds; a number is in it if all of them hold. Immutable.
 *
 * @param bits the known ones
 * @param unknown a one for each bit that is not known; {@code bits & unknown} is 0
 * @param umin the least, unsigned
 * @param umax the greatest, unsigned
 * @param smin the least, signed
 * @param smax the greatest, signed
 * @param u32min the least of the low halves, unsigned
 * @param u32max the greatest of the low halves, unsigned
 * @param s32min the least of the low halves, signed
 * @param s32max the greatest of the low halves, signed
 */
public record Range(
        long bits,
        long unknown,
        long umin,
        long umax,
        long smin,
        long smax,
        int u32min,
        int u32max,
        int s32min,
        int s32max) {
    private static final long UPPER = 0xffff_ffff_0000_0000L;

    /** All numbers. */
    public static final Range ANY =
            new Range(0, -1, 0, -1, Long.MIN_VALUE, Long.MAX_VALUE, 0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE);

    /** Whether a number is in the set. */
    public boolean contains(long number) {
        int low = (int) number;
        return (number & ~unknown) == bits
                && Long.compareUnsigned(number, umin) >= 0
                && Long.compareUnsigned(number, umax) <= 0
                && number >= smin
                && number <= smax
                && Integer.compareUnsigned(low, u32min) >= 0
                && Integer.compareUnsigned(low, u32max) <= 0
                && low >= s32min
                && low <= s32max;
    }

    /** Whether there is one number in the set. */
    public boolean isConstant() {
        return unknown == 0;
    }

    /** The number of a set of one. */
    public long constant() {
        if (unknown != 0) {
            throw new AssertionError("not constant: " + this);
        }
        return bits;
    }

    /** Whether the upper 32 bits of every number are zero. */
    public boolean isUpperHalfZero() {
        return ((bits | unknown) & UPPER) == 0;
    }
}
