package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;

/**
 * {@code BPF_MAP_TYPE_BLOOM_FILTER}: a set that may say "perhaps" of a value that was never added, never "no" of one that
 * was. {@code map_extra} is the number of hash functions, 5 when 0. The bits are the kernel's for the same seed (Jenkins'
 * lookup3, {@code Documentation/bpf/map_bloom_filter.rst}), so that with {@code BPF_F_ZERO_SEED} the same values are
 * mistaken for members.
 *
 * <p>User space uses an empty key: {@link #put} adds; {@link #contains} asks.
 */
public final class BloomFilterMap extends LiveMap {
    private static final int ZERO_SEED = 1 << 6;
    private static final int DEFAULT_HASHES = 5;
    private static final long U32_MAX = 0xffff_ffffL;
    private static final int JHASH_START = 0xdead_beef;

    private final int valueSize;
    private final int hashes;
    private final int seed;
    private final int mask;
    private final long bits;

    BloomFilterMap(MapDef def, MapTable table, long seed) {
        super(def, table, new Regions());
        valueSize = def.valueSize();
        int wanted = (int) def.extra() & 0xf;
        hashes = wanted == 0 ? DEFAULT_HASHES : wanted;
        this.seed = (def.flags() & ZERO_SEED) != 0 ? 0 : (int) (seed * 0x9e37_79b9L >>> 7) ^ id();
        mask = mask(Integer.toUnsignedLong(def.maxEntries()), hashes);
        bits = allocate((Integer.toUnsignedLong(mask) + 1) / Byte.SIZE + Long.BYTES);
    }

    /** 7/5, nearly 1/ln 2, bits for each value and hash function, and a power of two of them. */
    private static int mask(long entries, int hashes) {
        long product = entries * hashes;
        if (product > U32_MAX || product / 5 * 7 > U32_MAX || product / 5 * 7 > 1L << 31) {
            return -1;
        }
        long bitCount = Math.max(product / 5 * 7, Long.SIZE);
        return (int) ((bitCount == Long.highestOneBit(bitCount) ? bitCount : Long.highestOneBit(bitCount) << 1) - 1);
    }

    /** Adds a value: 0, or EINVAL for flags other than {@link #ANY}. */
    @Override
    public int push(long value, long flags) {
        if (flags != ANY) {
            return Errno.EINVAL.negative();
        }
        for (int i = 0; i < hashes; i++) {
            long bit = hash(value, i) & U32_MAX;
            Memory.ATOMIC_LONG.getAndBitwiseOr(Memory.ALL, word(bit), 1L << (bit & 63));
        }
        return 0;
    }

    @Override
    public int peek(long value) {
        for (int i = 0; i < hashes; i++) {
            long bit = hash(value, i) & U32_MAX;
            if (((long) Memory.ATOMIC_LONG.getOpaque(Memory.ALL, word(bit)) >>> (bit & 63) & 1) == 0) {
                return Errno.ENOENT.negative();
            }
        }
        return 0;
    }

    @Override
    public int pop(long value) {
        return Errno.EOPNOTSUPP.negative();
    }

    private long word(long bit) {
        return bits + (bit >>> 6) * Long.BYTES;
    }

    // --- lookup3 by Bob Jenkins, which is in the public domain

    private int hash(long value, int number) {
        // the kernel's hash of words is that of bytes, where bytes are in this order
        int left = valueSize;
        int a = JHASH_START + left + seed + number;
        int b = a;
        int c = a;
        long at = value;
        while (left > 12) {
            a += Memory.getInt(at);
            b += Memory.getInt(at + 4);
            c += Memory.getInt(at + 8);
            a = a - c ^ Integer.rotateLeft(c, 4);
            c += b;
            b = b - a ^ Integer.rotateLeft(a, 6);
            a += c;
            c = c - b ^ Integer.rotateLeft(b, 8);
            b += a;
            a = a - c ^ Integer.rotateLeft(c, 16);
            c += b;
            b = b - a ^ Integer.rotateLeft(a, 19);
            a += c;
            c = c - b ^ Integer.rotateLeft(b, 4);
            b += a;
            left -= 12;
            at += 12;
        }
        a += upTo4(at, left);
        b += upTo4(at + 4, left - 4);
        c += upTo4(at + 8, left - 8);
        return last(a, b, c) & mask;
    }

    private static int upTo4(long at, int bytes) {
        if (bytes >= Integer.BYTES) {
            return Memory.getInt(at);
        }
        int word = 0;
        for (int i = 0; i < bytes; i++) {
            word |= (Memory.getByte(at + i) & 0xff) << i * 8;
        }
        return word;
    }

    private static int last(int x, int y, int z) {
        int c = (z ^ y) - Integer.rotateLeft(y, 14);
        int a = (x ^ c) - Integer.rotateLeft(c, 11);
        int b = (y ^ a) - Integer.rotateLeft(a, 25);
        c = (c ^ b) - Integer.rotateLeft(b, 16);
        a = (a ^ c) - Integer.rotateLeft(c, 4);
        b = (b ^ a) - Integer.rotateLeft(a, 14);
        return (c ^ b) - Integer.rotateLeft(b, 24);
    }

    // --- the rest

    /** Whether it may hold a value; false is certain. */
    public boolean contains(byte[] value) {
        if (value.length != valueSize) {
            throw refuse(Errno.EINVAL, "value expected " + valueSize + " bytes, found " + value.length);
        }
        return inside(() -> {
            try (Arena arena = Arena.ofConfined()) {
                return peek(HashTableMap.nativeCopy(arena, value)) == 0;
            }
        });
    }

    @Override
    public long lookup(long key, int cpu) {
        return 0;
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        return Errno.EINVAL.negative();
    }

    @Override
    public int delete(long key) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int userValueSize() {
        return valueSize;
    }

    @Override
    byte[] read(byte[] key) {
        throw refuse(Errno.EOPNOTSUPP, "it can be asked for a value, but has none to give");
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        try (Arena arena = Arena.ofConfined()) {
            return push(HashTableMap.nativeCopy(arena, value), flags);
        }
    }

    @Override
    int erase(byte[] key) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    byte[] next(byte[] key) {
        throw refuse(Errno.EOPNOTSUPP, "it has no keys");
    }
}
