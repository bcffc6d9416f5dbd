package dev.sluice.jit;

/** How a method ends when its function exits. */
enum Shape {
    /** A whole function: returns r0. */
    FUNCTION,
    /** A part of one: returns r0, or what another part returns, or leaves {@link dev.sluice.helper.RunContext#resumeAt} set. */
    PART,
    /** The entry function inside the packet loop: jumps behind itself with r0 in its local. */
    LOOP,
    /** A function in place of its call: the same. */
    INLINED
}
