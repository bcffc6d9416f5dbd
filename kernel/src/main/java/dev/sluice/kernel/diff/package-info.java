/**
 * The same object, the same packets, in the running kernel and on engines of ours: what is different?
 *
 * <p>{@link dev.sluice.kernel.diff.Comparison} loads an object, as our loader reads it, into the kernel and into a runtime
 * for each engine, gives every packet to all of them, and reads all maps at the end. The kernel is always right.
 *
 * <pre>
 *              packet
 *        ┌────────┼─────────────┐
 *   test run   interpreter   jit …         one thread, pinned to a CPU
 *        │        │             │
 *        └────────┴──────┬──────┘
 *     return value, metadata length, bytes from data_meta to data_end
 *                        │
 *          equal, excused by a rule, or different
 * </pre>
 *
 * <p>What is known to differ, or cannot be seen, is a {@link dev.sluice.kernel.diff.Rule} with a name; how often each was
 * applied is part of the report. Rules about time and random numbers excuse only what comes after a program has asked
 * for them, which the interpreter's steps tell; up to there everything must be equal.
 */
@NullMarked
package dev.sluice.kernel.diff;

import org.jspecify.annotations.NullMarked;
