package dev.sluice.packet.pcap;

/** How times of a pcapng interface become nanoseconds since 1970. Immutable. */
final class TimeScale {
    private static final long BILLION = 1_000_000_000L;

    /** Decimal resolutions of a nanosecond and coarser: nanoseconds in a unit. */
    private final long nanosPerUnit;

    private final long largest;

    /** Finer decimal resolutions: units in a nanosecond, unsigned; 0 where a unit is too small for any time to count. */
    private final long unitsPerNano;

    /** Binary resolutions: a unit is 2^-shift seconds; otherwise -1. */
    private final int shift;

    private final long offsetNanos;

    /**
     * Understands the two options.
     *
     * @param resolution if_tsresol: 10^-v seconds, or 2^-(v and 127) seconds when bit 7 is set
     * @param offsetSeconds if_tsoffset
     */
    TimeScale(int resolution, long offsetSeconds) {
        int exponent = resolution & 127;
        boolean binary = (resolution & 128) != 0;
        shift = binary ? exponent : -1;
        nanosPerUnit = binary || exponent > 9 ? 0 : power(9 - exponent);
        largest = nanosPerUnit == 0 ? 0 : Long.MAX_VALUE / nanosPerUnit;
        unitsPerNano = binary || exponent - 9 > 19 ? 0 : power(Math.max(0, exponent - 9));
        offsetNanos = Math.clamp(offsetSeconds, -9_223_372_036L, 9_223_372_036L) * BILLION;
    }

    private static long power(int exponent) {
        long power = 1;
        for (int i = 0; i < exponent; i++) {
            power *= 10;
        }
        return power;
    }

    /** Whether times can differ by less than a microsecond. */
    boolean isFinerThanMicros() {
        return shift > 0 || shift < 0 && (nanosPerUnit == 0 || nanosPerUnit < 1000);
    }

    /** Nanoseconds since 1970 for an unsigned number of units, rounded down; the nearest possible where it does not fit. */
    long nanos(long units) {
        long nanos;
        if (nanosPerUnit != 0) {
            nanos = units >= 0 && units <= largest ? units * nanosPerUnit : Long.MAX_VALUE;
        } else if (shift < 0) {
            nanos = unitsPerNano == 0 ? 0 : Long.divideUnsigned(units, unitsPerNano);
        } else {
            nanos = binary(units);
        }
        long sum = nanos + offsetNanos;
        // nanos is not negative: only a positive offset can overflow
        return sum < 0 && offsetNanos > 0 ? Long.MAX_VALUE : sum;
    }

    private long binary(long units) {
        if (shift >= 64) {
            return Math.unsignedMultiplyHigh(units, BILLION) >>> (shift - 64);
        }
        long seconds = units >>> shift;
        if (seconds < 0 || seconds > 9_223_372_036L) {
            return Long.MAX_VALUE;
        }
        if (shift == 0) {
            return seconds * BILLION;
        }
        long fraction = units & ((1L << shift) - 1);
        long nanos = Math.unsignedMultiplyHigh(fraction, BILLION) << (64 - shift) | (fraction * BILLION) >>> shift;
        long sum = seconds * BILLION + nanos;
        return sum < 0 ? Long.MAX_VALUE : sum;
    }
}
