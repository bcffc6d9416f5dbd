/**
 * The verifier: proves that a program is safe before it runs, as Linux 6.18 does, and says why where it cannot.
 *
 * <p>Sources: the kernel's documentation (Documentation/bpf/verifier.rst), and observation of Linux 6.18. The way:
 *
 * <pre>
 *   bytes ─> Layout       encoding, functions, jump targets, reachability, places where paths meet
 *         ─> Simulation   walks every path, depth first, with a {@link dev.sluice.verifier.State}:
 *                         requirement checked, effect applied, both edges of a branch refined
 *         ─> Pruner       a state covered by one that was proved safe ends its path
 *         ─> Verdict      Verified (program and facts), Rejected (the kernel's words), Unsupported
 * </pre>
 *
 * <p>Of each instruction, three things are apart. Its <em>requirement</em> is a value, made from the instruction alone. A
 * <em>check</em> holds the state against it, writes the kernel's message where it fails, and changes nothing. The
 * <em>effect</em> changes the state and never rejects.
 *
 * <pre>
 *                   requirement          check                            effect
 *   any             Requirement          Requirements                     (below)
 *   load, store     Access               AccessRules, StackAccess.require Memory, StackAccess
 *   pointer +- n    the operator         PointerArithmetic.require        PointerArithmetic.step
 *   helper          Helper's arguments,  HelperArguments, Arguments       Arguments.apply, HelperCalls
 *                   ArgumentType
 *   kernel function Kfunc's arguments    KfuncCalls, Arguments            Arguments.apply, KfuncCalls
 *   global function types of parameters  GlobalFunctions, Arguments       Calls
 *   numbers         none                 none                             Arithmetic, ScalarAlu
 *   branch          none                 none                             Jumps: both edges refined
 * </pre>
 *
 * <p>The order of checks is Linux's, as the first that fails gives the message. A check may mark the number that it relied on
 * as precise, and a slot of the stack as read: notes about earlier states, for the pruner.
 *
 * <p>Domains: {@link dev.sluice.verifier.Tnum} (bits) and {@link dev.sluice.verifier.Scalar} (bits and four ranges). Both
 * over-approximate: each possible concrete value lies in them. Precision marks ({@link dev.sluice.verifier.Precision})
 * say which scalars mattered, so that pruning may ignore the others.
 */
package dev.sluice.verifier;
