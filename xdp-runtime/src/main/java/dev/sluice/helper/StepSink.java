package dev.sluice.helper;

/**
 * Sees every instruction before the interpreter runs it: for traces, coverage and debuggers. Called on the queue's
 * thread. Compiled code does not call it.
 */
@FunctionalInterface
public interface StepSink {
    /**
     * @param programId of the program that runs, which a tail call changes
     * @param pc the instruction's slot
     * @param depth of the function call, 0 for the entry function
     * @param registers r0 to r10 before the instruction; to be read only
     */
    void step(int programId, int pc, int depth, long[] registers);
}
