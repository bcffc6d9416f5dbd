package dev.sluice.exec;

/**
 * What a program holds as the address of one of its own functions ({@code lddw} with {@code BPF_PSEUDO_FUNC}): a number
 * that lies in no region, so that it cannot be read through, and that tells the function's first slot.
 */
public final class FunctionPointer {
    private static final long BASE = 0xffff_a000_0000_0000L;

    private FunctionPointer() {}

    /** The address of the function that begins at a slot. */
    public static long of(int slot) {
        return BASE + ((long) slot << 3);
    }

    /** The first slot of the function at an address, or -1 when it is no function's. */
    public static int slotOf(long address) {
        long offset = address - BASE;
        return offset >= 0 && offset >>> 3 <= Integer.MAX_VALUE && (offset & 7) == 0 ? (int) (offset >>> 3) : -1;
    }
}
