package dev.sluice.isa;

/** The width of an operation or a memory access. */
public enum Width {
    B(1, "8"),
    H(2, "16"),
    W(4, "32"),
    DW(8, "64");

    private final int bytes;
    private final String bits;

    Width(int bytes, String bits) {
        this.bytes = bytes;
        this.bits = bits;
    }

    /** 1, 2, 4 or 8. */
    public int bytes() {
        return bytes;
    }

    /** {@code "8"} to {@code "64"}, as in {@code u8} and {@code s32}. */
    public String bits() {
        return bits;
    }
}
