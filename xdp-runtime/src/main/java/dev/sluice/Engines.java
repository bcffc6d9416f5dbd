package dev.sluice;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Interpreter;
import dev.sluice.jit.JitEngine;

/** The engines that programs can be run on. */
public final class Engines {
    private Engines() {}

    /** Reads instruction by instruction, and checks every access. */
    public static Engine interpreter() {
        return new Interpreter();
    }

    /** Compiles to JVM bytecode with the same checks. */
    public static Engine jitChecked() {
        return JitEngine.checked();
    }

    /**
     * Has programs verified as they are loaded, refuses those that are rejected, and compiles the others to JVM bytecode
     * without checks. What the verifier does not know, and what is loaded without an {@link XdpRuntime}, gets the checks.
     */
    public static Engine jit() {
        return JitEngine.trusting();
    }
}
