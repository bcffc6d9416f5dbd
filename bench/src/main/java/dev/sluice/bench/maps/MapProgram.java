package dev.sluice.bench.maps;

import dev.sluice.bench.maps.MapCase.Draw;
import dev.sluice.bench.maps.MapCase.Key;
import dev.sluice.bench.maps.MapCase.Operation;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The programs of a case, and the keys that they make, for both sides to fill their maps with. */
final class MapProgram {
    /** What instructions name the map under test by. */
    static final int MAP = 1;

    /** What instructions name the array by whose only value is the state: x, and the sum. */
    static final int STATE = 2;

    static final int STATE_BYTES = 16;
    static final int OPERATIONS = 16;

    /** Indexes from here on are in no map before the run. */
    private static final int ABSENT = 1 << 21;

    private static final int SCRAMBLE = 0x9e37_79b1;
    private static final int IPV6_PREFIX = 0xb80d_0120; // 2001:db8::/32 in memory
    private static final int UDP = 17;

    private MapProgram() {}

    /** The program that does a case's operation 16 times, or that does everything else. */
    static Code of(MapCase what, Draw draw, boolean base, boolean unrolled) {
        StringBuilder text = new StringBuilder("""
                *(u32 *)(r10 - 8) = 0
                r1 = map[fd:%d]
                r2 = r10
                r2 += -8
                call 1
                if r0 == 0 goto out
                r6 = r0
                r7 = *(u64 *)(r6 + 0)
                r8 = 0
                r9 = %d
                """.formatted(STATE, OPERATIONS));
        for (int i = 0; i < (unrolled ? OPERATIONS : 1); i++) {
            String next = "next" + i;
            text.append(unrolled ? "" : "loop:\n");
            text.append("""
                    r1 = r7
                    r1 <<= 13
                    r7 ^= r1
                    r1 = r7
                    r1 >>= 7
                    r7 ^= r1
                    r1 = r7
                    r1 <<= 17
                    r7 ^= r1
                    """);
            text.append(draw(what.draws(), draw));
            boolean absent = what.operation() == Operation.MISS || what.operation() == Operation.INSERT_DELETE;
            if (absent) {
                text.append("r1 += ").append(ABSENT).append('\n');
            }
            text.append(key(what.key(), what.operation()));
            text.append(use(what.key()));
            if (!base) {
                text.append(operation(what.operation(), next));
            }
            text.append(next).append(":\n");
            text.append(unrolled ? "" : "r9 += -1\nif r9 != 0 goto loop\n");
        }
        text.append("""
                *(u64 *)(r6 + 0) = r7
                r1 = *(u64 *)(r6 + 8)
                r1 += r8
                *(u64 *)(r6 + 8) = r1
                out:
                r0 = 2
                exit
                """);
        return Assembler.assemble(text.toString());
    }

    /** An index in r1, from r7. */
    private static String draw(int draws, Draw draw) {
        int exponents = Integer.SIZE - Integer.numberOfLeadingZeros(draws - 1);
        return switch (draw) {
            case UNIFORM -> """
                    r1 = r7
                    r1 >>= 32
                    r1 *= %d
                    r1 >>= 32
                    """.formatted(draws);
            case ZIPF -> """
                    r2 = r7
                    r2 >>= 48
                    r2 *= %d
                    r2 >>= 16
                    r1 = 1
                    r1 <<= r2
                    r3 = r1
                    r3 += -1
                    r2 = r7
                    r2 >>= 12
                    r3 &= r2
                    r1 += r3
                    r1 *= %d
                    r1 >>= %d
                    """.formatted(exponents, draws, exponents);
        };
    }

    /** A key at r10-48 from the index in r1. */
    private static String key(Key key, Operation operation) {
        return switch (key) {
            case INDEX -> "*(u32 *)(r10 - 48) = r1\n";
            case WORD -> "w1 *= %d\n*(u32 *)(r10 - 48) = r1\n".formatted(SCRAMBLE);
            case TUPLE -> """
                    r2 = r1
                    r2 *= %d
                    *(u64 *)(r10 - 48) = r2
                    *(u32 *)(r10 - 40) = r1
                    *(u8 *)(r10 - 36) = %d
                    """.formatted(SCRAMBLE, UDP);
            case TUPLE6 -> """
                    r2 = %d ll
                    *(u64 *)(r10 - 48) = r2
                    *(u64 *)(r10 - 32) = r2
                    r2 = r1
                    r2 *= %d
                    *(u64 *)(r10 - 40) = r2
                    r2 *= %d
                    *(u64 *)(r10 - 24) = r2
                    *(u64 *)(r10 - 16) = r1
                    """.formatted(IPV6_PREFIX & 0xffff_ffffL, SCRAMBLE, SCRAMBLE);
            case ADDRESS -> """
                    %s*(u32 *)(r10 - 44) = r1
                    *(u32 *)(r10 - 48) = %d
                    """.formatted(address(), operation == Operation.UPDATE ? 24 : 32);
            case ADDRESS6 -> """
                    %s*(u32 *)(r10 - 40) = r1
                    *(u32 *)(r10 - 48) = %d
                    *(u32 *)(r10 - 44) = %d
                    *(u32 *)(r10 - 36) = r7
                    *(u32 *)(r10 - 32) = 1
                    """.formatted(address(), operation == Operation.UPDATE ? 56 : 128, IPV6_PREFIX);
        };
    }

