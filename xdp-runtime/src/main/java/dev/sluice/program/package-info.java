/**
 * Linked programs: what engines run. Every reference is resolved: an {@code lddw} of a map holds the map's pointer, one
 * of a map value holds a real address, calls go to slots of the same code.
 *
 * <h2>What was proved</h2>
 *
 * <p>{@link dev.sluice.program.Facts} is the verifier's result for tools and for the compiler, slot by slot:
 *
 * <pre>
 *   reached             whether any path comes by; the rest is dead code
 *   outcome             of a conditional jump: goes both ways, always taken, never taken
 *   before(slot, r)     of each operand: what it holds, joined over all paths
 *                         pointers: context, packet, end, stack of its own frame or another's, value of map M, …;
 *                                   whether NULL is possible; least and greatest offset from where the memory begins
 *                         numbers:  known bits, bounds at 64 and 32 bits, signed and unsigned
 * </pre>
 *
 * <p>Kinds of pointers come from the verifier's walk over all paths. Numbers come from a data flow of their own: the walk ends
 * a path early where a number that is different this time cannot matter to safety, so that what it saw of numbers is not
 * all that there can be.
 *
 * <p>Dead code is removed before a verified program runs, as Linux removes it; facts move with their instructions.
 *
 * <p>{@link dev.sluice.program.Verified} is a program together with its proof. The way from an object to it:
 *
 * <pre>
 *   LinkedProgram ── Subjects.of ──> Subject ── Verifier.verify ──> Verdict.Verified.facts() ── verified(program) ─┐
 *        └────────── loader: addresses of maps go in ──────────────> Program ───────────────────────────────────────┴─> Verified
 * </pre>
 */
@NullMarked
package dev.sluice.program;

import org.jspecify.annotations.NullMarked;
