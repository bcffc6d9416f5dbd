package dev.sluice.jit;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Structure;
import dev.sluice.program.Program;
import java.util.BitSet;

/**
 * The engine that compiles programs to JVM bytecode. Thread-safe.
 *
 * <p>What it makes of a program that nobody has verified has the interpreter's checks compiled in ({@code
 * jit-checked}). Code without checks can corrupt the JVM, so it is made of a {@link Proven} program only, a type that
 * nobody outside of this package can construct.
 */
public final class JitEngine implements Engine {
    /** A program of which somebody has shown that it needs no checks, and what its code has to know. */
    static final class Proven {
        final Program program;
        final BitSet contextLoads;

        /**
         * For the way from the verifier's result, and for tests of programs that are known to be right.
         *
         * @param contextLoads slots of the loads that read the context; no other reads it
         */
        Proven(Program program, BitSet contextLoads) {
            this.program = program;
            this.contextLoads = (BitSet) contextLoads.clone();
        }
    }

    private final Settings settings;

    /** Creates the engine. */
    public JitEngine() {
        this(Settings.CHECKED);
    }

    /** With other sizes of methods, for tests. */
    JitEngine(Settings settings) {
        this.settings = settings;
    }

    @Override
    public String name() {
        return "jit-checked";
    }

    @Override
    public Executable load(Program program, int programId) {
        Structure.check(program);
        return new JitExecutable(program, programId, new Settings(null, settings.methodBytes()));
    }

    /**
     * Shows what a program that this engine loaded became.
     *
     * @throws IllegalArgumentException when another engine loaded it
     */
    public static JitListing listing(Executable executable) {
        if (!(executable instanceof JitExecutable jited)) {
            throw new IllegalArgumentException("expected a compiled program, found " + executable);
        }
        return jited.listing();
    }

    /** Makes a program runnable without checks. */
    Executable load(Proven proven, int programId) {
        Structure.check(proven.program);
        return new JitExecutable(proven.program, programId, new Settings(proven.contextLoads, settings.methodBytes()));
    }
}
