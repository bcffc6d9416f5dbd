package dev.sluice.verifier;

/**
 * An access to memory through a pointer.
 *
 * @param register the pointer
 * @param off the instruction's own offset
 * @param bytes 1 to 8
 * @param value the register that is stored or loaded; -1 for a constant, or where the value does not matter
 * @param aligned whether it must be aligned, whatever it points to
 * @param extend whether a loaded number is sign-extended
 */
record Access(int register, int off, int bytes, boolean write, int value, boolean aligned, boolean extend) {
    /** A store of something that is not known. */
    static Access storeOfUnknown(int register, int off, int bytes) {
        return new Access(register, off, bytes, true, -1, false, false);
    }
}
