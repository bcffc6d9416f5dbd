package dev.sluice.packet.frame;

import dev.sluice.memory.Memory;

/** Copies packets. Most are short, and for those the general copy costs more in deciding how than in copying. */
final class Copy {
    /** Above this the general copy, which moves 32 or 64 bytes at a time, is faster. */
    private static final int SHORT = 256;

    private Copy() {}

    /** Bytes that are moved without a loop. */
    private static final int BLOCK = 4 * Long.BYTES;

    /** Copies {@code length} bytes between areas that do not overlap. */
    static void bytes(long from, long to, int length) {
        if (length > SHORT || length < Long.BYTES) {
            if (length != 0) {
                Memory.copy(from, to, length);
            }
            return;
        }
        if (length >= BLOCK) {
            // whole blocks, then one that ends with the packet and may overlap those before
            int last = length - BLOCK;
            for (int at = 0; at < last; at += BLOCK) {
                block(from + at, to + at);
            }
            block(from + last, to + last);
            return;
        }
        int last = length - Long.BYTES;
        for (int at = 0; at < last; at += Long.BYTES) {
            Memory.putLong(to + at, Memory.getLong(from + at));
        }
        // the last eight bytes, which may overlap those before
        Memory.putLong(to + last, Memory.getLong(from + last));
    }

    private static void block(long from, long to) {
        long a = Memory.getLong(from);
        long b = Memory.getLong(from + 8);
        long c = Memory.getLong(from + 16);
        long d = Memory.getLong(from + 24);
        Memory.putLong(to, a);
        Memory.putLong(to + 8, b);
        Memory.putLong(to + 16, c);
        Memory.putLong(to + 24, d);
    }
}
