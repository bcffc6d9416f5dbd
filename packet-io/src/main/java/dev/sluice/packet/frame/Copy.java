package dev.sluice.packet.frame;

import dev.sluice.memory.Memory;

/** Copies packets. Most are short, and for those the general copy costs more in deciding how than in copying. */
final class Copy {
    /** Above this the general copy, which moves 32 or 64 bytes at a time, is faster. */
    private static final int SHORT = 256;

    private Copy() {}

    /** Copies {@code length} bytes between areas that do not overlap. */
    static void bytes(long from, long to, int length) {
        if (length > SHORT || length < Long.BYTES) {
            if (length != 0) {
                Memory.copy(from, to, length);
            }
            return;
        }
        int last = length - Long.BYTES;
        for (int at = 0; at < last; at += Long.BYTES) {
            Memory.putLong(to + at, Memory.getLong(from + at));
        }
        // the last eight bytes, which may overlap those before
        Memory.putLong(to + last, Memory.getLong(from + last));
    }
}
