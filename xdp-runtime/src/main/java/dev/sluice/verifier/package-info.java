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
 * <p>Domains: {@link dev.sluice.verifier.Tnum} (bits) and {@link dev.sluice.verifier.Scalar} (bits and four ranges). Both
 * over-approximate: each possible concrete value lies in them. Precision marks ({@link dev.sluice.verifier.Precision})
 * say which scalars mattered, so that pruning may ignore the others.
 */
package dev.sluice.verifier;
