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
        long source = Memory.ofUserSpace(from);
        long target = Memory.ofUserSpace(to);
        if (length >= BLOCK) {
            // whole blocks, then one that ends with the packet and may overlap those before
            int last = length - BLOCK;
            block(source, target);
            for (int at = BLOCK; at < last; at += BLOCK) {
                block(source + at, target + at);
            }
            block(Memory.ofUserSpace(source + last), Memory.ofUserSpace(target + last));
            return;
        }
        int last = length - Long.BYTES;
        for (int at = 0; at < last; at += Long.BYTES) {
            Memory.putLong(target + at, Memory.getLong(source + at));
        }
        // the last eight bytes, which may overlap those before
        Memory.putLong(target + last, Memory.getLong(source + last));
    }

    private static void block(long from, long to) {
        long a = Memory.ALL.get(Memory.LONG, from);
        long b = Memory.ALL.get(Memory.LONG, from + 8);
        long c = Memory.ALL.get(Memory.LONG, from + 16);
        long d = Memory.ALL.get(Memory.LONG, from + 24);
        Memory.ALL.set(Memory.LONG, to, a);
        Memory.ALL.set(Memory.LONG, to + 8, b);
        Memory.ALL.set(Memory.LONG, to + 16, c);
        Memory.ALL.set(Memory.LONG, to + 24, d);
    }
}
