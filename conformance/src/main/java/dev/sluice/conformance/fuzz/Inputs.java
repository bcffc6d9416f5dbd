package dev.sluice.conformance.fuzz;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * What a program is run on: packets, and the first content of the array.
 *
 * @param packets in order; maps are kept from one to the next
 * @param value of the array's only entry
 */
record Inputs(List<byte[]> packets, byte[] value) {
    private static final int SHORTEST = 14;
    private static final int LONGEST = 300;

    /** The inputs of a seed: random bytes, and bytes that are mostly 0, 1 or all ones. */
    static Inputs of(long seed, int count) {
        Random random = new Random(seed ^ 0x5e_ed0f_1e55L);
        List<byte[]> packets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean tooShort = i == count - 1 && random.nextInt(4) == 0;
            int length = tooShort
                    ? SHORTEST + random.nextInt(TestBed.PACKET_BYTES - SHORTEST)
                    : TestBed.PACKET_BYTES + random.nextInt(LONGEST - TestBed.PACKET_BYTES);
            packets.add(bytes(random, length));
        }
        return new Inputs(packets, bytes(random, TestBed.VALUE_BYTES));
    }

    private static byte[] bytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        int sparse = random.nextInt(3);
        if (sparse != 0) {
            for (int i = 0; i < length; i++) {
                bytes[i] = switch (random.nextInt(8)) {
                    case 0 -> bytes[i];
                    case 1 -> 1;
                    case 2, 3 -> -1;
                    default -> 0;
                };
            }
        }
        return bytes;
    }
}
