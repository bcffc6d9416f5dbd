package dev.sluice.verifier;

/** What is known of a {@link Scalar} after its low bytes were sign-extended. */
final class SignExtension {
    private static final long HIGH = 0xffff_ffff_0000_0000L;

    private SignExtension() {}

    /** To 64 bits, from {@code bytes} bytes (1, 2 or 4). */
    static void extend64(Scalar s, int bytes) {
        int bits = bytes * 8;
        if (s.isConst()) {
            s.setKnown(cut(s.bits.value(), bits));
            return;
        }
        long above = -1L << bits;
        if ((s.smax & above) == (s.smin & above)) {
            long max = cut(s.smax, bits);
            long min = cut(s.smin, bits);
            if (max >= 0 == min >= 0 && (max >= 0 || min < 0)) {
                s.smin = Math.min(min, max);
                s.smax = Math.max(min, max);
                s.umin = s.smin;
                s.umax = s.smax;
                s.s32min = (int) s.smin;
                s.s32max = (int) s.smax;
                s.u32min = (int) s.smin;
                s.u32max = (int) s.smax;
                s.bits = Tnum.range(s.umin, s.umax);
                return;
            }
        }
        switch (bytes) {
            case 1 -> {
                s.smin = Byte.MIN_VALUE;
                s.smax = Byte.MAX_VALUE;
            }
            case 2 -> {
                s.smin = Short.MIN_VALUE;
                s.smax = Short.MAX_VALUE;
            }
            default -> {
                s.smin = Integer.MIN_VALUE;
                s.smax = Integer.MAX_VALUE;
            }
        }
        s.s32min = (int) s.smin;
        s.s32max = (int) s.smax;
        s.umin = 0;
        s.umax = -1;
        s.u32min = 0;
        s.u32max = -1;
        s.bits = Tnum.UNKNOWN;
    }

    /** To 32 bits, from {@code bytes} bytes (1 or 2); the upper half is not looked at. */
    static void extend32(Scalar s, int bytes) {
        int bits = bytes * 8;
        if (s.bits.isLowConst()) {
            int value = (int) cut(s.bits.value(), bits);
            s.bits = Tnum.of(value & 0xffff_ffffL);
            s.setKnown32(value);
            return;
        }
        int above = -1 << bits;
        if ((s.s32max & above) == (s.s32min & above)) {
            int max = (int) cut(s.s32max, bits);
            int min = (int) cut(s.s32min, bits);
            if (max >= 0 == min >= 0) {
                s.s32min = Math.min(min, max);
                s.s32max = Math.max(min, max);
                s.u32min = s.s32min;
                s.u32max = s.s32max;
                s.bits = s.bits.clearLow().or(Tnum.range(s.s32min, s.s32max).low());
                return;
            }
        }
        s.s32min = bytes == 1 ? Byte.MIN_VALUE : Short.MIN_VALUE;
        s.s32max = bytes == 1 ? Byte.MAX_VALUE : Short.MAX_VALUE;
        s.u32min = 0;
        s.u32max = -1;
        s.bits = new Tnum(s.bits.value() & HIGH, s.bits.mask() | ~HIGH);
    }

    private static long cut(long value, int bits) {
        return switch (bits) {
            case 8 -> (byte) value;
            case 16 -> (short) value;
            default -> (int) value;
        };
    }
}
