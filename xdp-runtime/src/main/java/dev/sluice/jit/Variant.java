package dev.sluice.jit;

/**
 * Which code is made of a program.
 *
 * @param entry how the program is entered
 * @param counted whether instructions are counted against the run's limit
 * @param assuming whether accesses at constant addresses are made in place, on the assumption that they are allowed
 */
record Variant(Entry entry, boolean counted, boolean assuming) {
    /** Ways into a program. */
    enum Entry {
        /** The packet loop. */
        LOOP,
        /** A single run or a tail call: r1 is the context, r2 is 0. */
        CONTEXT,
        /** A single run with any arguments. */
        ARGUMENTS;

        /** Whether r1 is known to be the context, and all other registers to be 0. */
        boolean hasContext() {
            return this != ARGUMENTS;
        }
    }
}
