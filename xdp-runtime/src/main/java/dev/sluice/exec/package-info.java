/**
 * Running programs: what an engine is, and the checked interpreter.
 *
 * <p>An {@link dev.sluice.exec.Engine} turns a linked program into an {@link dev.sluice.exec.Executable}. Before that,
 * {@link dev.sluice.exec.Structure} refuses what needs no analysis to be wrong: control that leaves a function, calls to
 * the middle of one, writes to r10, legacy packet access. {@link dev.sluice.exec.BaseExecutable} is the way from a frame
 * descriptor into a {@link dev.sluice.helper.RunContext} and back, the same for every engine.
 *
 * <h2>The interpreter</h2>
 *
 * <pre>
 *  program ─ Predecoded ── a word an instruction; the first of a usual sequence stands for all of it
 *          ─ Interpreter ─ the loop over usual operations ({@link dev.sluice.exec.Operation}), calls, counting
 *          ─ SingleStep ── one instruction of any row, exhaustively; what the loop leaves alone, and every
 *                          instruction when somebody watches or the limit is near
 * </pre>
 *
 * <h2>Checks</h2>
 *
 * A checked engine asks {@link dev.sluice.exec.Checks} for every access, in this order:
 *
 * <pre>
 * 1. data_meta &lt;= address, address + size &lt;= data_end        the packet
 * 2. stacks    &lt;= address, address + size &lt;= stack top       the stacks of all frames of this run
 * 3. loads of 4 bytes at the context                         fields of struct xdp_md, as 64-bit values
 * 4. the region that this instruction was in last time       map values (the version of the regions is still the same;
 *                                                            the interpreter asks for it after each call)
 * 5. memory lent to a raw program; all regions of the runtime
 * </pre>
 *
 * and for every helper, whose arguments are checked by its prototype. It also bounds frames (8), instructions, and the
 * alignment of atomics, and reports a violation as a {@link dev.sluice.exec.ProgramFault} with the slot: no bytecode can
 * hurt or hang the JVM.
 *
 * <h2>What the kernel leaves open</h2>
 *
 * A verified program cannot see these; unverified ones must see the same on every engine. A run begins with all registers
 * but r1, r2 and r10 zero; so do r0 and r6 to r9 of a called function, and the 512 bytes of each frame; a function that
 * does not name r10 has no frame. Calls leave r1 to r5 as they were. {@code may_goto} falls through 8,388,608 times in a frame (the kernel's limit where it does not
 * measure time). A tail call takes over the frame of the function that makes it: the target's exit returns to that
 * function's caller.
 */
package dev.sluice.exec;
