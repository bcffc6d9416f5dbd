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

    /**
     * The width of so many bytes.
     *
     * @param bytes 1, 2, 4 or 8
     */
    public static Width of(int bytes) {
        return switch (bytes) {
            case 1 -> B;
            case 2 -> H;
            case 4 -> W;
            case 8 -> DW;
            default -> throw new IllegalArgumentException("expected 1, 2, 4 or 8 bytes, found bytes=" + bytes);
        };
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
