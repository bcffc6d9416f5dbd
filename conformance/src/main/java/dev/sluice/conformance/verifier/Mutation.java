package dev.sluice.conformance.verifier;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/** Changes a few fields of a program, so that many of the results are wrong in some way. */
final class Mutation {
    private static final int[] NUMBERS = {0, 1, -1, 7, 8, 64, 256, Integer.MAX_VALUE, Integer.MIN_VALUE, 0xffff, 14};
    private static final int[] OPCODES = {0x57, 0x07, 0x0f, 0x2d, 0xb7, 0x5f, 0x77, 0x67, 0xbf, 0x79, 0x7b};

    private Mutation() {}

    static byte[] of(byte[] insns, long seed) {
        Random random = new Random(seed);
        byte[] changed = insns.clone();
        ByteBuffer words = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
        int slots = changed.length / 8;
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int at = 8 * random.nextInt(slots);
            switch (random.nextInt(9)) {
                case 0 -> changed[at + 1] = (byte) (changed[at + 1] & 0xf0 | random.nextInt(11));
                case 1 -> changed[at + 1] = (byte) (changed[at + 1] & 0x0f | random.nextInt(11) << 4);
                case 2 -> words.putShort(at + 2, (short) (words.getShort(at + 2) + random.nextInt(17) - 8));
                case 3 -> words.putInt(at + 4, NUMBERS[random.nextInt(NUMBERS.length)]);
                case 4 -> changed[at] ^= (byte) (1 << random.nextInt(8));
                case 5 -> {
                    int other = 8 * random.nextInt(slots);
                    long kept = words.getLong(at);
                    words.putLong(at, words.getLong(other));
                    words.putLong(other, kept);
                }
                case 6 -> words.putLong(at, words.getLong(8 * random.nextInt(slots)));
                case 7 -> words.putLong(at, 0xbf | (long) (random.nextInt(10) | random.nextInt(11) << 4) << 8);
                default -> changed[at] = (byte) OPCODES[random.nextInt(OPCODES.length)];
            }
        }
        return changed;
    }
}