    /**
     * Adds a key to the result, so that making it is part of the program without the operation, too: a compiler may leave out
     * what nobody uses.
     */
    private static String use(Key key) {
        StringBuilder text = new StringBuilder();
        for (int at = 0; at + Integer.BYTES <= key.bytes; at += Long.BYTES) {
            int width = key.bytes - at >= Long.BYTES ? Long.SIZE : Integer.SIZE;
            text.append("r2 = *(u%d *)(r10 - %d)\nr8 += r2\n".formatted(width, 48 - at));
        }
        return text.toString();
    }

    /** The address of an index as it is in memory: 24 bits of the index and 8 that are random. */
    private static String address() {
        return """
                w1 *= %d
                r2 = r7
                r2 &= 255
                r1 ^= r2
                r1 = be32 r1
                """.formatted(SCRAMBLE);
    }

    private static String operation(Operation operation, String next) {
        String mapAndKey = "r1 = map[fd:%d]\nr2 = r10\nr2 += -48\n".formatted(MAP);
        String value = "*(u64 *)(r10 - 56) = r7\nr3 = r10\nr3 += -56\nr4 = 0\n";
        String found = "call 1\nif r0 == 0 goto " + next + "\n";
        String add = "r1 = *(u64 *)(r0 + 0)\nr8 += r1\n";
        return switch (operation) {
            case LOOKUP, MISS -> mapAndKey + found + add;
            case COUNT -> mapAndKey + found + "r1 = 1\nlock *(u64 *)(r0 + 0) += r1\n";
            case UPDATE -> mapAndKey + value + "call 2\nr8 += r0\n";
            case INSERT_DELETE -> mapAndKey + value + "call 2\nr8 += r0\n" + mapAndKey + "call 3\nr8 += r0\n";
            case PUSH_POP -> {
                String mapAndValue = "r1 = map[fd:%d]\nr2 = r10\nr2 += -56\n".formatted(MAP);
                yield "*(u64 *)(r10 - 56) = r7\n" + mapAndValue + "r3 = 0\ncall 87\n" + mapAndValue
                        + "call 88\nr1 = *(u64 *)(r10 - 56)\nr8 += r1\n";
            }
            case LOOKUP_INNER -> mapAndKey + found + """
                    r1 = r7
                    r1 &= %d
                    *(u32 *)(r10 - 56) = r1
                    r1 = r0
                    r2 = r10
                    r2 += -56
                    """.formatted(MapCase.INNER_ENTRIES - 1) + found + add;
        };
    }

    /** The key of an index, as the programs make it; of tries the prefix that covers its address. */
    static byte[] keyOf(MapCase what, int index) {
        Key key = what.key();
        ByteBuffer bytes = ByteBuffer.allocate(key.bytes).order(ByteOrder.LITTLE_ENDIAN);
        long product = (long) index * SCRAMBLE;
        switch (key) {
            case INDEX -> bytes.putInt(index);
            case WORD -> bytes.putInt((int) product);
            case TUPLE -> bytes.putLong(product).putInt(index).put((byte) UDP);
            case TUPLE6 -> {
                long prefix = IPV6_PREFIX & 0xffff_ffffL;
                bytes.putLong(prefix).putLong(product).putLong(prefix);
                bytes.putLong(product * SCRAMBLE).putLong(index);
            }
            case ADDRESS -> {
                int length = prefixLength(what, index);
                bytes.putInt(length).putInt(Integer.reverseBytes((int) product & -1 << Integer.SIZE - length));
            }
            case ADDRESS6 -> {
                int length = prefixLength(what, index);
                bytes.putInt(Integer.SIZE + length).putInt(IPV6_PREFIX);
                bytes.putInt(Integer.reverseBytes((int) product & -1 << Integer.SIZE - length));
            }
        }
        return bytes.array();
    }

    /** As in tables of routes: most are of 24 bits, many are shorter, few are longer. */
    private static int prefixLength(MapCase what, int index) {
        int kind = index % 10;
        if (what.operation() == Operation.UPDATE || kind < 6) {
            return 24;
        }
        return kind < 9 ? 16 + index / 10 % 8 : 25 + index / 10 % 8;
    }

    /** The value of an index before the run. */
    static byte[] valueOf(int index) {
        return ByteBuffer.allocate(MapCase.VALUE_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(index * 0x1_0001L)
                .array();
    }
}
