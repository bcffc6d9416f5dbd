package dev.sluice.isa;

/** Bytes or text that are no BPF instructions. The message names the slot as the kernel's log does. */
public final class MalformedCodeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int slot;

    /**
     * @param slot the slot (or line, for an assembler) at fault
     * @param message what was expected and what was found
     */
    public MalformedCodeException(int slot, String message) {
        super("insn " + slot + ": " + message);
        this.slot = slot;
    }

    public int slot() {
        return slot;
    }
}
