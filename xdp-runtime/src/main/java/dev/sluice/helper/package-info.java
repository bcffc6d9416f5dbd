/**
 * Helpers: what programs call by number, and functions of the kernel that they call by name.
 *
 * <p>{@link dev.sluice.helper.Helper} is the table of all that Linux has for XDP: number, C name, prototype, license rule, implementation. The
 * implementation of each is one static method of {@link dev.sluice.helper.Helpers} or one of its like, with the shape {@code
 * (RunContext, long, long, long, long, long) -> long}, called by the interpreter through the row and by compiled code
 * directly. A prototype's argument kinds say what an unverified engine must check before the call; see {@link
 * dev.sluice.helper.ArgKind}. Source of prototypes: linux/bpf.h (the helpers' documentation) and bpf-helpers(7).
 *
 * <p>{@link dev.sluice.helper.Kfunc} is the table of the kernel's functions that programs call by name (kfuncs): the same
 * shape, behind the same interface {@link dev.sluice.helper.Callee}. Results of type {@code int} leave the upper half of r0
 * zero, as the kernel's do on x86-64.
 */
package dev.sluice.helper;
