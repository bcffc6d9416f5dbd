package dev.sluice.jit;

/**
 * Which code is made of a program.
 *
 * @param entry how the program is entered
 * @param counted whether instructions are counted against the run's limit
 */
record Variant(Entry entry, boolean counted) {
    /** Ways into a program. */
    enum Entry {
        /** The packet loop. */
        LOOP,
        /** A single run or a tail call, r1 being the context. */
        CONTEXT,
        /** A single run with any arguments. */
        ARGUMENTS;

        /** Whether r1 is known to be the context. */
        boolean hasContext() {
            return this != ARGUMENTS;
        }
    }
}
