/**
 * Running programs: what an engine is, and the checked interpreter.
 *
 * <p>An {@link dev.sluice.exec.Engine} turns a linked program into an {@link dev.sluice.exec.Executable}. The
 * interpreter checks every access against the packet, the stack and the {@link dev.sluice.memory.Regions} of the
 * runtime, bounds frames, instructions and the alignment of atomics, and reports a violation as a {@link
 * dev.sluice.exec.ProgramFault}: no bytecode can hurt or hang the JVM.
 */
package dev.sluice.exec;
