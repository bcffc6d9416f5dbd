/**
 * JMH benchmarks: one class a question. {@code bench/run} builds and starts them; its arguments are JMH's.
 * {@link dev.sluice.bench.maps} also has the comparison of maps with the kernel's.
 *
 * <p>A benchmark of a program must let the traffic change (see the warm-up of the JVM's compiler in {@code
 * docs/RATIONALE.md}): with one packet repeated, branches that it never takes are not compiled.
 */
@NullMarked
package dev.sluice.bench;

import org.jspecify.annotations.NullMarked;
