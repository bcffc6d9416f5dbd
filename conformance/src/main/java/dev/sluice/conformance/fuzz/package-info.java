/**
 * A differential fuzzer: random XDP programs that Linux's verifier accepts, run on every engine and in the kernel.
 *
 * <p>A program is made from a seed alone ({@link dev.sluice.conformance.fuzz.ProgramGenerator}), in the shape
 *
 * <pre>
 *   r6 = ctx, r7 = data (64 bytes proved readable), r8 = value of the array map, stack and scalars filled
 *   a random tree of operations: arithmetic, memory, atomics, branches, loops with a bound, calls, helpers
 *   every scalar register stored to the map, and folded into r0
 * </pre>
 *
 * so that a wrong result anywhere shows in the return value, the packet or the maps. Pointers never become data, so
 * programs behave alike wherever their memory lies.
 *
 * <p>Programs that no verifier takes ({@link dev.sluice.conformance.fuzz.SpoiltRun}) are for the engines that check: what
 * these leave untested must not be possible.
 */
@NullMarked
package dev.sluice.conformance.fuzz;

import org.jspecify.annotations.NullMarked;
