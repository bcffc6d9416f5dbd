package dev.sluice.jit;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Structure;
import dev.sluice.map.MapTable;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import dev.sluice.program.Verified;
import org.jspecify.annotations.Nullable;

/**
 * The engine that compiles programs to JVM bytecode. Thread-safe.
 *
 * <p>What it makes of a program that nobody has verified has the interpreter's checks compiled in ({@code
 * jit-checked}). Code without checks ({@code jit}) can corrupt the JVM, so it is made only of a program that comes with a
 * {@linkplain Verified proof}.
 */
public final class JitEngine implements Engine {
    static final String CHECKED = "jit-checked";
    static final String UNCHECKED = "jit";

    private final boolean trusting;
    private final int methodBytes;

    private JitEngine(boolean trusting, int methodBytes) {
        this.trusting = trusting;
        this.methodBytes = methodBytes;
    }

    /** Compiles checks into every program. */
    public static JitEngine checked() {
        return new JitEngine(false, Settings.HUGE_METHOD_BYTES);
    }

    /** Leaves the checks out of programs that are proved to need none. */
    public static JitEngine trusting() {
        return new JitEngine(true, Settings.HUGE_METHOD_BYTES);
    }

    /**
     * The same with smaller methods, so that ordinary programs are cut as large ones are: for tests.
     *
     * @param bytes that a method should not exceed; what can't be cut does
     */
    public JitEngine withMethodBytes(int bytes) {
        return new JitEngine(trusting, bytes);
    }

    @Override
    public String name() {
        return trusting ? UNCHECKED : CHECKED;
    }

    @Override
    public boolean wantsProof() {
        return trusting;
    }

    @Override
    public Executable load(Program program, int programId) {
        Structure.check(program);
        return new JitExecutable(program, programId, new Settings(null, methodBytes));
    }

    @Override
    public Executable load(Verified verified, int programId) {
        if (!trusting) {
            return load(verified.program(), programId);
        }
        Structure.check(verified.program());
        return new JitExecutable(verified.program(), programId, new Settings(verified.facts(), methodBytes));
    }

    /**
     * Shows what a program that this engine loaded becomes.
     *
     * @param maps of the runtime that it runs in, for which the code is made
     * @param regions the memory of that runtime
     * @throws IllegalArgumentException when another engine loaded it
     */
    public static JitListing listing(Executable executable, MapTable maps, Regions regions) {
        return listing(executable, new Surroundings(maps, regions));
    }

    /** The same, of code for any runtime. */
    public static JitListing listing(Executable executable) {
        return listing(executable, null);
    }

    private static JitListing listing(Executable executable, @Nullable Surroundings known) {
        if (!(executable instanceof JitExecutable jited)) {
            throw new IllegalArgumentException("expected a compiled program, found " + executable);
        }
        return jited.listing(known);
    }
}
