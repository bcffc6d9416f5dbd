package dev.sluice.verifier;

/**
 * One thing that must hold before an instruction, for {@link Requirements} to check.
 *
 * @param register which register it is about; -1 for none
 * @param text of the message, where the kind alone does not give it
 */
record Requirement(Kind kind, int register, String text) {
    enum Kind {
        /** The register was written. */
        READABLE,
        /** The register may be set: it exists, and is not the frame pointer. */
        WRITABLE,
        /** The register points to memory on which atomic operations work. */
        ATOMIC_MEMORY,
        /** No path may come by: the instruction is not well formed. */
        NEVER
    }

    static Requirement readable(int register) {
        return new Requirement(Kind.READABLE, register, "");
    }

    static Requirement writable(int register) {
        return new Requirement(Kind.WRITABLE, register, "");
    }

    /** Atomic memory; {@code what} says what the instruction does to it, as in {@code stores into}. */
    static Requirement atomicMemory(int register, String what) {
        return new Requirement(Kind.ATOMIC_MEMORY, register, what);
    }

    static Requirement never(String message) {
        return new Requirement(Kind.NEVER, -1, message);
    }
}
