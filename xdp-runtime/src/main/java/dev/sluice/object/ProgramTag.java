package dev.sluice.object;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The kernel's tag of a program: the first eight bytes of the SHA-256 over its instructions, as Linux has it since 6.18
 * (SHA-1 before). Numbers that stand for maps count as zero, since they differ from load to load.
 */
public final class ProgramTag {
    private static final int LDDW = 0x18;

    private ProgramTag() {}

    /**
     * @param insns eight bytes a slot, little endian
     * @return 16 hexadecimal digits
     */
    public static String compute(byte[] insns) {
        byte[] stable = insns.clone();
        for (int at = 0; at + 16 <= stable.length; at += 8) {
            if ((stable[at] & 0xff) == LDDW) {
                int src = stable[at + 1] >>> 4 & 0xf;
                boolean secondHalf = Blob.i32(stable, at + 8) == 0;
                if (src == 1 || src == 2) {
                    Blob.i32(stable, at + 4, 0);
                    if (secondHalf) {
                        Blob.i32(stable, at + 12, 0);
                    }
                }
                if (secondHalf) {
                    at += 8;
                }
            }
        }
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(stable);
            return HexFormat.of().formatHex(digest, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
