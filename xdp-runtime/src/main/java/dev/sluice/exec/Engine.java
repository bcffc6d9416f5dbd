package dev.sluice.exec;

import dev.sluice.program.Program;
import dev.sluice.program.Verified;

/** A way to run programs. Thread-safe. */
public interface Engine {
    /** As users name it: {@code interpreter}, {@code jit-checked}, {@code jit}. */
    String name();

    /**
     * Makes a program runnable.
     *
     * @param programId the id that {@link Executable#programId} gives
     * @throws dev.sluice.isa.MalformedCodeException when control can leave the code
     */
    Executable load(Program program, int programId);

    /** Whether it makes better code of what is proved. */
    default boolean wantsProof() {
        return false;
    }

    /** Makes a program runnable of which it is proved that it needs no checks. */
    default Executable load(Verified verified, int programId) {
        return load(verified.program(), programId);
    }
}
