package dev.sluice.map;

import dev.sluice.memory.Memory;

/**
 * The keys of a {@link HashTableMap}: hashing, comparing, copying. In an element a key has zeroes behind it, up to a multiple
 * of eight bytes.
 *
 * <p>A hash is made of pairs of eight bytes: both halves of the product of one and the other, each first mixed with what is
 * secret or known so far, folded into one.
 *
 * @param size bytes of a key
 * @param seed what a hash begins with
 * @param secret what every second word of a key is mixed with
 */
record HashKeys(int size, long seed, long secret) {
    /** @param seed of the map; 0 for the same hashes every time */
    static HashKeys of(int size, long seed) {
        long start = seed == 0 ? 0x243f_6a88_85a3_08d3L : mix(seed, 0x6a09_e667_f3bc_c908L);
        return new HashKeys(size, start, mix(start, 0xbb67_ae85_84ca_a73bL) | 1);
    }

    /** The hash of the key at an address. */
    int hash(long key) {
        long hash = seed;
        int at = 0;
        for (; at <= size - 2 * Long.BYTES; at += 2 * Long.BYTES) {
            hash = mix(hash ^ Memory.getLong(key + at), secret ^ Memory.getLong(key + at + Long.BYTES));
        }
        int left = size - at;
        if (left >= Long.BYTES) {
            long last = left == Long.BYTES ? 0 : tail(key + at + Long.BYTES, left - Long.BYTES);
            hash = mix(hash ^ Memory.getLong(key + at), secret ^ last);
        } else if (left > 0) {
            hash = mix(hash ^ tail(key + at, left), secret);
        }
        return finish(hash);
    }

    /** {@link #hash} of a four-byte key that is at hand as a number. */
    int hashOfInt(int key) {
        return finish(mix(seed ^ key & 0xffff_ffffL, secret));
    }

    private static long mix(long one, long other) {
        return one * other ^ Math.multiplyHigh(one, other);
    }

    private static int finish(long hash) {
        return (int) (hash ^ hash >>> 32);
    }

    /** Whether the key in an element is the same as another one. */
    boolean areEqual(long own, long other) {
        int at = 0;
        for (; at <= size - Long.BYTES; at += Long.BYTES) {
            if (Memory.getLong(own + at) != Memory.getLong(other + at)) {
                return false;
            }
        }
        return at == size || Memory.getLong(own + at) == tail(other + at, size - at);
    }

    /** Copies a key into an element. */
    void copy(long key, long own) {
        int at = 0;
        for (; at <= size - Long.BYTES; at += Long.BYTES) {
            Memory.putLong(own + at, Memory.getLong(key + at));
        }
        if (at < size) {
            Memory.putLong(own + at, tail(key + at, size - at));
        }
    }

    /** 1 to 7 bytes as a number. */
    private static long tail(long address, int bytes) {
        return switch (bytes) {
            case 4 -> Memory.getInt(address) & 0xffff_ffffL;
            case 1 -> Memory.getByte(address) & 0xffL;
            case 2 -> Memory.getShort(address) & 0xffffL;
            case 3 -> Memory.getShort(address) & 0xffffL | (Memory.getByte(address + 2) & 0xffL) << 16;
            case 5 -> Memory.getInt(address) & 0xffff_ffffL | (Memory.getByte(address + 4) & 0xffL) << 32;
            case 6 -> Memory.getInt(address) & 0xffff_ffffL | (Memory.getShort(address + 4) & 0xffffL) << 32;
            default ->
                Memory.getInt(address) & 0xffff_ffffL
                        | (Memory.getShort(address + 4) & 0xffffL) << 32
                        | (Memory.getByte(address + 6) & 0xffL) << 48;
        };
    }
}
