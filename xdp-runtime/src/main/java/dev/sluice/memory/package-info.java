/**
 * Memory as BPF programs see it: real native addresses, outside of the Java heap.
 *
 * <p>Frames, map values, stacks and ring buffers are off-heap; an eBPF pointer is the native address, as in the kernel.
 * {@link dev.sluice.memory.Memory} reads and writes any address without a check: only verified code, or code that asked
 * {@link dev.sluice.memory.Regions} first, may use it. All values are little endian, which is the only byte order that
 * Sluice runs on.
 */
@NullMarked
package dev.sluice.memory;

import org.jspecify.annotations.NullMarked;
