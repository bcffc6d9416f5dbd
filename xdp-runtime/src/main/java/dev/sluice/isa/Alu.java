package dev.sluice.isa;

/**
 * The meaning of every arithmetic operation, once at 64 and once at 32 bits (RFC 9669 sections 4.1 and 4.2). Operands
 * are {@code dst} and {@code src} (or the immediate, sign-extended to the operation's width); unary operations take one
 * of them and ignore the other. Nothing traps: division by zero gives 0, modulo by zero leaves dst, and the one signed
 * division that overflows wraps. Shift amounts are taken modulo the width.
 */
@SuppressWarnings("UnusedVariable") // unary operations keep the common shape
public final class Alu {
    private Alu() {}

    /** dst + src, wrapping. */
    public static long add(long dst, long src) {
        return dst + src;
    }

    /** dst + src, wrapping. */
    public static int add(int dst, int src) {
        return dst + src;
    }

    /** dst - src, wrapping. */
    public static long sub(long dst, long src) {
        return dst - src;
    }

    /** dst - src, wrapping. */
    public static int sub(int dst, int src) {
        return dst - src;
    }

    /** dst * src, low half. */
    public static long mul(long dst, long src) {
        return dst * src;
    }

    /** dst * src, low half. */
    public static int mul(int dst, int src) {
        return dst * src;
    }

    /** Unsigned dst / src; 0 when src is 0. */
    public static long div(long dst, long src) {
        return src == 0 ? 0 : Long.divideUnsigned(dst, src);
    }

    /** Unsigned dst / src; 0 when src is 0. */
    public static int div(int dst, int src) {
        return src == 0 ? 0 : Integer.divideUnsigned(dst, src);
    }

    /** Signed dst / src, truncated; 0 when src is 0, dst when the quotient overflows. */
    public static long sdiv(long dst, long src) {
        return src == 0 ? 0 : dst / src;
    }

    /** Signed dst / src, truncated; 0 when src is 0, dst when the quotient overflows. */
    public static int sdiv(int dst, int src) {
        return src == 0 ? 0 : dst / src;
    }

    /** Unsigned dst % src; dst when src is 0. */
    public static long mod(long dst, long src) {
        return src == 0 ? dst : Long.remainderUnsigned(dst, src);
    }

    /** Unsigned dst % src; dst when src is 0. */
    public static int mod(int dst, int src) {
        return src == 0 ? dst : Integer.remainderUnsigned(dst, src);
    }

    /** Signed dst % src with the sign of dst; dst when src is 0. */
    public static long smod(long dst, long src) {
        return src == 0 ? dst : dst % src;
    }

    /** Signed dst % src with the sign of dst; dst when src is 0. */
    public static int smod(int dst, int src) {
        return src == 0 ? dst : dst % src;
    }

    /** Bitwise or. */
    public static long or(long dst, long src) {
        return dst | src;
    }

    /** Bitwise or. */
    public static int or(int dst, int src) {
        return dst | src;
    }

    /** Bitwise and. */
    public static long and(long dst, long src) {
        return dst & src;
    }

    /** Bitwise and. */
    public static int and(int dst, int src) {
        return dst & src;
    }

    /** Bitwise exclusive or. */
    public static long xor(long dst, long src) {
        return dst ^ src;
    }

    /** Bitwise exclusive or. */
    public static int xor(int dst, int src) {
        return dst ^ src;
    }

    /** Shift left. */
    public static long lsh(long dst, long src) {
        return dst << src;
    }

    /** Shift left. */
    public static int lsh(int dst, int src) {
        return dst << src;
    }

    /** Shift right, zeroes from the left. */
    public static long rsh(long dst, long src) {
        return dst >>> src;
    }

    /** Shift right, zeroes from the left. */
    public static int rsh(int dst, int src) {
        return dst >>> src;
    }

    /** Shift right, the sign from the left. */
    public static long arsh(long dst, long src) {
        return dst >> src;
    }

    /** Shift right, the sign from the left. */
    public static int arsh(int dst, int src) {
        return dst >> src;
    }

    /** src. */
    public static long mov(long dst, long src) {
        return src;
    }

    /** src. */
    public static int mov(int dst, int src) {
        return src;
    }

    /** -dst, wrapping. */
    public static long neg(long dst, long src) {
        return -dst;
    }

    /** -dst, wrapping. */
    public static int neg(int dst, int src) {
        return -dst;
    }

    /** The low 8 bits of src, sign-extended. */
    public static long movsx8(long dst, long src) {
        return (byte) src;
    }

    /** The low 8 bits of src, sign-extended. */
    public static int movsx8(int dst, int src) {
        return (byte) src;
    }

    /** The low 16 bits of src, sign-extended. */
    public static long movsx16(long dst, long src) {
        return (short) src;
    }

    /** The low 16 bits of src, sign-extended. */
    public static int movsx16(int dst, int src) {
        return (short) src;
    }

    /** The low 32 bits of src, sign-extended. */
    public static long movsx32(long dst, long src) {
        return (int) src;
    }

    /** The low 32 bits of src, sign-extended. */
    public static int movsx32(int dst, int src) {
        return src;
    }

    /** The low 16 bits of dst: the identity on a little-endian machine, which is what Sluice is. */
    public static long le16(long dst, long src) {
        return dst & 0xffffL;
    }

    /** The low 16 bits of dst: the identity on a little-endian machine, which is what Sluice is. */
    public static int le16(int dst, int src) {
        return dst & 0xffff;
    }

    /** The low 32 bits of dst. */
    public static long le32(long dst, long src) {
        return dst & 0xffff_ffffL;
    }

    /** The low 32 bits of dst. */
    public static int le32(int dst, int src) {
        return dst;
    }

    /** All of dst; the 32-bit form does not exist in the encoding. */
    public static long le64(long dst, long src) {
        return dst;
    }

    /** All of dst; the 32-bit form does not exist in the encoding. */
    public static int le64(int dst, int src) {
        return dst;
    }

    /** The low 16 bits of dst, bytes reversed. */
    public static long bswap16(long dst, long src) {
        return Short.reverseBytes((short) dst) & 0xffffL;
    }

    /** The low 16 bits of dst, bytes reversed. */
    public static int bswap16(int dst, int src) {
        return Short.reverseBytes((short) dst) & 0xffff;
    }

    /** The low 32 bits of dst, bytes reversed. */
    public static long bswap32(long dst, long src) {
        return Integer.reverseBytes((int) dst) & 0xffff_ffffL;
    }

    /** The low 32 bits of dst, bytes reversed. */
    public static int bswap32(int dst, int src) {
        return Integer.reverseBytes(dst);
    }

    /** All of dst, bytes reversed; the 32-bit form does not exist in the encoding. */
    public static long bswap64(long dst, long src) {
        return Long.reverseBytes(dst);
    }

    /** All of dst, bytes reversed; the 32-bit form does not exist in the encoding. */
    public static int bswap64(int dst, int src) {
        return Integer.reverseBytes(dst);
    }
}
