package dev.sluice.kernel.diff;

import dev.sluice.program.SourceLine;
import org.jspecify.annotations.Nullable;

/**
 * An instruction that the interpreter ran.
 *
 * @param program name of the program, which a tail call changes
 * @param pc its slot
 * @param depth of function calls, 0 for the entry function
 * @param text the instruction in the kernel's syntax
 * @param line the C line that it comes from, where it is another one than that of the step before; else null
 * @param changes registers that it changed, such as {@code r1=pkt+14 r2=17}; empty for none
 */
public record TraceStep(
        String program,
        int pc,
        int depth,
        String text,
        @Nullable SourceLine line,
        String changes) {}
