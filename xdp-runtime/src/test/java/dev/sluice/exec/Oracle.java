package dev.sluice.exec;

import dev.sluice.isa.AluOp;
import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.JmpOp;
import java.math.BigInteger;

/** What RFC 9669 says an operation gives, in unbounded integers: shares nothing with the engines' arithmetic. */
final class Oracle {
    private Oracle() {}

    /** The result, as the whole register holds it. */
    static long alu(AluOp op, int bits, long dst, long src) {
        BigInteger modulus = BigInteger.ONE.shiftLeft(bits);
        BigInteger d = unsigned(dst, bits);
        BigInteger s = unsigned(src, bits);
        BigInteger signedD = signed(dst, bits);
        BigInteger signedS = signed(src, bits);
        int shift = s.mod(BigInteger.valueOf(bits)).intValue();
        BigInteger zero = BigInteger.ZERO;
        BigInteger result = switch (op) {
            case ADD -> d.add(s);
            case SUB -> d.subtract(s);
            case MUL -> d.multiply(s);
            case DIV -> s.signum() == 0 ? zero : d.divide(s);
            case SDIV -> s.signum() == 0 ? zero : signedD.divide(signedS);
            case MOD -> s.signum() == 0 ? d : d.mod(s);
            case SMOD -> s.signum() == 0 ? d : signedD.remainder(signedS);
            case OR -> d.or(s);
            case AND -> d.and(s);
            case XOR -> d.xor(s);
            case LSH -> d.shiftLeft(shift);
            case RSH -> d.shiftRight(shift);
            case ARSH -> signedD.shiftRight(shift);
            case MOV -> s;
            case NEG -> d.negate();
            case MOVSX8 -> signed(src, 8);
            case MOVSX16 -> signed(src, 16);
            case MOVSX32 -> signed(src, 32);
            case LE16 -> unsigned(dst, 16);
            case LE32 -> unsigned(dst, 32);
            case LE64 -> unsigned(dst, 64);
            case BE16, BSWAP16 -> reversed(dst, 2);
            case BE32, BSWAP32 -> reversed(dst, 4);
            case BE64, BSWAP64 -> reversed(dst, 8);
        };
        return result.mod(modulus).longValue();
    }

    static boolean branches(JmpOp op, int bits, long dst, long src) {
        int unsigned = unsigned(dst, bits).compareTo(unsigned(src, bits));
        int signed = signed(dst, bits).compareTo(signed(src, bits));
        return switch (op) {
            case EQ -> unsigned == 0;
            case NE -> unsigned != 0;
            case GT -> unsigned > 0;
            case GE -> unsigned >= 0;
            case LT -> unsigned < 0;
            case LE -> unsigned <= 0;
            case SGT -> signed > 0;
            case SGE -> signed >= 0;
            case SLT -> signed < 0;
            case SLE -> signed <= 0;
            case SET -> unsigned(dst, bits).and(unsigned(src, bits)).signum() != 0;
        };
    }

    /** What memory of {@code bits} holds after an atomic operation. */
    static long atomic(AtomicOp op, int bits, long old, long src, long expected) {
        BigInteger o = unsigned(old, bits);
        BigInteger s = unsigned(src, bits);
        BigInteger result = switch (op) {
            case ADD -> o.add(s);
            case OR -> o.or(s);
            case AND -> o.and(s);
            case XOR -> o.xor(s);
            case XCHG -> s;
            case CMPXCHG -> o.equals(unsigned(expected, bits)) ? s : o;
        };
        return result.mod(BigInteger.ONE.shiftLeft(bits)).longValue();
    }

    /** The low bits of a number as an unsigned one. */
    static BigInteger unsigned(long value, int bits) {
        return BigInteger.valueOf(value).mod(BigInteger.ONE.shiftLeft(bits));
    }

    /** The low bits of a number as a signed one. */
    static BigInteger signed(long value, int bits) {
        BigInteger unsigned = unsigned(value, bits);
        return unsigned.testBit(bits - 1) ? unsigned.subtract(BigInteger.ONE.shiftLeft(bits)) : unsigned;
    }

    private static BigInteger reversed(long value, int bytes) {
        BigInteger result = BigInteger.ZERO;
        BigInteger rest = unsigned(value, bytes * 8);
        for (int i = 0; i < bytes; i++) {
            result = result.shiftLeft(8).or(rest.and(BigInteger.valueOf(0xff)));
            rest = rest.shiftRight(8);
        }
        return result;
    }
}
