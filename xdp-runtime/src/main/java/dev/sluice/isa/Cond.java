package dev.sluice.isa;

/** The meaning of every condition, once at 64 and once at 32 bits (RFC 9669 section 4.3). */
public final class Cond {
    private Cond() {}

    /** dst equals src. */
    public static boolean eq(long dst, long src) {
        return dst == src;
    }

    /** dst equals src. */
    public static boolean eq(int dst, int src) {
        return dst == src;
    }

    /** dst differs from src. */
    public static boolean ne(long dst, long src) {
        return dst != src;
    }

    /** dst differs from src. */
    public static boolean ne(int dst, int src) {
        return dst != src;
    }

    /** dst and src have a bit in common. */
    public static boolean set(long dst, long src) {
        return (dst & src) != 0;
    }

    /** dst and src have a bit in common. */
    public static boolean set(int dst, int src) {
        return (dst & src) != 0;
    }

    /** dst is above src, unsigned. */
    public static boolean gt(long dst, long src) {
        return Long.compareUnsigned(dst, src) > 0;
    }

    /** dst is above src, unsigned. */
    public static boolean gt(int dst, int src) {
        return Integer.compareUnsigned(dst, src) > 0;
    }

    /** dst is above or equal to src, unsigned. */
    public static boolean ge(long dst, long src) {
        return Long.compareUnsigned(dst, src) >= 0;
    }

    /** dst is above or equal to src, unsigned. */
    public static boolean ge(int dst, int src) {
        return Integer.compareUnsigned(dst, src) >= 0;
    }

    /** dst is below src, unsigned. */
    public static boolean lt(long dst, long src) {
        return Long.compareUnsigned(dst, src) < 0;
    }

    /** dst is below src, unsigned. */
    public static boolean lt(int dst, int src) {
        return Integer.compareUnsigned(dst, src) < 0;
    }

    /** dst is below or equal to src, unsigned. */
    public static boolean le(long dst, long src) {
        return Long.compareUnsigned(dst, src) <= 0;
    }

    /** dst is below or equal to src, unsigned. */
    public static boolean le(int dst, int src) {
        return Integer.compareUnsigned(dst, src) <= 0;
    }

    /** dst is greater than src, signed. */
    public static boolean sgt(long dst, long src) {
        return dst > src;
    }

    /** dst is greater than src, signed. */
    public static boolean sgt(int dst, int src) {
        return dst > src;
    }

    /** dst is greater than or equal to src, signed. */
    public static boolean sge(long dst, long src) {
        return dst >= src;
    }

    /** dst is greater than or equal to src, signed. */
    public static boolean sge(int dst, int src) {
        return dst >= src;
    }

    /** dst is less than src, signed. */
    public static boolean slt(long dst, long src) {
        return dst < src;
    }

    /** dst is less than src, signed. */
    public static boolean slt(int dst, int src) {
        return dst < src;
    }

    /** dst is less than or equal to src, signed. */
    public static boolean sle(long dst, long src) {
        return dst <= src;
    }

    /** dst is less than or equal to src, signed. */
    public static boolean sle(int dst, int src) {
        return dst <= src;
    }
}
